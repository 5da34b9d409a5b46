// release/run names base images by the digest that their tags have in the registry, and builds on exactly these images.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { clusterProgram } from '../peers/helm.ts'
import { unless } from '../peers/require.ts'
import { inReleaseShell, type LocalRegistry, type Said, startLocalRegistry } from './local-registry.ts'

const skip = unless('release-tools')
const architectures = ['amd64', 'arm64'] as const
const bases = { BUILD: 'node:24', BASE: 'distroless:nonroot', POSTFIX_BASE: 'debian:slim' } as const

let served: LocalRegistry
let scratch: string
const project = (): string => join(scratch, 'project')

const inRegistry = (): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(bases).map(([name, tag]) => [name, `${served.host}/${tag}`]))

const shell = (script: string): Said => inReleaseShell({ scratch, project: project(), registry: served.host }, script)

/** What the script prints; it must succeed. */
function printed(script: string): string {
  const { code, stdout, stderr } = shell(script)
  assert.equal(code, 0, stderr)
  return stdout.trim()
}

function crane(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync(clusterProgram('crane') ?? '', args, { encoding: 'utf8', timeout: 60_000 })
  assert.equal(status, 0, stderr)
  return stdout.trim()
}

/** Pushes an index for both architectures under a tag; each image has one file, whose text says what it is. Returns the digest of the index. */
function pushBase(tag: string, edition: string): string {
  const made = architectures.map((architecture) => {
    const folder = mkdtempSync(join(scratch, 'layer-'))
    writeFileSync(join(folder, `from-${tag.replace(':', '-')}`), `${architecture} ${edition}\n`)
    const layer = `${folder}.tar`
    assert.equal(spawnSync('tar', ['cf', layer, '-C', folder, '.']).status, 0)
    const one = `${served.host}/parts/${tag.replace(':', '-')}:${architecture}-${edition}`
    crane('append', '--oci-empty-base', '--new_layer', layer, '--new_tag', one)
    crane('mutate', one, '--set-platform', `linux/${architecture}`, '--tag', one)
    return one
  })
  crane('index', 'append', ...made.flatMap((one) => ['-m', one]), '-t', `${served.host}/${tag}`)
  return crane('digest', `${served.host}/${tag}`)
}

const dockerfile = (names: Readonly<Record<string, string>>): string => `${Object.entries(names)
  .map(([name, image]) => `ARG ${name}=${image}\n`)
  .join('')}
FROM \${POSTFIX_BASE} AS postfix
COPY a /a
FROM \${BUILD} AS build
FROM \${BASE}
COPY --from=build /from-node-24 /from-node-24
COPY a /a
`

before(async () => {
  if (skip !== false) return
  scratch = mkdtempSync(join(tmpdir(), 'release-bases.'))
  served = await startLocalRegistry(scratch)
  mkdirSync(project())
  writeFileSync(join(project(), 'a'), 'a\n')
  writeFileSync(join(project(), 'Dockerfile'), dockerfile(inRegistry()))
})

after(async () => {
  if (skip !== false) return
  await served.stop()
  // The storage of images is a mount.
  printed(`awk -v below="$scratch/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r | xargs -r umount`)
  rmSync(scratch, { recursive: true })
})

describe('the base image of a release', { skip }, () => {
  test('is named by the digest that its tag has now', () => {
    for (const [name, tag] of Object.entries(bases)) {
      const first = pushBase(tag, 'first')
      assert.equal(printed(`base_tag ${name}`), `${served.host}/${tag}@${first}`)
      const second = pushBase(tag, 'second')
      assert.notEqual(second, first)
      assert.equal(printed(`base_tag ${name}`), `${served.host}/${tag}@${second}`)
    }
  })

  test('that the Dockerfile names by an older digest gets the digest of its tag', () => {
    const folder = mkdtempSync(join(scratch, 'pinned-'))
    const old = `${served.host}/${bases.BASE}@sha256:${'0'.repeat(64)}`
    writeFileSync(join(folder, 'Dockerfile'), dockerfile({ BASE: old }))
    const { code, stdout, stderr } = inReleaseShell({ scratch, project: folder, registry: served.host }, 'base_tag BASE')
    assert.equal(code, 0, stderr)
    assert.equal(stdout.trim(), `${served.host}/${bases.BASE}@${crane('digest', `${served.host}/${bases.BASE}`)}`)
  })

  test('that the registry does not have ends the release with a sentence', () => {
    const folder = mkdtempSync(join(scratch, 'missing-'))
    writeFileSync(join(folder, 'Dockerfile'), dockerfile({ BASE: `${served.host}/nothing:1` }))
    const { code, stderr } = inReleaseShell({ scratch, project: folder, registry: served.host }, 'base_tag BASE')
    assert.equal(code, 1)
    assert.match(stderr, /the digest of the base image \S+\/nothing:1 cannot be read; --debian-bases makes the bases of Debian's packages/)
  })
})

describe('an image of a release', { skip }, () => {
  for (const architecture of architectures)
    test(`for ${architecture} is built on the pinned bases, and its label names the digest`, () => {
      for (const tag of Object.values(bases)) pushBase(tag, 'built')
      const id = printed(`use_own_storage; build_one postscreen Title Apache-2.0 ${architecture} BASE`).split('\n').at(-1) ?? ''
      const inspected = JSON.parse(printed(`use_own_storage; buildah inspect --type image ${id}`))
      assert.equal(inspected.OCIv1.architecture, architecture)
      const labels = inspected.OCIv1.config.Labels as Readonly<Record<string, string>>
      const digest = crane('digest', `${served.host}/${bases.BASE}`)
      assert.equal(labels['org.opencontainers.image.base.name'], `${served.host}/${bases.BASE}@${digest}`)
      const files =
        printed(`use_own_storage; container=$(buildah from --pull-never ${id}); folder=$(buildah mount "$container"); cat "$folder"/from-*
        buildah rm "$container" >/dev/null`)
      // The base is of the image's architecture, and the stage that builds of this machine's.
      const own = process.arch === 'arm64' ? 'arm64' : 'amd64'
      assert.deepEqual(files.split('\n').toSorted(), [`${architecture} built`, `${own} built`].toSorted())
    })

  test('is not built when a base cannot be read', () => {
    const folder = mkdtempSync(join(scratch, 'no-base-'))
    writeFileSync(join(folder, 'Dockerfile'), dockerfile({ ...inRegistry(), BASE: `${served.host}/nothing:1` }))
    const script = 'use_own_storage; build_one postscreen Title Apache-2.0 amd64 BASE; echo built'
    const { code, stdout, stderr } = inReleaseShell({ scratch, project: folder, registry: served.host }, script)
    assert.notEqual(code, 0)
    assert.match(stderr, /the digest of the base image \S+\/nothing:1 cannot be read/)
    assert.doesNotMatch(stdout, /built/)
  })
})
