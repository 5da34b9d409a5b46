// The allowlist in force without any server: networks are merged, the client of a Valkey is loaded when it is needed, what is near is bounded and short-lived.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { describe, test, type TestContext } from 'node:test'
import { promisify } from 'node:util'
import { GatewayAllowlist } from '../../../gateway/allowlist/gateway-allowlist.ts'
import { memoryAllowlist } from '../../../gateway/allowlist/allowlist-memory.ts'
import { Outage } from '../../../gateway/allowlist/outage.ts'
import { NearCache } from '../../../gateway/allowlist/near-cache.ts'
import { settingsFor } from '../../support/shared-store.ts'

function inForce(t: TestContext, local = memoryAllowlist()) {
  const lines: string[] = []
  const allowlist = new GatewayAllowlist({
    local,
    rules: () => ({ retention: 3600, enabled: [true, true, true, true, true] }),
    observer: { lookedUp: () => undefined, failed: () => undefined },
    info: (text) => lines.push(text),
    warn: (text) => lines.push(text),
  })
  t.after(() => allowlist.close())
  return { allowlist, local, lines }
}

/** A server that was not started. */
const nowhere = (identity: string) => ({
  name: `valkey:${identity}`,
  identity,
  settings: () => ({ ...settingsFor([]), nodes: [{ address: '127.0.0.1', port: 1 }] }),
  files: [],
  timeoutMs: 50,
})

describe('the allowlist in force', () => {
  test('overwrites the record of an address, and merges that of a network', (t) => {
    const { allowlist } = inForce(t)
    for (const key of ['192.0.2.1', '192.0.2.0/24']) {
      allowlist.put(key, '900;0;0;0;0')
      allowlist.put(key, '0;800;0;0;0')
    }
    assert.equal(allowlist.get('192.0.2.1'), '0;800;0;0;0')
    assert.equal(allowlist.get('192.0.2.0/24'), '900;800;0;0;0')
  })

  test('gives what one server has not taken to the next one, and to the gateway itself in the end', async (t) => {
    const { allowlist, local } = inForce(t)
    allowlist.use(nowhere('a'))
    assert.equal(allowlist.store.name, 'valkey:a')
    allowlist.put('192.0.2.1', '900;0;0;0;0')
    allowlist.use(nowhere('b'))
    allowlist.put('192.0.2.2', '800;0;0;0;0')
    assert.equal(await allowlist.get('192.0.2.1'), '900;0;0;0;0')
    assert.equal(local.size(), 0)
    allowlist.use(undefined)
    assert.equal(allowlist.status, undefined)
    assert.deepEqual(Object.fromEntries(local.entries()), { '192.0.2.1': '900;0;0;0;0', '192.0.2.2': '800;0;0;0;0' })
  })

  test('stays with a server whose settings have not changed', (t) => {
    const { allowlist } = inForce(t)
    allowlist.use(nowhere('a'))
    const { store } = allowlist
    allowlist.use(nowhere('a'))
    assert.equal(allowlist.store, store)
  })

  test('answers from before for what the shared one does not know, and passes it on', async (t) => {
    const { allowlist, local } = inForce(t)
    local.put('192.0.2.1', '900;0;0;0;0')
    allowlist.use(nowhere('a'))
    assert.equal(await allowlist.get('192.0.2.1'), '900;0;0;0;0')
    assert.equal(await allowlist.get('192.0.2.2'), undefined)
    assert.equal(allowlist.status?.pendingWrites, 1)
  })

  test('keeps at its end what a server that is away has not taken', async (t) => {
    const kept: (readonly [string, string])[] = []
    const local = memoryAllowlist()
    const { allowlist } = inForce(t, {
      ...local,
      put: (key, record) => kept.push([key, record]),
      close: async () => void kept.push(['closed', '']),
    })
    allowlist.use(nowhere('a'))
    allowlist.put('192.0.2.1', '900;0;0;0;0')
    await allowlist.close()
    assert.deepEqual(kept.slice(0, 2), [
      ['192.0.2.1', '900;0;0;0;0'],
      ['closed', ''],
    ])
  })
})

test('a gateway that keeps its allowlist itself does not load the client of a Valkey', async () => {
  const main = new URL('../../../gateway/main.ts', import.meta.url).href
  const program = `await import(${JSON.stringify(main)})
    const { createRequire } = await import('node:module')
    console.log(Object.keys(createRequire(import.meta.url).cache).filter((file) => file.includes('/ioredis/')).length)`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', program])
  assert.equal(stdout, '0\n')
})

describe('the cache of recent records', () => {
  test('is fresh for its time, and afterwards used only if there is nothing better', () => {
    let now = 0
    const near = new NearCache(10, 1000, () => now)
    near.learn('a', 'record')
    now = 999
    assert.equal(near.fresh('a'), 'record')
    now = 1000
    assert.equal(near.fresh('a'), undefined)
    assert.equal(near.any('a'), 'record')
    near.forget('a')
    assert.equal(near.any('a'), undefined)
  })

  test('is bounded: the older half is removed first, and the latest record of a client counts', () => {
    const near = new NearCache(100, 1000, () => 0)
    near.learn('0', 'old')
    for (let i = 1; i < 60; i++) near.learn(String(i), 'record')
    near.learn('0', 'new')
    assert.equal(near.fresh('0'), 'new')
    for (let i = 60; i < 1000; i++) near.learn(String(i), 'record')
    const kept = Array.from({ length: 1000 }, (_, i) => near.any(String(i))).filter((record) => record !== undefined)
    assert.ok(kept.length >= 50 && kept.length <= 100, `${kept.length} are kept`)
    assert.equal(near.any('999'), 'record')
    assert.equal(near.any('0'), undefined)
  })
})

test('an outage has one log line at its beginning and one at its end, with its duration', () => {
  let now = 1000
  const said: string[] = []
  const outage = new Outage(() => now)
  outage.end(() => said.push('no end without a beginning'))
  for (const word of ['first', 'second']) outage.begin(() => said.push(word))
  assert.equal(outage.isOngoing, true)
  now = 3500
  for (let i = 0; i < 2; i++) outage.end((seconds) => said.push(`${seconds} s`))
  assert.deepEqual(said, ['first', '2.5 s'])
  assert.equal(outage.isOngoing, false)
})
