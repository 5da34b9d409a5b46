// Names of backends: what a lookup's answer changes, and what a new policy's table goes on with.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { test } from 'node:test'
import type { Lookup } from '../../../gateway/backend/backend-names.ts'
import type { Target } from '../../../gateway/backend/target-record.ts'
import { statusOf, table, take } from './backend-table.ts'
import { listen } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import { endpointsOf } from '../../support/endpoints.ts'

const none: ReadonlySet<Target> = new Set()

/** A lookup whose answers the test gives. */
function oracle(): { lookup: Lookup; answer: (...addresses: string[]) => void; fail: (error: Error) => void; asked: () => number } {
  const waiting: Parameters<Lookup>[1][] = []
  let asked = 0
  return {
    lookup: (_, done) => {
      asked++
      waiting.push(done)
    },
    answer: (...addresses) => waiting.shift()?.(undefined, addresses),
    fail: (error) => waiting.shift()?.(error, []),
    asked: () => asked,
  }
}

test('a name stands for all its addresses, and the last good answer stays when a lookup fails', (t) => {
  const dns = oracle()
  const { backends } = table(t, { addresses: endpointsOf('postfix.example:25'), lookup: dns.lookup })
  backends.refresh()
  backends.refresh()
  assert.equal(dns.asked(), 1, 'one lookup at a time')
  dns.answer('10.0.0.1', '2001:db8::2')
  assert.deepEqual(
    backends.status().flatMap(({ addresses }) => addresses.map(({ label }) => label)),
    ['10.0.0.1:25', '[2001:db8::2]:25'],
  )
  backends.refresh()
  dns.fail(Object.assign(new Error('getaddrinfo ENOTFOUND'), { code: 'ENOTFOUND' }))
  const [status] = backends.status()
  assert.deepEqual([status?.lookupError, status?.addresses.length], ['ENOTFOUND', 2])
  backends.refresh()
  dns.answer()
  assert.deepEqual([backends.status()[0]?.lookupError, backends.status()[0]?.addresses.length], ['no address', 2])
  backends.refresh()
  dns.answer('10.0.0.9')
  assert.deepEqual([backends.status()[0]?.lookupError, take(backends).label], [undefined, '10.0.0.9:25'])
})

test('an address that comes back in time keeps what is known of it', (t) => {
  const dns = oracle()
  const { backends, pass } = table(t, { addresses: endpointsOf('postfix.example:25'), lookup: dns.lookup })
  const answers = (...addresses: string[]): void => {
    backends.refresh()
    dns.answer(...addresses)
  }
  answers('10.0.0.1', '10.0.0.2')
  const busy = take(backends)
  const bad = take(backends)
  backends.health.failed(bad, 'ECONNREFUSED')
  backends.release(bad)
  answers('10.0.0.3')
  answers('10.0.0.1', '10.0.0.2')
  assert.deepEqual([statusOf(backends, busy).sessions, statusOf(backends, bad).state], [1, 'failing'])
  answers('10.0.0.3')
  pass(1000)
  answers('10.0.0.3')
  answers('10.0.0.1', '10.0.0.2')
  assert.deepEqual([statusOf(backends, busy).sessions, statusOf(backends, bad).state], [1, 'unknown'])
})

test('a client that comes before the first answer waits for it, a later one does not', (t) => {
  const dns = oracle()
  const { backends } = table(t, { addresses: endpointsOf('postfix.example:25'), lookup: dns.lookup })
  backends.refresh()
  let known = 0
  backends.whenKnown(() => known++)
  assert.equal(known, 0)
  dns.answer('10.0.0.1')
  assert.equal(known, 1)
  backends.whenKnown(() => known++)
  assert.equal(known, 2)
})

test('when the first lookup fails it is known that there is no address', (t) => {
  const dns = oracle()
  const { backends } = table(t, { addresses: endpointsOf('postfix.example:25'), lookup: dns.lookup })
  backends.refresh()
  let known = 0
  backends.whenKnown(() => known++)
  dns.fail(new Error('EAI_AGAIN'))
  assert.deepEqual([known, backends.take(none), backends.reachable()], [1, undefined, false])
})

test('a new policy’s table goes on with what the old one knew, sessions that run included', (t) => {
  const dns = oracle()
  const old = table(t, { addresses: endpointsOf('postfix.example:25', '10.0.0.9:25'), lookup: dns.lookup }).backends
  old.refresh()
  dns.answer('10.0.0.1')
  const running = take(old)
  old.health.greeted(running)
  const { backends } = table(t, { addresses: endpointsOf('postfix.example:25'), lookup: dns.lookup }, old)
  old.close()
  assert.deepEqual([statusOf(backends, running).sessions, backends.reachable()], [1, true])
  old.release(running)
  assert.equal(statusOf(backends, running).sessions, 0)
})

test('a probe that a new policy cuts short is made again by the new table', async (t) => {
  const mute = await listen(() => undefined)
  t.after(() => mute.close())
  const options = { addresses: endpointsOf(`127.0.0.1:${mute.port}`), probeAfterMs: 30_000 }
  const old = table(t, options).backends
  old.refresh()
  const { backends } = table(t, options, old)
  old.close()
  const connected = once(mute.server, 'connection')
  backends.refresh()
  await connected
})

test('the system’s resolver knows localhost', async (t) => {
  const { backends } = table(t, { addresses: endpointsOf('localhost:25') })
  backends.refresh()
  await until(() => backends.take(none) !== undefined)
})
