// The DNS client against servers that answer wrongly, late, in part, elsewhere or not at all. Where a time limit matters, the test moves
// the clock; nothing depends on how fast the machine is.

import assert from 'node:assert/strict'
import { createSocket, type Socket } from 'node:dgram'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { readdirSync, readlinkSync } from 'node:fs'
import { type TestContext, test } from 'node:test'
import * as fc from 'fast-check'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import type { DnsblErrorKind } from '../../../gateway/core/vocabulary.ts'
import { DnsClient, type DnsClientSettings, type DnsResult } from '../../../gateway/dns/dns-client.ts'
import { addressRecord, rawMessage } from './dns-raw.ts'
import { answerBytes, framed, type Question, type StubServer, startStubServer } from './dns-server-stub.ts'
import { until } from '../../support/until.ts'

const name = '2.0.0.127.bl.test'
const listed: DnsResult = { addresses: ['127.0.0.2'], ttl: 60, error: undefined }
const fails = (kind: DnsblErrorKind, text: string): DnsResult => ({ addresses: [], ttl: -1, error: { kind, text } })
const timedOut = fails('timeout', 'timeout')
const isListed = (question: Question) => question.reply({ addresses: ['127.0.0.2'] })
const silence = () => undefined

async function server(t: TestContext, onQuestion: (question: Question) => void): Promise<StubServer> {
  const stub = await startStubServer(onQuestion)
  t.after(() => stub.close())
  return stub
}

/** Longer than a busy machine ever takes: a test that needs a time to pass puts the clock forward. */
const queryTimeoutMs = 30_000
const timeoutMs = 60_000

function client(t: TestContext, servers: readonly Endpoint[], settings: Partial<DnsClientSettings> = {}): DnsClient {
  const times = { timeoutMs, queryTimeoutMs, attempts: 2, maxInFlight: 100 }
  const dns = new DnsClient({ servers, ...times, now: () => performance.now(), ...settings })
  t.after(() => dns.close())
  return dns
}

/** A clock that the test can put forward. */
class Clock {
  #ahead = 0
  readonly now = () => performance.now() + this.#ahead

  pass(ms: number): void {
    this.#ahead += ms
  }
}

function ask(dns: DnsClient, question = name): Promise<DnsResult> {
  return new Promise((resolve) => dns.ask(question, 'bl.test', resolve))
}

/** How many sockets had a port, one after the other: once in 900 runs of 9,000 questions the kernel deals one out again. */
function countSocketsByPort(t: TestContext): ReadonlyMap<number, number> {
  const sockets = new Map<number, number>()
  const onSocket = (message: unknown) => {
    const { socket } = message as { socket: Socket }
    socket.once('connect', () => sockets.set(socket.address().port, (sockets.get(socket.address().port) ?? 0) + 1))
  }
  subscribe('udp.socket', onSocket)
  t.after(() => unsubscribe('udp.socket', onSocket))
  return sockets
}

/**
 * A port where no server listens and that no other socket gets until the test ends, not even the client's own. A socket
 * that is connected elsewhere has it, so the kernel refuses what others send there.
 */
async function portWithoutServer(t: TestContext): Promise<Endpoint> {
  const far = await server(t, silence)
  const holder = createSocket('udp4')
  t.after(() => holder.close())
  await new Promise<void>((resolve) => holder.bind(0, '127.0.0.1', resolve))
  await new Promise<void>((resolve) => holder.connect(far.endpoint.port, far.endpoint.address, resolve))
  return { address: '127.0.0.1', port: holder.address().port }
}

const single: { what: string; answer: (question: Question) => void; want: DnsResult }[] = [
  { what: 'an address', answer: isListed, want: listed },
  { what: 'NXDOMAIN with SOA', answer: (q) => q.reply({ rcode: 3, soaTtl: 300 }), want: { addresses: [], ttl: 300, error: undefined } },
  { what: 'NXDOMAIN without SOA', answer: (q) => q.reply({ rcode: 3 }), want: { addresses: [], ttl: -1, error: undefined } },
  { what: 'no data', answer: (q) => q.reply({}), want: { addresses: [], ttl: -1, error: undefined } },
  { what: 'an error code', answer: (q) => q.reply({ rcode: 2 }), want: fails('servfail', 'SERVFAIL') },
]

for (const { what, answer, want } of single) {
  test(`client: ${what}`, async (t) => {
    const stub = await server(t, answer)
    assert.deepEqual(await ask(client(t, [stub.endpoint])), want)
    assert.equal(stub.asked.length, 1)
  })
}

// Each of these comes before the right answer, and must neither count nor end the wait.
const wrong: { what: string; answer: (question: Question) => void }[] = [
  { what: 'a wrong id', answer: (q) => q.reply({ addresses: ['127.0.0.99'], id: q.id ^ 1 }) },
  { what: 'a wrong name', answer: (q) => q.reply({ addresses: ['127.0.0.99'], name: '3.0.0.127.bl.test' }) },
  { what: 'a wrong type', answer: (q) => q.reply({ addresses: ['127.0.0.99'], type: 'AAAA' }) },
  { what: 'no question', answer: (q) => q.replyBytes(withoutQuestion(q)) },
  { what: 'garbage', answer: (q) => q.replyBytes(Buffer.from('listed, believe me!')) },
  {
    what: 'garbage under the right id',
    answer: (q) => q.replyBytes(Buffer.concat([q.bytes.subarray(0, 2), Buffer.from('listed, believe me!')])),
  },
  { what: 'nothing at all', answer: (q) => q.replyBytes(Buffer.alloc(0)) },
  { what: 'the query itself', answer: (q) => q.replyBytes(q.bytes) },
]

for (const { what, answer } of wrong) {
  test(`client: ${what} is ignored and counted, and the right answer after it counts`, async (t) => {
    const stub = await server(t, (q) => {
      answer(q)
      isListed(q)
    })
    const dns = client(t, [stub.endpoint])
    assert.deepEqual(await ask(dns), listed)
    assert.equal(dns.serverStatus()[0]?.ignored, 1)
  })
}

test('client: an answer from another port is ignored, and the right one after it counts', async (t) => {
  const stub = await server(t, (q) => {
    q.replyFromOtherPort({ addresses: ['127.0.0.99'] })
    isListed(q)
  })
  assert.deepEqual(await ask(client(t, [stub.endpoint])), listed)
})

test('client: arbitrary bytes never throw and never count', async (t) => {
  let garbage: Uint8Array[] = []
  const stub = await server(t, (q) => {
    for (const bytes of garbage) q.replyBytes(Buffer.concat([q.bytes.subarray(0, 2), bytes]))
    isListed(q)
  })
  const dns = client(t, [stub.endpoint])
  await fc.assert(
    fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 5 }), async (messages) => {
      garbage = messages
      const result = await ask(dns)
      // A well-made header with an error code and no question is an error; everything else is ignored.
      if (result.error === undefined) assert.deepEqual(result, listed)
      else assert.deepEqual(result.addresses, [])
    }),
    { numRuns: 100 },
  )
})

test('client: the same answer twice counts once', async (t) => {
  const stub = await server(t, (q) => {
    isListed(q)
    isListed(q)
  })
  const dns = client(t, [stub.endpoint])
  let results = 0
  await new Promise<void>((resolve) => {
    dns.ask(name, 'bl.test', () => {
      results++
      resolve()
    })
  })
  await ask(dns, '3.0.0.127.bl.test')
  assert.equal(results, 1)
})

test('client: a truncated answer is asked for again over TCP', async (t) => {
  const stub = await server(t, (q) => q.reply({ truncated: q.via === 'udp', addresses: q.via === 'udp' ? [] : ['127.0.0.2'] }))
  const dns = client(t, [stub.endpoint])
  assert.deepEqual(await ask(dns), listed)
  assert.deepEqual(
    stub.asked.map((q) => q.via),
    ['udp', 'tcp'],
  )
  assert.equal(dns.serverStatus()[0]?.truncated, 1)
})

/** An address, and a record as long as a message can be. */
function longestAnswer({ bytes }: Question): Buffer {
  const rest = 65_535 - rawMessage(bytes, { answers: [addressRecord('127.0.0.2'), { type: 10, data: Buffer.alloc(0) }] }).length
  return rawMessage(bytes, { answers: [addressRecord('127.0.0.2'), { type: 10, data: Buffer.alloc(rest) }] })
}

test('client: an answer of 64 KB over TCP, in pieces of any size', async (t) => {
  const stub = await server(t, (q) => {
    if (q.via === 'udp') return q.reply({ truncated: true })
    const bytes = framed(longestAnswer(q))
    const cuts = [0, 1, 2, 1000, bytes.length]
    const sendNext = (i: number): void => {
      q.replyBytes(bytes.subarray(cuts[i], cuts[i + 1]))
      if (i + 2 < cuts.length) setTimeout(sendNext, 5, i + 1)
    }
    sendNext(0)
  })
  assert.deepEqual(await ask(client(t, [stub.endpoint])), listed)
})

const shortAddress = ({ bytes, via }: Question): Buffer => {
  const message = rawMessage(bytes, { answers: [{ data: Buffer.from([127, 0]) }, addressRecord('127.0.0.9')] })
  return via === 'udp' ? message : framed(message)
}
const shortAddressError = fails('malformed', 'malformed answer: an A record with RDLENGTH 2')

test('client: a malformed answer sends the question to the second server at once, and is counted', async (t) => {
  const first = await server(t, (q) => q.replyBytes(shortAddress(q)))
  const second = await server(t, isListed)
  const dns = client(t, [first.endpoint, second.endpoint])
  assert.deepEqual(await ask(dns), listed)
  assert.equal(dns.serverStatus()[0]?.malformed, 1)
})

test('client: after a malformed answer the only server is asked again after the query timeout, and its good answer counts', async (t) => {
  const clock = new Clock()
  const stub = await server(t, (q) => (stub.asked.length === 1 ? q.replyBytes(shortAddress(q)) : isListed(q)))
  const dns = client(t, [stub.endpoint], { now: clock.now })
  const result = ask(dns)
  await until(() => dns.serverStatus()[0]?.malformed === 1)
  assert.equal(stub.asked.length, 1)
  clock.pass(queryTimeoutMs)
  assert.deepEqual(await result, listed)
})

test('client: answers that are always malformed are an error of that kind, over UDP and TCP', async (t) => {
  const udp = await server(t, (q) => q.replyBytes(shortAddress(q)))
  assert.deepEqual(await ask(client(t, [udp.endpoint], { attempts: 1 })), shortAddressError)
  const tcp = await server(t, (q) => (q.via === 'udp' ? q.reply({ truncated: true }) : q.replyBytes(shortAddress(q))))
  const dns = client(t, [tcp.endpoint], { attempts: 1 })
  assert.deepEqual(await ask(dns), shortAddressError)
  assert.equal(dns.serverStatus()[0]?.malformed, 1)
})

const badTcp: { what: string; answer: (question: Question) => void; want: DnsResult }[] = [
  { what: 'is cut again', answer: (q) => q.reply({ truncated: true }), want: fails('malformed', 'malformed answer: truncated over TCP') },
  { what: 'has a wrong id', answer: (q) => q.reply({ id: q.id ^ 1 }), want: fails('malformed', 'TCP: answer to another question') },
  { what: 'has a wrong name', answer: (q) => q.reply({ name: 'x.test' }), want: fails('malformed', 'malformed answer: foreign over TCP') },
  { what: 'is an error code', answer: (q) => q.reply({ rcode: 5 }), want: fails('refused', 'REFUSED') },
  { what: 'is empty', answer: (q) => q.replyBytes(Buffer.alloc(2)), want: fails('malformed', 'TCP: answer to another question') },
]

for (const { what, answer, want } of badTcp) {
  test(`client: an answer over TCP that ${what}`, async (t) => {
    const stub = await server(t, (q) => (q.via === 'udp' ? q.reply({ truncated: true }) : answer(q)))
    assert.deepEqual(await ask(client(t, [stub.endpoint], { attempts: 1 })), want)
  })
}

test('client: a TCP connection that says nothing ends with the time limit', async (t) => {
  const clock = new Clock()
  const stub = await server(t, (q) => q.via === 'udp' && q.reply({ truncated: true }))
  const result = ask(client(t, [stub.endpoint], { now: clock.now, attempts: 1 }))
  await until(() => stub.asked.at(-1)?.via === 'tcp')
  clock.pass(timeoutMs)
  assert.deepEqual(await result, timedOut)
})

test('client: a hundred truncated answers at once all arrive', async (t) => {
  const stub = await server(t, (q) => q.reply({ truncated: q.via === 'udp', addresses: q.via === 'udp' ? [] : ['127.0.0.2'] }))
  const dns = client(t, [stub.endpoint])
  const results = await Promise.all(Array.from({ length: 100 }, (_, i) => ask(dns, `${i}.0.0.127.bl.test`)))
  assert.ok(results.every((result) => result.addresses[0] === '127.0.0.2'))
})

test('client: an error of the first server sends the question to the second at once', async (t) => {
  const first = await server(t, (q) => q.reply({ rcode: 5 }))
  const second = await server(t, isListed)
  assert.deepEqual(await ask(client(t, [first.endpoint, second.endpoint])), listed)
  assert.equal(first.asked.length, 1)
})

test('client: an error that comes twice does not end the wait for the second server', async (t) => {
  const first = await server(t, (q) => {
    q.reply({ rcode: 5 })
    q.reply({ rcode: 5 })
  })
  const second = await server(t, silence)
  const dns = client(t, [first.endpoint, second.endpoint], { attempts: 1 })
  const result = ask(dns)
  await until(() => second.asked.length === 1 && dns.serverStatus()[0]?.ignored === 1)
  second.asked[0]?.reply({ addresses: ['127.0.0.2'] })
  assert.deepEqual(await result, listed)
})

test('client: errors of all servers are an error, and no server is asked twice', async (t) => {
  const first = await server(t, (q) => q.reply({ rcode: 5 }))
  const second = await server(t, (q) => q.reply({ rcode: 2 }))
  assert.deepEqual(await ask(client(t, [first.endpoint, second.endpoint])), fails('servfail', 'SERVFAIL'))
  assert.deepEqual([first.asked.length, second.asked.length], [1, 1])
})

test('client: after a dead server the next one is asked after the query timeout', async (t) => {
  const clock = new Clock()
  const dead = await server(t, silence)
  const live = await server(t, isListed)
  const dns = client(t, [dead.endpoint, live.endpoint], { now: clock.now })
  const result = ask(dns)
  await until(() => dead.asked.length === 1)
  clock.pass(queryTimeoutMs)
  assert.deepEqual(await result, listed)
  assert.deepEqual([dead.asked.length, live.asked.length], [1, 1])
  assert.equal(dns.serverStatus()[0]?.timeouts, 1)
})

test('client: a burst of questions does not wait for a dead server', async (t) => {
  const clock = new Clock()
  const dead = await server(t, silence)
  const live = await server(t, isListed)
  const dns = client(t, [dead.endpoint, live.endpoint], { now: clock.now, maxInFlight: 1000 })
  const results = Promise.all(Array.from({ length: 200 }, (_, i) => ask(dns, `${i}.test`)))
  await until(() => dead.asked.length >= 48)
  clock.pass(queryTimeoutMs)
  assert.ok((await results).every((result) => result.error === undefined))
  assert.ok(dead.asked.length < 200, `${dead.asked.length}`)
})

test('client: one server is asked again, under another id', async (t) => {
  const clock = new Clock()
  const stub = await server(t, (q) => stub.asked.length > 1 && isListed(q))
  const result = ask(client(t, [stub.endpoint], { now: clock.now }))
  await until(() => stub.asked.length === 1)
  clock.pass(queryTimeoutMs)
  assert.deepEqual(await result, listed)
  assert.notEqual(stub.asked[0]?.id, stub.asked[1]?.id)
})

test('client: a late answer of the first server counts while the second thinks, and then that of the second does not', async (t) => {
  const clock = new Clock()
  const late = await server(t, silence)
  const silent = await server(t, () => late.asked[0]?.reply({ addresses: ['127.0.0.2'] }))
  const dns = client(t, [late.endpoint, silent.endpoint], { now: clock.now })
  const result = ask(dns)
  await until(() => late.asked.length === 1)
  clock.pass(queryTimeoutMs)
  assert.deepEqual(await result, listed)
  silent.asked[0]?.reply({ addresses: ['127.0.0.99'] })
  await until(() => dns.serverStatus()[1]?.ignored === 1)
})

test('client: a server that answers no question is asked last, and first again when it is back', async (t) => {
  let isBack = false
  // It stands still but for the test: a second decides who is asked first.
  let now = 0
  const first = await server(t, (q) => isBack && isListed(q))
  const second = await server(t, isListed)
  const dns = client(t, [first.endpoint, second.endpoint], { queryTimeoutMs: 1000, now: () => now })
  const asked = Promise.all(Array.from({ length: 10 }, () => ask(dns)))
  await until(() => first.asked.length === 10)
  now += 1500
  await asked
  assert.equal(dns.serverStatus()[0]?.down, true)
  await ask(dns)
  assert.equal(first.asked.length, 10)
  isBack = true
  now += 1500
  await ask(dns)
  await ask(dns)
  assert.equal(first.asked.length, 12)
  assert.equal(dns.serverStatus()[0]?.down, false)
})

test('client: a dead list does not make the server look dead', async (t) => {
  const clock = new Clock()
  const stub = await server(t, (q) => q.name === 'live.test' && isListed(q))
  const dns = client(t, [stub.endpoint], { now: clock.now })
  for (let i = 0; i < 20; i++) dns.ask(`${i}.dead.test`, 'dead.test', silence)
  await ask(dns, 'live.test')
  clock.pass(queryTimeoutMs)
  await until(() => dns.serverStatus()[0]?.timeouts === 20)
  assert.equal(dns.serverStatus()[0]?.down, false)
})

test('client: rounds are as many as configured; then it waits for the limit', async (t) => {
  const clock = new Clock()
  const stub = await server(t, silence)
  const times = { queryTimeoutMs: 10_000, attempts: 3 }
  const dns = client(t, [stub.endpoint], { ...times, now: clock.now })
  const result = ask(dns)
  for (const count of [1, 2, 3]) {
    await until(() => stub.asked.length === count)
    clock.pass(times.queryTimeoutMs)
  }
  await until(() => dns.serverStatus()[0]?.timeouts === 3)
  clock.pass(timeoutMs)
  assert.deepEqual(await result, timedOut)
  assert.equal(stub.asked.length, 3)
})

test('client: a slow answer is cut off by the limit, and the late one is dropped', async (t) => {
  let late: Question | undefined
  const stub = await server(t, (q) => {
    if (late === undefined) late = q
    else isListed(q)
  })
  const clock = new Clock()
  const dns = client(t, [stub.endpoint], { now: clock.now })
  const result = ask(dns)
  await until(() => late !== undefined)
  clock.pass(timeoutMs)
  assert.deepEqual(await result, timedOut)
  late?.reply({ addresses: ['127.0.0.99'] })
  assert.deepEqual(await ask(dns), listed)
  assert.deepEqual(dns.counts(), { inFlight: 0, waiting: 0 })
})

test('client: a port where no server listens is noticed, with few questions to it', async (t) => {
  const endpoint = await portWithoutServer(t)
  const dns = client(t, [endpoint], { queryTimeoutMs: 50, attempts: 3 })
  assert.deepEqual(await ask(dns), fails('unreachable', `ECONNREFUSED (127.0.0.1:${endpoint.port})`))
  assert.equal(dns.serverStatus()[0]?.sent, 3)
})

test('client: after a port where no server listens the next server is asked at once', async (t) => {
  const live = await server(t, isListed)
  assert.deepEqual(await ask(client(t, [await portWithoutServer(t), live.endpoint])), listed)
})

test('client: after a server that cannot be reached the next one is asked', async (t) => {
  const live = await server(t, isListed)
  // Connecting to the broadcast address is forbidden (EACCES), with or without a network.
  const dns = client(t, [{ address: '255.255.255.255', port: 53 }, live.endpoint])
  assert.deepEqual(await ask(dns), listed)
  assert.equal(dns.serverStatus()[0]?.unreachable, 1)
})

test('client: after a server at port 0 the next one is asked', async (t) => {
  const live = await server(t, isListed)
  assert.deepEqual(await ask(client(t, [{ address: '127.0.0.1', port: 0 }, live.endpoint])), listed)
})

test('client: without servers there is an error, not before ask returns', async (t) => {
  let early = true
  const result = new Promise<DnsResult>((resolve) => {
    client(t, []).ask(name, 'bl.test', (answer) => {
      assert.equal(early, false)
      resolve(answer)
    })
  })
  early = false
  assert.deepEqual(await result, fails('local', 'no DNS server'))
})

test('client: a cancelled question is not reported, on its way or waiting', async (t) => {
  const stub = await server(t, silence)
  const dns = client(t, [stub.endpoint], { maxInFlight: 1 })
  const questions = [1, 2, 3].map((i) => dns.ask(`${i}.test`, 'bl.test', () => assert.fail('reported')))
  await until(() => stub.asked.length === 1)
  questions[1]?.cancel()
  questions[0]?.cancel()
  questions[0]?.cancel()
  await until(() => stub.asked.length === 2)
  for (const question of stub.asked) question.reply({ addresses: ['127.0.0.2'] })
  questions[2]?.cancel()
  assert.deepEqual(
    stub.asked.map((question) => question.name),
    ['1.test', '3.test'],
  )
  await until(() => dns.counts().waiting + dns.counts().inFlight === 0)
})

test('client: no more questions are on their way than allowed, and none is forgotten', async (t) => {
  let open = 0
  let most = 0
  const stub = await server(t, (q) => {
    most = Math.max(most, ++open)
    setImmediate(() => {
      open--
      isListed(q)
    })
  })
  const dns = client(t, [stub.endpoint], { maxInFlight: 5 })
  const results = await Promise.all(Array.from({ length: 200 }, (_, i) => ask(dns, `${i}.test`)))
  assert.ok(results.every((result) => result.error === undefined))
  assert.ok(most <= 5, `${most}`)
})

test('client: a question that is cancelled before it was sent is not sent', async (t) => {
  const stub = await server(t, silence)
  const dns = client(t, [stub.endpoint])
  const questions = Array.from({ length: 10 }, (_, i) => dns.ask(`${i}.test`, 'bl.test', silence))
  for (const question of questions.slice(0, 5)) question.cancel()
  await until(() => stub.asked.at(-1)?.name === '9.test')
  assert.equal(stub.asked.length, 5)
})

test('client: new questions do not wait behind those that a dead list has left unanswered', async (t) => {
  const clock = new Clock()
  const stub = await server(t, (q) => q.name.endsWith('.live.test') && isListed(q))
  const dns = client(t, [stub.endpoint], { now: clock.now, maxInFlight: 1000 })
  for (let i = 0; i < 200; i++) dns.ask(`${i}.dead.test`, 'dead.test', silence)
  await until(() => stub.asked.length === 200)
  clock.pass(queryTimeoutMs)
  await until(() => stub.asked.length > 200)
  await Promise.all(Array.from({ length: 100 }, (_, i) => ask(dns, `${i}.live.test`)))
  const before = stub.asked.slice(200).findIndex((q) => q.name.endsWith('.live.test'))
  assert.ok(before < 100, `${before} of 200 were asked again before the first new one`)
})

test('client: ports that hear nothing are replaced', async (t) => {
  const clock = new Clock()
  const stub = await server(t, silence)
  const dns = client(t, [stub.endpoint], { now: clock.now })
  for (let i = 0; i < 40; i++) void ask(dns, `${i}.test`)
  await until(() => stub.asked.length === 40)
  clock.pass(queryTimeoutMs)
  await until(() => stub.asked.length === 80)
  const silentPorts = new Set(stub.asked.slice(0, 40).map(({ fromPort }) => fromPort))
  assert.ok(stub.asked.slice(40).every(({ fromPort }) => !silentPorts.has(fromPort)))
})

test('client: at low load questions leave from several ports too', async (t) => {
  const stub = await server(t, (q) => q.reply({ rcode: 3 }))
  const dns = client(t, [stub.endpoint])
  for (let i = 0; i < 100; i++) await ask(dns, `${i}.test`)
  assert.ok(new Set(stub.asked.slice(50).map(({ fromPort }) => fromPort)).size > 4)
})

test('client: a socket is given up after a thousand questions', async (t) => {
  const stub = await server(t, (q) => q.reply({ rcode: 3 }))
  const sockets = openSockets()
  const opened = countSocketsByPort(t)
  const dns = client(t, [stub.endpoint])
  for (let i = 0; i < 90; i++) await Promise.all(Array.from({ length: 100 }, (_, j) => ask(dns, `${i}.${j}.test`)))
  const uses = new Map<number, number>()
  for (const { fromPort } of stub.asked) uses.set(fromPort, (uses.get(fromPort) ?? 0) + 1)
  assert.ok(uses.size > 8, `${uses.size} ports`)
  for (const [port, times] of uses) {
    const held = opened.get(port) ?? 0
    assert.ok(times <= 1000 * held, `${times} questions from port ${port}, which ${held} sockets had`)
  }
  await until(() => openSockets() <= sockets + 8)
  assert.ok(new Set(stub.asked.map(({ id }) => id)).size > 7500, 'ids are spread over the whole range')
})

test('client: new servers are asked from now on, open questions keep the old ones, and theirs are closed in the end', async (t) => {
  const clock = new Clock()
  const before = await server(t, silence)
  const after = await server(t, isListed)
  const dns = client(t, [before.endpoint], { now: clock.now })
  const sockets = openSockets()
  const old = ask(dns, 'old.test')
  await until(() => before.asked.length === 1)
  dns.updateServers([after.endpoint])
  assert.deepEqual(await ask(dns), listed)
  before.asked[0]?.reply({ addresses: ['127.0.0.77'] })
  assert.deepEqual((await old).addresses, ['127.0.0.77'])
  assert.equal(before.asked.length, 1)
  dns.updateServers([])
  assert.ok(openSockets() > sockets)
  clock.pass(2 * timeoutMs)
  await until(() => openSockets() === sockets)
})

test('client: servers that stay keep their counts when the list changes', async (t) => {
  const stub = await server(t, isListed)
  const dns = client(t, [stub.endpoint])
  await ask(dns)
  dns.updateServers([{ address: '192.0.2.1', port: 53 }, stub.endpoint])
  assert.deepEqual(
    dns.serverStatus().map((status) => status.answered),
    [0, 1],
  )
})

test('client: close leaves no socket behind, with TCP connections and connecting sockets as well', async (t) => {
  const stub = await server(t, (q) => q.via === 'udp' && q.reply({ truncated: true }))
  const sockets = openSockets()
  const dns = client(t, [stub.endpoint])
  dns.ask(name, 'bl.test', silence)
  await until(() => stub.asked.at(-1)?.via === 'tcp')
  dns.ask(name, 'bl.test', silence)
  dns.close()
  const young = client(t, [stub.endpoint])
  young.ask(name, 'bl.test', silence)
  young.close()
  await until(() => openSockets() === sockets)
})

test('client: nothing is reported after close', async (t) => {
  const stub = await server(t, silence)
  const dns = client(t, [stub.endpoint])
  dns.ask(name, 'bl.test', () => assert.fail('reported'))
  await until(() => stub.asked.length === 1)
  dns.close()
  dns.ask(name, 'bl.test', () => assert.fail('reported'))
  dns.close()
  stub.asked[0]?.reply({ addresses: ['127.0.0.2'] })
  await passes(stub)
})

function withoutQuestion(question: Question): Buffer {
  const bytes = answerBytes(question, { addresses: ['127.0.0.99'] })
  bytes.writeUInt16BE(0, 4)
  return bytes
}

/** Sockets of this process (Linux). */
function openSockets(): number {
  let count = 0
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith('socket:')) count++
    } catch {
      // The descriptor of the directory itself is gone by now.
    }
  }
  return count
}

/** A datagram goes to the stub and back, after those sent before. */
async function passes(stub: StubServer): Promise<void> {
  const socket = createSocket('udp4')
  const before = stub.asked.length
  socket.send(answerBytes({ id: 1, name: 'x.test' }, {}), stub.endpoint.port, stub.endpoint.address)
  await until(() => stub.asked.length > before)
  socket.close()
}
