// The shared allowlist on one real server: what it keeps, how replicas share it, and what happens when the server is away, stalled, full or read-only.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { unless } from '../../peers/require.ts'
import { startValkey, type Valkey, type ValkeyOptions } from '../../peers/valkey.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { openStore, recordFor } from '../../support/shared-store.ts'
import { inTime } from '../../support/in-time.ts'
import type { TestContext } from 'node:test'

const skip = unless('valkey')
const hour = 3600
const passed = (): string => recordFor(hour, hour, hour, hour, hour)

async function server(t: TestContext, options: ValkeyOptions = {}): Promise<Valkey> {
  const valkey = await startValkey(options)
  t.after(() => valkey.stop())
  return valkey
}

describe('a shared allowlist', { skip }, () => {
  test('knows on one gateway at once what another has learnt', async (t) => {
    const valkey = await server(t)
    const [a, b] = [await openStore(t, [valkey]), await openStore(t, [valkey])]
    assert.equal(await b.store.get('192.0.2.1'), undefined)
    const record = passed()
    a.store.put('192.0.2.1', record)
    await a.store.flush()
    assert.equal(await b.store.get('192.0.2.1'), record)
  })

  test('keeps both results when two gateways finish different tests of one client', async (t) => {
    const valkey = await server(t)
    const [a, b] = [await openStore(t, [valkey]), await openStore(t, [valkey])]
    a.store.put('192.0.2.1', recordFor(hour, hour, 0, 0, 0))
    b.store.put('192.0.2.1', recordFor(0, 0, 2 * hour, 2 * hour, 0).replace(/0$/, '1'))
    await Promise.all([a.store.flush(), b.store.flush()])
    const stamps = (await valkey.cli('get', 'postscreen:192.0.2.1')).split(';').map(Number)
    const now = Date.now() / 1000
    assert.deepEqual(
      stamps.map((stamp) => (stamp < 2 ? stamp : Math.round((stamp - now) / hour))),
      [1, 1, 2, 2, 1],
    )
  })

  test('asks again while a client still has tests to pass, since it may have passed them at another gateway', async (t) => {
    const valkey = await server(t)
    const [a, b] = [await openStore(t, [valkey]), await openStore(t, [valkey])]
    a.store.put('192.0.2.1', recordFor(hour, hour, 0, 0, 0))
    await a.store.flush()
    assert.match((await b.store.get('192.0.2.1')) ?? '', /;0;0;0$/)
    a.store.put('192.0.2.1', passed())
    await a.store.flush()
    assert.doesNotMatch((await b.store.get('192.0.2.1')) ?? '', /;0/)
  })

  test('does not ask again for a client that is known in full', async (t) => {
    const valkey = await server(t)
    const { store, waits } = await openStore(t, [valkey])
    await valkey.cli('set', 'postscreen:192.0.2.1', passed())
    await store.get('192.0.2.1')
    await valkey.kill()
    for (let i = 0; i < 1000; i++) assert.equal(typeof store.get('192.0.2.1'), 'string')
    assert.equal(store.status().nearCacheHits, 1000)
    assert.equal(waits.length, 1)
  })

  test('lets the server drop a record when the retention time after its last pass is over', async (t) => {
    const valkey = await server(t)
    const { store } = await openStore(t, [valkey], { retention: 1000 })
    store.put('192.0.2.1', recordFor(60, 500, 0, 0, 0))
    store.put('192.0.2.2', recordFor(-2000, -1001, 0, 0, 0))
    await store.flush()
    const left = Number(await valkey.cli('ttl', 'postscreen:192.0.2.1'))
    assert.ok(left > 1490 && left <= 1501, `${left} s`)
    assert.equal(await valkey.cli('exists', 'postscreen:192.0.2.2'), '0')
  })

  test('ignores values that are not records, and overwrites them', async (t) => {
    const valkey = await server(t)
    const { store, lines } = await openStore(t, [valkey])
    await valkey.cli('lpush', 'postscreen:192.0.2.1', 'x')
    await valkey.cli('set', 'postscreen:192.0.2.2', 'junk'.repeat(10_000))
    assert.equal(await store.get('192.0.2.1'), undefined)
    assert.equal((await store.get('192.0.2.2'))?.length, 128, 'no more than a record can have')
    const record = passed()
    for (const key of ['192.0.2.1', '192.0.2.2']) store.put(key, record)
    await store.flush()
    assert.equal(await valkey.cli('get', 'postscreen:192.0.2.1'), record)
    assert.equal(await valkey.cli('get', 'postscreen:192.0.2.2'), record)
    assert.deepEqual(lines, [])
  })

  test('lists every record under its prefix, and nothing else', async (t) => {
    const valkey = await server(t)
    const { store } = await openStore(t, [valkey], { keyPrefix: 'a*[b]:' })
    await valkey.cli('set', 'axb:192.0.2.9', passed())
    const want = new Map(Array.from({ length: 1200 }, (_, i) => [`10.0.${i >> 8}.${i & 255}`, passed()]))
    for (const [key, record] of want) store.put(key, record)
    await store.flush()
    const found = new Map<string, string>()
    for await (const [key, record] of store.entries()) found.set(key, record)
    assert.deepEqual(found, want)
    store.size()
    await untilHolds('the keys are counted', () => store.size() === 1201)
  })

  test('needs only these rights of its user', async (t) => {
    const acl =
      'user postscreen on >secret ~postscreen:* resetchannels -@all +get +getrange +set +del +expireat +exists +eval +evalsha +scan +dbsize +ping'
    const valkey = await server(t, { config: [acl] })
    const { store, lines } = await openStore(t, [valkey], { username: 'postscreen', password: 'secret' })
    const record = passed()
    store.put('192.0.2.1', record)
    await store.flush()
    assert.equal(await valkey.cli('get', 'postscreen:192.0.2.1'), record)
    for await (const [key] of store.entries()) assert.equal(key, '192.0.2.1')
    store.size()
    await untilHolds('the keys are counted', () => store.size() === 1)
    assert.deepEqual(lines, [])
  })
})

/** One line when it begins, one when it is over. */
const episode = (reason: string): RegExp =>
  new RegExp(
    `^warning: valkey:test: the shared allowlist is away \\(${reason}: [^\\n]*\\n(info: valkey:test: the shared allowlist is back after [0-9.]+ s)$`,
  )

describe('a shared allowlist whose server', { skip }, () => {
  test('is killed: clients do not wait, and their records are written when it is back', async (t) => {
    const valkey = await server(t)
    const { store, lines } = await openStore(t, [valkey])
    await valkey.kill()
    await untilHolds('it is noticed', () => !store.status().up)
    const record = passed()
    store.put('192.0.2.1', record)
    assert.equal(await store.get('192.0.2.1'), record, 'known here')
    for (let i = 0; i < 1000; i++)
      assert.ok(await inTime(store.get('192.0.2.2'), 100), 'no client waits for a server that is known to be away')
    assert.equal(store.status().pendingWrites, 1)
    await valkey.restart()
    await untilHolds('it is written', async () => (await valkey.cli('get', 'postscreen:192.0.2.1')) === record)
    assert.equal(store.status().up, true)
    assert.match(lines.join('\n'), episode('connection'))
  })

  test('holds still: a few clients wait for the time budget, the others not at all', async (t) => {
    const valkey = await server(t)
    const { store, lines, failures } = await openStore(t, [valkey], { timeoutMs: 50 })
    valkey.signal('SIGSTOP')
    let waited = 0
    for (let i = 0; i < 200; i++) {
      const answer = Promise.resolve(store.get(`192.0.2.${i}`))
      if (!(await inTime(answer, 40))) waited++
      assert.ok(await inTime(answer, 200), 'no client waits for much longer than the time budget')
    }
    assert.ok(waited <= 4, `${waited} of 200 waited`)
    const record = passed()
    store.put('192.0.2.1', record)
    valkey.signal('SIGCONT')
    await untilHolds('it is written', async () => (await valkey.cli('get', 'postscreen:192.0.2.1')) === record)
    assert.equal(await store.get('192.0.2.200'), undefined)
    assert.equal(store.status().up, true)
    assert.match(lines.join('\n'), episode('timeout'))
    assert.ok(failures.includes('timeout'))
  })

  test('holds still while no client asks: the gateway still notices it', async (t) => {
    const valkey = await server(t)
    const { store } = await openStore(t, [valkey], { timeoutMs: 50 })
    valkey.signal('SIGSTOP')
    await untilHolds('it is noticed', () => !store.status().up)
    valkey.signal('SIGCONT')
    await untilHolds('it is back', () => store.status().up)
  })

  test('is full: it is still asked, and what it does not take is kept until it does', async (t) => {
    const valkey = await server(t)
    const { store, lines, failures } = await openStore(t, [valkey])
    const [before, after] = [passed(), recordFor(hour, 0, 0, 0, 0)]
    store.put('192.0.2.1', before)
    await store.flush()
    await valkey.cli('config', 'set', 'maxmemory', '1')
    store.put('192.0.2.2', after)
    await untilHolds('it is noticed', () => lines.length > 0)
    assert.equal(store.status().up, true)
    await valkey.cli('set', 'postscreen:192.0.2.3', 'x').catch(() => undefined)
    assert.equal(await store.get('192.0.2.1'), before)
    assert.equal(await store.get('192.0.2.2'), after, 'known here')
    await valkey.cli('config', 'set', 'maxmemory', '0')
    await untilHolds('it is written', async () => (await valkey.cli('get', 'postscreen:192.0.2.2')) === after)
    await untilHolds('the end is told', () => lines.length === 2)
    assert.match(lines[0] ?? '', /^warning: valkey:test: the shared allowlist takes no records \(full: OOM command not allowed/)
    assert.match(lines[1] ?? '', /^info: valkey:test: the shared allowlist takes records again after [0-9.]+ s$/)
    assert.ok(failures.every((reason) => reason === 'full'))
  })

  test('is a replica: records are kept until it is a primary', async (t) => {
    const [primary, valkey] = [await server(t), await server(t)]
    const { store, lines } = await openStore(t, [valkey])
    await valkey.cli('replicaof', '127.0.0.1', String(primary.port))
    const record = passed()
    store.put('192.0.2.1', record)
    await untilHolds('it is noticed', () => lines.some((line) => line.includes('takes no records (readonly')))
    await valkey.cli('replicaof', 'no', 'one')
    await untilHolds('it is written', async () => (await valkey.cli('get', 'postscreen:192.0.2.1')) === record)
  })

  test('is never there: the gateway goes on with what it learns itself, in bounded memory', async (t) => {
    const valkey = await server(t)
    await valkey.kill()
    const { store, lines } = await openStore(t, [valkey], { readyMs: 50 })
    const record = passed()
    for (let i = 0; i < 150_000; i++) store.put(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, record)
    const { pendingWrites, droppedWrites } = store.status()
    assert.ok(pendingWrites <= 100_100, `${pendingWrites} wait`)
    assert.ok(pendingWrites + droppedWrites >= 149_900, `${droppedWrites} dropped`)
    assert.equal(await store.get('10.2.70.1'), record)
    assert.equal(lines.length, 1, lines.join('\n'))
  })
})
