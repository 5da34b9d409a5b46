// release/run refuses bad input with an error that says what to do, before it builds anything.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
let checkout: string

const git = (...args: readonly string[]): void => {
  const identity = ['-c', 'user.name=a', '-c', 'user.email=a@example.com', '-c', 'commit.gpgsign=false']
  const { status, stderr } = spawnSync('git', [...identity, ...args], { cwd: checkout, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
}

before(() => {
  checkout = mkdtempSync(join(tmpdir(), 'release-run.'))
  for (const path of ['release', 'charts/artifacthub-repo.yml', 'test/cluster', 'Dockerfile'])
    cpSync(join(root, path), join(checkout, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(checkout, 'node_modules'))
  writeFileSync(join(checkout, '.gitignore'), 'node_modules\n')
  git('init', '--quiet')
  git('add', '.')
  git('commit', '--quiet', '--message', 'All')
  writeFileSync(join(checkout, '.git/key'), 'a key\n')
})
after(() => rmSync(checkout, { recursive: true }))

const keys = (): NodeJS.ProcessEnv => ({ RELEASE_COSIGN_KEY: join(checkout, '.git/key'), RELEASE_GPG_KEY: join(checkout, '.git/key') })

/** What it says when it refuses. */
function refusal(args: readonly string[], env: NodeJS.ProcessEnv = keys()): string {
  const all = { PATH: process.env['PATH'], HOME: process.env['HOME'], ...env }
  const { status, stderr } = spawnSync(join(checkout, 'release/run'), args, { env: all, encoding: 'utf8' })
  assert.equal(status, 1, stderr)
  return stderr
}

describe('release/run refuses', () => {
  for (const version of ['1', '1.2', 'v1.2.3', '1.2.3+build', '01.2.3', '1.2.3-', '1.2.3-01', '1.2.3 ', 'latest', '1.2.3-a..b'])
    test(`the version "${version}"`, () => {
      assert.match(refusal([version, '--dry-run']), /^run: .* is not a version such as 0\.2\.0 or 0\.2\.0-rc\.1/)
    })

  test('no version, and two', () => {
    assert.match(refusal(['--dry-run']), /expected a version: release\/run 0\.2\.0/)
    assert.match(refusal(['1.2.3', '1.2.4']), /expected one version, not 1\.2\.3 and 1\.2\.4/)
  })

  test('unknown options, and options without their value', () => {
    assert.match(refusal(['1.2.3', '--dryrun']), /unknown option --dryrun/)
    assert.match(refusal(['1.2.3', '--registry']), /--registry needs a value/)
  })

  for (const registry of ['https://ghcr.io/a', 'ghcr.io/a/', 'ghcr.io/UPPER', 'a b'])
    test(`the registry "${registry}"`, () => {
      assert.match(refusal(['1.2.3', '--registry', registry]), /is not a registry such as/)
    })

  test('an architecture that it cannot build for', () => {
    assert.match(refusal(['1.2.3', '--architectures', 'amd64,riscv64']), /riscv64 is not supported; expected amd64 or arm64/)
  })

  test('to sign with no key, with a key that is not there, and with two identities', () => {
    const { RELEASE_COSIGN_KEY, RELEASE_GPG_KEY } = keys()
    assert.match(refusal(['1.2.3'], { RELEASE_GPG_KEY }), /RELEASE_COSIGN_KEY is not set/)
    assert.match(refusal(['1.2.3'], { RELEASE_COSIGN_KEY }), /RELEASE_GPG_KEY is not set/)
    assert.match(refusal(['1.2.3'], { RELEASE_COSIGN_KEY: '/nowhere', RELEASE_GPG_KEY }), /\/nowhere cannot be read/)
    assert.match(refusal(['1.2.3', '--keyless']), /either --keyless or RELEASE_COSIGN_KEY/)
  })

  test('what Artifact Hub would not understand', () => {
    assert.match(
      refusal(['1.2.3'], { ...keys(), RELEASE_ARTIFACT_HUB_ID: 'mine' }),
      /^RELEASE_ARTIFACT_HUB_ID: "mine" is not an ID such as/,
    )
  })

  test('a tree with changes that are not committed', () => {
    writeFileSync(join(checkout, 'new-file'), '')
    assert.match(refusal(['1.2.3', '--dry-run']), /the tree has changes that are not committed:\n\?\? new-file/)
    rmSync(join(checkout, 'new-file'))
  })

  test('to publish what no dry run has written', () => {
    assert.match(refusal(['1.2.3', '--publish', '/nowhere']), /\/nowhere is not the folder of a dry run/)
    assert.match(refusal(['1.2.3', '--publish', checkout]), /is not the folder of a dry run, or its files were changed/)
    assert.match(refusal(['1.2.3', '--dry-run', '--publish', checkout]), /either --dry-run or --publish/)
  })

  test('to publish a dry run of another version or for another registry', () => {
    const folder = mkdtempSync(join(tmpdir(), 'release-written.'))
    writeFileSync(join(folder, 'release.json'), JSON.stringify({ version: '1.2.3', registry: 'localhost:5000' }))
    const { stdout } = spawnSync('sha256sum', ['release.json'], { cwd: folder, encoding: 'utf8' })
    writeFileSync(join(folder, 'SHA256SUMS'), stdout)
    const other = /is a release of 1\.2\.3 for localhost:5000, not of 1\.2\.4 for localhost:5000/
    assert.match(refusal(['1.2.4', '--registry', 'localhost:5000', '--publish', folder]), other)
    assert.match(refusal(['1.2.3', '--publish', folder]), /not of 1\.2\.3 for ghcr\.io\/postscreen-dev/)
    rmSync(folder, { recursive: true })
  })
})
