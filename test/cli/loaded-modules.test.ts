// What `postscreen` loads: only what a command or a policy needs, because each module takes memory and time.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { loadedModules } from './loaded-modules.ts'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'loaded-'))
after(() => rmSync(folder, { recursive: true }))

/** The names of the packages among the modules. */
const packagesOf = (modules: readonly string[]): ReadonlySet<string> =>
  new Set(modules.flatMap((module) => /.*\/node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(module)?.[1] ?? []))

const foldersOf = (modules: readonly string[]): ReadonlySet<string> =>
  new Set(modules.flatMap((module) => /^file:.*\/(crds|gateway|operator)\//.exec(module)?.[1] ?? []))

/** Runs a gateway until it listens. */
function gateway(allowlist: string, ...args: readonly string[]): Promise<readonly string[]> {
  const policy = join(folder, 'policy.yaml')
  const head = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\n'
  writeFileSync(policy, `${head}spec:\n  backend: {addresses: ['127.0.0.1:9']}\n  allowlist: ${allowlist}\n`)
  const all = ['gateway', '--policy', policy, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...args]
  return loadedModules(entry, all, /listening on/)
}

for (const option of ['--version', '--help']) {
  test(`postscreen ${option} loads no gateway, no operator and no package`, async () => {
    const modules = await loadedModules(entry, [option])
    assert.ok(modules.some((module) => module.endsWith('/cli/main.ts')))
    assert.deepEqual([...foldersOf(modules)], [])
    assert.deepEqual([...packagesOf(modules)], [])
  })
}

describe('a gateway', () => {
  test('with a plain policy loads neither ioredis nor lmdb nor undici', async () => {
    const modules = await gateway('{}')
    const packages = packagesOf(modules)
    assert.ok(packages.has('zod'))
    for (const name of ['ioredis', 'lmdb', 'undici', '@kubernetes/client-node']) assert.ok(!packages.has(name), name)
    assert.ok(!foldersOf(modules).has('operator'))
  })

  test('does not make Node load its own copy of undici', async () => {
    const modules = await gateway('{}')
    assert.ok(modules.some((module) => module.endsWith(' _http_server')))
    assert.deepEqual(
      modules.filter((module) => module.includes('deps/undici')),
      [],
    )
  })

  test('loads net-keepalive only for the sockets of Node', async () => {
    assert.ok(packagesOf(await gateway('{}', '--io', 'node')).has('net-keepalive'))
    if (process.platform === 'linux') assert.ok(!packagesOf(await gateway('{}')).has('net-keepalive'))
  })

  test('loads lmdb for a data directory, and ioredis for a policy with Valkey', async () => {
    assert.ok(packagesOf(await gateway('{}', '--data-dir', join(folder, 'data'))).has('lmdb'))
    assert.ok(packagesOf(await gateway("{store: Valkey, valkey: {addresses: ['127.0.0.1:9']}}")).has('ioredis'))
  })
})
