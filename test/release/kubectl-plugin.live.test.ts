// The archive of the plugin of kubectl: it runs on a machine that has no Node.js, through a link as krew makes it, and the manifest names it.
// Runs first: it packs 150 MB.
import assert from 'node:assert/strict'
import { execFileSync, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { load } from 'js-yaml'
import { archiveName, buildPlugin, krewManifest } from '../../release/kubectl-plugin.ts'
import { FakeCluster } from '../cli/cluster/fake-cluster.ts'
import { pods, policies, statusPages } from '../cli/cluster/scene.ts'

const here = `linux_${process.arch === 'x64' ? 'amd64' : process.arch}`
const skip = process.platform === 'linux' ? false : 'the archive for Linux runs on Linux'

interface Manifest {
  readonly metadata: { readonly name: string }
  readonly spec: {
    readonly version: string
    readonly shortDescription: string
    readonly platforms: readonly {
      readonly selector: { readonly matchLabels: object }
      readonly uri: string
      readonly sha256: string
      readonly bin: string
    }[]
  }
}

test('the manifest has an entry for each platform', () => {
  const sums = new Map([
    ['linux_amd64', 'a'.repeat(64)],
    ['darwin_arm64', 'b'.repeat(64)],
  ])
  const { metadata, spec } = load(krewManifest({ version: '1.2.3', url: 'https://x.example/v1.2.3' }, sums)) as Manifest
  assert.equal(metadata.name, 'postscreen')
  assert.equal(spec.version, 'v1.2.3')
  // krew's limit.
  assert.ok(spec.shortDescription.length <= 60)
  assert.deepEqual(spec.platforms, [
    {
      selector: { matchLabels: { os: 'linux', arch: 'amd64' } },
      uri: 'https://x.example/v1.2.3/kubectl-postscreen_linux_amd64.tar.gz',
      ...{ sha256: 'a'.repeat(64), bin: 'kubectl-postscreen' },
    },
    {
      selector: { matchLabels: { os: 'darwin', arch: 'arm64' } },
      uri: 'https://x.example/v1.2.3/kubectl-postscreen_darwin_arm64.tar.gz',
      ...{ sha256: 'b'.repeat(64), bin: 'kubectl-postscreen' },
    },
  ])
})

describe('the archive', { skip }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'plugin-archive-'))
  const unpacked = join(folder, 'store/v1.2.3')
  const bin = join(folder, 'bin')
  let fake: FakeCluster

  before(async () => {
    fake = await FakeCluster.start()
    fake.policies = policies
    fake.pods = pods
    for (const [pod, json] of Object.entries(statusPages)) fake.pages.set(`${pod}/status`, { json })
    await buildPlugin({ folder, version: '1.2.3', url: 'https://x.example', only: [here] })
    mkdirSync(unpacked, { recursive: true })
    mkdirSync(bin)
    execFileSync('tar', ['-xzf', join(folder, archiveName(here)), '-C', unpacked])
    // krew: the link leads to another link.
    symlinkSync('../store/v1.2.3/kubectl-postscreen', join(bin, 'first'))
    symlinkSync(join(bin, 'first'), join(bin, 'kubectl-postscreen'))
  })
  after(async () => {
    await fake.close()
    rmSync(folder, { recursive: true })
  })

  /** With nothing of this process but a PATH without Node. */
  function plugin(...args: readonly string[]): Promise<{ readonly code: number | null; readonly stdout: string; readonly stderr: string }> {
    const env = { PATH: '/usr/bin:/bin', HOME: folder, KUBECONFIG: fake.kubeconfig, LANG: 'C.UTF-8' }
    const child = spawn(join(bin, 'kubectl-postscreen'), args, { env, cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
    return new Promise((resolve, reject) => {
      child.on('error', reject).on('close', (code) => resolve({ code, stdout, stderr }))
    })
  }

  test('the manifest has its checksum', () => {
    const { spec } = load(readFileSync(join(folder, 'krew.yaml'), 'utf8')) as Manifest
    const sum = createHash('sha256')
      .update(readFileSync(join(folder, archiveName(here))))
      .digest('hex')
    assert.deepEqual(
      spec.platforms.map(({ sha256, uri }) => ({ sha256, uri })),
      [{ sha256: sum, uri: `https://x.example/${archiveName(here)}` }],
    )
  })

  test('it has the licenses of everything in it', () => {
    for (const file of ['LICENSE', 'LICENSE-node', 'program/LICENSES']) assert.ok(existsSync(join(unpacked, file)), file)
  })

  test('it says its version and its name', async () => {
    assert.deepEqual(await plugin('--version'), { code: 0, stdout: '1.2.3\n', stderr: '' })
    const { stdout } = await plugin('--help')
    assert.match(stdout, /^Usage: kubectl postscreen COMMAND/)
  })

  test('it asks a cluster', async () => {
    const { code, stdout, stderr } = await plugin('status', '-n', 'lab')
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^lab\/trial +Audit +✓ Ready/m)
  })

  test('it reads policies, also with large tables', async () => {
    const table = Array.from({ length: 20_000 }, (_, at) => `10.${(at >> 8) & 255}.${at & 255}.0/28 reject\n`).join('')
    writeFileSync(join(folder, 'table.cidr'), table)
    const spec = { backend: { addresses: ['192.0.2.1:25'] }, access: [{ table: { file: 'table.cidr' } }] }
    writeFileSync(
      join(folder, 'policy.yaml'),
      JSON.stringify({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }),
    )
    const { code, stdout, stderr } = await plugin('validate', 'policy.yaml')
    assert.equal(code, 0, stdout + stderr)
  })

  test('a data directory cannot be opened: it says where it can', async () => {
    mkdirSync(join(folder, 'data'))
    const { code, stderr } = await plugin('allowlist', 'list', '--data-dir', join(folder, 'data'))
    assert.equal(code, 1)
    assert.match(stderr, /cannot open data directories: run the command in the pod of a gateway/)
  })
})
