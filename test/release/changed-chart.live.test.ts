// A chart that release/run signed verifies, and a changed one does not: neither its provenance nor its signature in the registry.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { clusterProgram } from '../peers/helm.ts'
import { unless } from '../peers/require.ts'
import { inReleaseShell, type LocalRegistry, root, type Said, startLocalRegistry } from './local-registry.ts'

const skip = unless('release-tools')
const digest = `sha256:${'a'.repeat(64)}`
const id = '8d2a1c4e-0b7f-4c1d-9e55-3f6f0a1b2c3d'
let served: LocalRegistry
let scratch: string

function tried(name: string, ...args: readonly string[]): Said {
  const env = { ...process.env, COSIGN_PASSWORD: '', HOME: scratch }
  const { status, stdout, stderr } = spawnSync(clusterProgram(name) ?? name, args, { encoding: 'utf8', env, timeout: 120_000 })
  return { code: status, stdout, stderr }
}

function ran(name: string, ...args: readonly string[]): string {
  const { code, stdout, stderr } = tried(name, ...args)
  assert.equal(code, 0, `${name} ${args.join(' ')}: ${stderr}`)
  return stdout.trim()
}

/** A script with the keys of the release. It must succeed. */
function release(script: string): void {
  const keys = { HOME: scratch, COSIGN_PASSWORD: '', RELEASE_COSIGN_KEY: join(scratch, 'cosign.key') }
  const { code, stderr } = inReleaseShell({ scratch, project: join(scratch, 'project'), registry: served.host }, script, keys)
  assert.equal(code, 0, stderr)
}

const out = (name: string): string => join(scratch, 'out', name)
const reference = (tag: string): string => `${served.host}/charts/postscreen:${tag}`
const cosignVerify = (what: string): Said =>
  tried('cosign', 'verify', '--key', join(scratch, 'cosign.pub'), '--insecure-ignore-tlog=true', '--allow-http-registry', what)

before(async () => {
  if (skip !== false) return
  scratch = mkdtempSync(join(tmpdir(), 'release-changed.'))
  served = await startLocalRegistry(scratch)
  const project = join(scratch, 'project')
  mkdirSync(project)
  for (const path of ['release', 'charts', 'crds', 'LICENSE', 'CHANGELOG.md', 'package.json'])
    cpSync(join(root, path), join(project, path), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(project, 'node_modules'))
  for (const name of ['postscreen', 'postscreen-postfix']) {
    mkdirSync(out(`images/${name}`), { recursive: true })
    writeFileSync(out(`images/${name}/index.json`), JSON.stringify({ manifests: [{ digest }] }))
  }
  ran('cosign', 'generate-key-pair', '--output-key-prefix', join(scratch, 'cosign'))
  const home = join(scratch, 'gpg')
  mkdirSync(home, { mode: 0o700 })
  ran(
    'gpg',
    '--homedir',
    home,
    '--batch',
    '--quiet',
    '--passphrase',
    '',
    '--quick-generate-key',
    'Test <test@example.com>',
    'rsa3072',
    'sign',
    'never',
  )
  writeFileSync(join(scratch, 'key.asc'), ran('gpg', '--homedir', home, '--batch', '--armor', '--export-secret-keys'))
  ran('gpgconf', '--homedir', home, '--kill', 'all')
  release(`
    gpg_key=$scratch/key.asc
    import_gpg_key
    package_chart
    artifact_hub=$(RELEASE_ARTIFACT_HUB_ID=${id} node "$project/release/artifact-hub.ts")
    push_chart
    cosign_with sign "$registry/charts/postscreen@$(crane digest "$registry/charts/postscreen:$version")"
    gpgconf --kill all`)
})

after(async () => {
  if (skip !== false) return
  await served.stop()
  rmSync(scratch, { recursive: true })
})

/** The package with another value in it, as anyone with write access to the registry could make it; its provenance is the old one. */
function changedPackage(): string {
  const folder = mkdtempSync(join(scratch, 'changed-'))
  ran('tar', 'xzf', out('postscreen-1.2.3.tgz'), '-C', folder)
  const values = join(folder, 'postscreen/values.yaml')
  writeFileSync(values, readFileSync(values, 'utf8').replace(digest, `sha256:${'b'.repeat(64)}`))
  const file = join(folder, 'postscreen-1.2.3.tgz')
  ran('tar', 'czf', file, '-C', folder, 'postscreen')
  cpSync(out('postscreen-1.2.3.tgz.prov'), `${file}.prov`)
  return file
}

const keyring = (): string => join(scratch, 'public.gpg')

describe('a chart of a release', { skip }, () => {
  test('verifies: its package with its provenance, and its signature in the registry', () => {
    ran('helm', 'verify', out('postscreen-1.2.3.tgz'), '--keyring', keyring())
    const { code, stderr } = cosignVerify(reference('1.2.3'))
    assert.equal(code, 0, stderr)
  })

  test('that was changed does not verify with the provenance', () => {
    const { code, stderr } = tried('helm', 'verify', changedPackage(), '--keyring', keyring())
    assert.equal(code, 1)
    assert.match(stderr, /sha256 sum does not match/)
  })

  test('that was changed and pushed under the tag of the release is refused when it is pulled, and has no signature', () => {
    const signed = ran('crane', 'digest', reference('1.2.3'))
    ran('helm', 'push', changedPackage(), `oci://${served.host}/charts`, '--plain-http')
    assert.notEqual(ran('crane', 'digest', reference('1.2.3')), signed)
    const pull = [
      'pull',
      `oci://${served.host}/charts/postscreen`,
      '--version',
      '1.2.3',
      '--plain-http',
      '--verify',
      '--keyring',
      keyring(),
    ]
    const { code, stderr } = tried('helm', ...pull, '--destination', mkdtempSync(join(scratch, 'pull-')))
    assert.equal(code, 1)
    assert.match(stderr, /sha256 sum does not match/)
    const changed = cosignVerify(reference('1.2.3'))
    assert.notEqual(changed.code, 0)
    assert.match(changed.stderr, /no signatures found/)
    const first = cosignVerify(`${served.host}/charts/postscreen@${signed}`)
    assert.equal(first.code, 0, 'the chart of the release can still be had by its digest')
  })

  test('has the ID of the publisher under the tag that Artifact Hub reads', () => {
    const manifest = JSON.parse(ran('crane', 'manifest', reference('artifacthub.io')))
    assert.equal(manifest.config.mediaType, 'application/vnd.cncf.artifacthub.config.v1+yaml')
    const [layer] = manifest.layers
    assert.equal(layer.mediaType, 'application/vnd.cncf.artifacthub.repository-metadata.layer.v1.yaml')
    assert.match(ran('crane', 'blob', `${served.host}/charts/postscreen@${layer.digest}`), new RegExp(`^repositoryID: ${id}$`, 'm'))
  })
})
