// Which backend address is next, for how long a failing one rests, what a name's new answer changes, and the probes of the silent ones.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { test, type TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { parseBackend, type Lookup } from '../../../gateway/io/backend/backend-names.ts'
import { type BackendOptions, Backends, type Target, type TargetStatus } from '../../../gateway/io/backend/backends.ts'
import { type End, endOf, listen } from './tcp-ends.ts'

/** Probes have longer than a busy machine ever takes: one that failed would not be made again while the time stands still. */
const limits = { proxyProtocol: 'V2' as const, connectTimeoutMs: 20_000, greetingTimeoutMs: 20_000, refreshMs: 0, probeAfterMs: 0 }

/** Backends whose time stands still until it is moved. */
function table(t: TestContext, options: Partial<BackendOptions>, previous?: Backends): { backends: Backends; pass: (ms: number) => void } {
  let now = 0
  const backends = new Backends({ addresses: [], now: () => now, ...limits, ...options }, previous)
  t.after(() => backends.close())
  return { backends, pass: (ms) => void (now += ms) }
}

const none: ReadonlySet<Target> = new Set()

function take(backends: Backends, ...tried: Target[]): Target {
  const target = backends.take(new Set(tried))
  assert.ok(target !== undefined)
  return target
}

function statusOf(backends: Backends, target: Target): TargetStatus {
  const found = backends.status().flatMap(({ addresses }) => addresses.filter(({ label }) => label === target.label))
  assert.ok(found[0] !== undefined)
  return found[0]
}

const three = ['10.0.0.1:25', '10.0.0.2:25', '[2001:db8::3]:25']

const names: readonly { text: string; want: object | undefined }[] = [
  { text: 'postfix.mail.svc:10025', want: { host: 'postfix.mail.svc', port: 10025 } },
  { text: '192.0.2.1:25', want: { host: '192.0.2.1', port: 25 } },
  { text: '[2001:db8::1]:25', want: { host: '2001:db8::1', port: 25 } },
  { text: '2001:db8::1:25', want: undefined },
  { text: 'postfix', want: undefined },
  { text: 'postfix:', want: undefined },
  { text: 'postfix:0', want: undefined },
  { text: 'postfix:65536', want: undefined },
  { text: ':25', want: undefined },
]

for (const { text, want } of names) {
  test(`${text} is ${want === undefined ? 'no' : 'a'} backend`, () => {
    assert.deepEqual(parseBackend(text), want === undefined ? undefined : { text, ...want })
  })
}

test('a list with an entry that is no HOST:PORT is refused', () => {
  assert.throws(() => new Backends({ ...limits, addresses: ['postfix'] }), TypeError)
})

test('the address with the fewest sessions is next, and equals take turns', (t) => {
  const { backends } = table(t, { addresses: three })
  const taken = Array.from({ length: 6 }, () => take(backends).label)
  assert.deepEqual(taken, [...three, ...three])
  backends.release({ address: '10.0.0.2', port: 25, label: '10.0.0.2:25' })
  assert.equal(take(backends).label, '10.0.0.2:25')
})

test('an address that has been tried is not taken again, until there is none left', (t) => {
  const { backends } = table(t, { addresses: three })
  const tried = new Set<Target>()
  for (let left = 3; left > 0; left--) {
    assert.equal(backends.hasOther(tried), true)
    const target = backends.take(tried)
    assert.ok(target !== undefined && !tried.has(target))
    tried.add(target)
  }
  assert.equal(backends.hasOther(tried), false)
  assert.equal(backends.take(tried), undefined)
})

test('a failing address rests 1 s, then twice as long each time up to 30 s, until it works', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25', '10.0.0.2:25'] })
  const bad = take(backends)
  const rests: number[] = []
  for (let i = 0; i < 8; i++) {
    backends.failed(bad, 'ECONNREFUSED')
    const { restMs } = statusOf(backends, bad)
    rests.push(restMs)
    pass(restMs)
  }
  assert.deepEqual(rests, [1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000])
  assert.deepEqual([statusOf(backends, bad).state, statusOf(backends, bad).lastError], ['failing', 'ECONNREFUSED'])
  backends.greeted(bad)
  assert.deepEqual([statusOf(backends, bad).state, statusOf(backends, bad).lastError], ['working', undefined])
  backends.failed(bad, 'ECONNREFUSED')
  assert.equal(statusOf(backends, bad).restMs, 1000)
})

test('where probes are made it rests for 4 s at most: one that is back should not wait for its probe', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25', '10.0.0.2:25'], refreshMs: 1_000_000, probeAfterMs: 1_000_000 })
  const bad = take(backends)
  const rests: number[] = []
  for (let i = 0; i < 5; i++) {
    backends.failed(bad, 'ECONNREFUSED')
    const { restMs } = statusOf(backends, bad)
    rests.push(restMs)
    pass(restMs)
  }
  assert.deepEqual(rests, [1000, 2000, 4000, 4000, 4000])
})

test('sessions that fail together are one failure', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25'] })
  const targets = Array.from({ length: 50 }, () => take(backends))
  for (const target of targets) backends.failed(target, 'ECONNRESET')
  pass(1000)
  assert.equal(statusOf(backends, take(backends)).restMs, 0)
})

test('after its rest an address is tried by one session at a time', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25', '10.0.0.2:25'] })
  const bad = take(backends)
  backends.failed(bad, 'ECONNREFUSED')
  backends.release(bad)
  const good = take(backends)
  backends.greeted(good)
  assert.deepEqual([take(backends), take(backends)], [good, good], 'while it rests nobody gets it')
  pass(1000)
  assert.equal(take(backends), bad, 'then one session does')
  assert.deepEqual([take(backends), take(backends)], [good, good], 'and no other as long as that one has no answer')
  backends.abandoned(bad)
  backends.release(bad)
  assert.equal(take(backends), bad, 'unless its client has left')
  backends.greeted(bad)
  assert.equal(take(backends), bad, 'an address that works again is an address like others')
})

test('when all addresses rest they are tried nevertheless, the one that rests least first', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25', '10.0.0.2:25'] })
  const first = take(backends)
  const second = take(backends, first)
  backends.failed(second, 'x')
  pass(100)
  backends.failed(first, 'x')
  assert.equal(backends.reachable(), false)
  assert.equal(take(backends), second)
  assert.equal(take(backends, second), first)
})

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
  const { backends } = table(t, { addresses: ['postfix.example:25'], lookup: dns.lookup })
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
  const { backends, pass } = table(t, { addresses: ['postfix.example:25'], lookup: dns.lookup })
  const answers = (...addresses: string[]): void => {
    backends.refresh()
    dns.answer(...addresses)
  }
  answers('10.0.0.1', '10.0.0.2')
  const busy = take(backends)
  const bad = take(backends)
  backends.failed(bad, 'ECONNREFUSED')
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
  const { backends } = table(t, { addresses: ['postfix.example:25'], lookup: dns.lookup })
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
  const { backends } = table(t, { addresses: ['postfix.example:25'], lookup: dns.lookup })
  backends.refresh()
  let known = 0
  backends.whenKnown(() => known++)
  dns.fail(new Error('EAI_AGAIN'))
  assert.deepEqual([known, backends.take(none), backends.reachable()], [1, undefined, false])
})

test('a new policy’s table goes on with what the old one knew, sessions that run included', (t) => {
  const dns = oracle()
  const old = table(t, { addresses: ['postfix.example:25', '10.0.0.9:25'], lookup: dns.lookup }).backends
  old.refresh()
  dns.answer('10.0.0.1')
  const running = take(old)
  old.greeted(running)
  const { backends } = table(t, { addresses: ['postfix.example:25'], lookup: dns.lookup }, old)
  old.close()
  assert.deepEqual([statusOf(backends, running).sessions, backends.reachable()], [1, true])
  old.release(running)
  assert.equal(statusOf(backends, running).sessions, 0)
})

test('a probe that a new policy cuts short is made again by the new table', async (t) => {
  const mute = await listen(() => undefined)
  t.after(() => mute.close())
  const options = { addresses: [`127.0.0.1:${mute.port}`], probeAfterMs: 30_000 }
  const old = table(t, options).backends
  old.refresh()
  const { backends } = table(t, options, old)
  old.close()
  const connected = once(mute.server, 'connection')
  backends.refresh()
  await connected
})

/** A fake Postfix that notes every connection, and the backends that probe it. */
async function probed(
  t: TestContext,
  greeting: string,
  options: Partial<BackendOptions> = {},
): Promise<{ backends: Backends; calls: End[]; pass: (ms: number) => void }> {
  const calls: End[] = []
  const listener = await listen((socket: Socket) => {
    const end = endOf(socket)
    calls.push(end)
    socket.write(greeting)
    void end.until((text) => text.endsWith('QUIT\r\n')).then(() => socket.end('221 2.0.0 Bye\r\n'))
  })
  const set = table(t, { addresses: [`127.0.0.1:${listener.port}`], probeAfterMs: 30_000, ...options })
  t.after(() => listener.close())
  return { ...set, calls }
}

async function until(ready: () => boolean): Promise<void> {
  while (!ready()) await new Promise((done) => setTimeout(done, 2))
}

test('an address of which nothing is known is probed, with a header that says LOCAL and an orderly QUIT', async (t) => {
  const { backends, calls } = await probed(t, '220 mx\r\n')
  assert.equal(backends.reachable(), false)
  backends.refresh()
  backends.refresh()
  await until(() => backends.reachable())
  const [call] = calls
  assert.ok(call !== undefined)
  assert.equal((await call.ended()).how, 'FIN')
  const header = parseProxyHeader(call.bytes())
  assert.ok(header.is === 'header')
  assert.deepEqual([header.addresses, call.text().slice(header.length)], [undefined, 'QUIT\r\n'])
  assert.equal(calls.length, 1)
})

test('in version 1, which has no LOCAL, a probe tells its own true addresses', async (t) => {
  const { backends, calls } = await probed(t, '220 mx\r\n', { proxyProtocol: 'V1' })
  backends.refresh()
  await until(() => backends.reachable())
  const text = await calls[0]?.until((all) => all.endsWith('QUIT\r\n'))
  const serverPort = backends.options.addresses[0]?.split(':')[1]
  assert.match(text ?? '', new RegExp(`^PROXY TCP4 127.0.0.1 127.0.0.1 [0-9]+ ${serverPort}\r\nQUIT\r\n$`))
})

test('without the PROXY protocol a probe just says QUIT', async (t) => {
  const { backends, calls } = await probed(t, '220-mx\r\n220 mx\r\n', { proxyProtocol: 'None' })
  backends.refresh()
  await until(() => backends.reachable())
  assert.equal(await calls[0]?.until((text) => text.endsWith('QUIT\r\n')), 'QUIT\r\n')
})

test('there is no probe while sessions tell how an address is', async (t) => {
  const { backends, calls, pass } = await probed(t, '220 mx\r\n')
  backends.greeted(take(backends))
  pass(29_999)
  backends.refresh()
  assert.deepEqual([calls.length, backends.reachable()], [0, true])
  pass(1)
  backends.refresh()
  await until(() => calls.length === 1)
})

test('a failing address is probed when its rest is over', async (t) => {
  const { backends, pass } = await probed(t, '220 mx\r\n')
  const target = take(backends)
  backends.failed(target, 'ECONNREFUSED')
  backends.refresh()
  pass(1000)
  assert.equal(backends.reachable(), false)
  backends.refresh()
  await until(() => backends.reachable())
})

test('a backend that says 421 to a probe is failing, and one that says 554 is there', async (t) => {
  const busy = await probed(t, '421 4.3.2 busy\r\n')
  busy.backends.refresh()
  await until(() => busy.backends.status()[0]?.addresses[0]?.state === 'failing')
  assert.equal(busy.backends.status()[0]?.addresses[0]?.lastError, 'said 421 4.3.2 busy')
  const strict = await probed(t, '554 no\r\n')
  strict.backends.refresh()
  await until(() => strict.backends.reachable())
})

test('names are looked up and probes are made without being asked to', async (t) => {
  const { port } = await probed(t, '220 mx\r\n').then(({ backends }) => ({ port: backends.options.addresses[0]?.split(':')[1] }))
  const options = { addresses: [`localhost:${port}`], refreshMs: 20, probeAfterMs: 30_000 }
  const { backends } = table(t, { ...options, lookup: (_, done) => done(undefined, ['127.0.0.1']) })
  await until(() => backends.reachable())
})

test('the system’s resolver knows localhost', async (t) => {
  const { backends } = table(t, { addresses: ['localhost:25'] })
  backends.refresh()
  await until(() => backends.take(none) !== undefined)
})

const twoOfThem = ['10.0.0.1:25', '10.0.0.2:25']

/** Which addresses the next `count` clients get; all of them stay. */
function shares(backends: Backends, count: number): Record<string, number> {
  const counts: Record<string, number> = {}
  for (let i = 0; i < count; i++) {
    const { label } = take(backends)
    counts[label] = (counts[label] ?? 0) + 1
  }
  return counts
}

/** Two addresses, of which the second has just come back, empty, while the first has 100 sessions. */
function recovered(t: TestContext, slowStartMs: number): { backends: Backends; pass: (ms: number) => void } {
  const set = table(t, { addresses: twoOfThem, slowStartMs })
  const [first, second] = [take(set.backends), take(set.backends)]
  set.backends.greeted(first)
  set.backends.failed(second, 'ECONNREFUSED')
  set.backends.release(second)
  set.pass(100_000)
  for (let i = 0; i < 100; i++) set.backends.greeted(set.backends.take(new Set([second])) ?? second)
  set.backends.greeted(second)
  return set
}

test('an address that works again is filled slowly: a tenth of what the other has at first, half of it after half of the time', (t) => {
  const { backends, pass } = recovered(t, 10_000)
  const early = shares(backends, 20)
  assert.ok(Math.abs((early['10.0.0.2:25'] ?? 0) - 10) <= 1, JSON.stringify(early))
  pass(5000)
  const late = shares(backends, 200)
  assert.ok(Math.abs((late['10.0.0.2:25'] ?? 0) - 97) <= 2, JSON.stringify(late))
  pass(5000)
  assert.deepEqual(shares(backends, 50), { '10.0.0.2:25': 50 })
})

test('without a slow start it gets every new client until it has as many as the others', (t) => {
  const { backends } = recovered(t, 0)
  assert.deepEqual(shares(backends, 60), { '10.0.0.2:25': 60 })
})

test('addresses that all begin at the same time share evenly from the first client on', (t) => {
  const { backends } = table(t, { addresses: twoOfThem, slowStartMs: 10_000 })
  const first = [take(backends), take(backends)]
  for (const target of first) backends.greeted(target)
  assert.deepEqual(shares(backends, 10), { '10.0.0.1:25': 5, '10.0.0.2:25': 5 })
})

test('an address that takes a connection and greets nobody for a second rests, if another one works', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [hanging, good] = [take(backends), take(backends)]
  backends.greeted(hanging)
  backends.greeted(good)
  pass(1000)
  assert.equal(backends.silent(hanging, 999), true)
  assert.deepEqual([statusOf(backends, hanging).state, statusOf(backends, hanging).lastError], ['failing', 'no greeting for 1 s'])
  assert.deepEqual([take(backends), take(backends), take(backends)], [good, good, good])
})

test('it does not when it has greeted another client meanwhile: then it is slow for this one alone', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [slow, good] = [take(backends), take(backends)]
  backends.greeted(good)
  pass(500)
  backends.greeted(slow)
  pass(500)
  assert.equal(backends.silent(slow, 1000), false)
  assert.equal(statusOf(backends, slow).state, 'working')
})

test('nor when no other one works: a busy mail server is better than none', (t) => {
  const { backends, pass } = table(t, { addresses: twoOfThem })
  const [slow, bad] = [take(backends), take(backends)]
  backends.greeted(slow)
  backends.failed(bad, 'ECONNREFUSED')
  pass(5000)
  assert.equal(backends.silent(slow, 1000), false)
  assert.equal(statusOf(backends, slow).state, 'working')
})

test('only an address that is not known to fail is asked beside another', (t) => {
  const { backends } = table(t, { addresses: three })
  const [first, second, third] = [take(backends), take(backends), take(backends)]
  backends.failed(second, 'ECONNREFUSED')
  assert.equal(backends.takeGood(new Set([first])), third)
  assert.equal(backends.takeGood(new Set([first, third])), undefined)
  assert.equal(statusOf(backends, second).sessions, 1, 'and nothing is booked on one that is not taken')
})

test('a gateway is worth its clients while a backend is reachable, and for as long after as it would hold them', (t) => {
  const { backends, pass } = table(t, { addresses: ['10.0.0.1:25'], holdMs: 8000, probeAfterMs: 30_000 })
  assert.equal(backends.worthwhile(), false, 'nobody has answered yet')
  const target = take(backends)
  backends.greeted(target)
  pass(60_000)
  backends.failed(target, 'ECONNREFUSED')
  assert.deepEqual([backends.reachable(), backends.worthwhile()], [false, true])
  pass(5000)
  backends.failed(target, 'ECONNREFUSED')
  pass(2999)
  assert.equal(backends.worthwhile(), true)
  pass(1)
  assert.equal(backends.worthwhile(), false)
  backends.greeted(target)
  assert.equal(backends.worthwhile(), true)
})

test('a policy with other backends is given the same time to reach one of them', (t) => {
  const old = table(t, { addresses: ['10.0.0.1:25'], holdMs: 8000, probeAfterMs: 30_000 }).backends
  old.greeted(take(old))
  const { backends, pass } = table(t, { addresses: ['10.0.0.9:25'], holdMs: 8000, probeAfterMs: 30_000 }, old)
  old.close()
  assert.deepEqual([backends.reachable(), backends.worthwhile()], [false, true])
  pass(8000)
  assert.equal(backends.worthwhile(), false)
})

test('addresses are counted by state', (t) => {
  const { backends } = table(t, { addresses: three })
  const [first, second] = [take(backends), take(backends)]
  backends.greeted(first)
  backends.failed(second, 'ECONNREFUSED')
  assert.deepEqual(backends.counts(), { unknown: 1, working: 1, failing: 1 })
})
