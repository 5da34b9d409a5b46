// Which EHLO keywords the gateway learns from its backends, when it asks them, and what it promises.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import type { Backends } from '../../../gateway/backend/backends.ts'
import type { KeywordNews } from '../../../gateway/backend/keyword-sharing.ts'
import { promisesStatus } from '../../../gateway/backend/keyword-status.ts'
import { parseEhloReply } from '../../../gateway/core/ehlo-keywords-offered.ts'
import { keywordLines } from '../../../gateway/core/promise-of-backends.ts'
import { endpointsOf } from '../../support/endpoints.ts'
import { until } from '../../support/until.ts'
import { follower, learn, proven, refused, table, take, twoOfThem } from './backend-table.ts'
import { type KeywordBackend, keywordBackend } from './keyword-backend.ts'

const client = '198.18.0.5'
const clientIPv6 = '2001:db8:5::5'
const offering = (...lines: readonly string[]) => parseEhloReply(['mx', ...lines])

/** What is promised to a client, as text; undefined: the policy's own keywords. */
function promised(backends: Backends, address = client): string | undefined {
  const promise = backends.keywords.promiseFor(address)
  return promise && keywordLines(promise).join(' ')
}

const learning: Partial<BackendOptions> = { learnsKeywords: true, probeAfterMs: 30_000 }

/** A table that has proven these mail servers, and asks them for their keywords. */
async function asking(t: TestContext, servers: readonly KeywordBackend[], options: Partial<BackendOptions> = {}) {
  const addresses = endpointsOf(...servers.map(({ port }) => `127.0.0.1:${port}`))
  const set = table(t, { addresses, ...learning, ...options })
  set.backends.refresh()
  await until(() => set.backends.status().every(({ addresses: [address] }) => address?.state === 'working'))
  return set
}

test('a backend is asked when it begins to work, with a header that names an unknown client, and a QUIT', async (t) => {
  const server = await keywordBackend(t, 'SIZE 100', 'DSN', 'PIPELINING', 'XCLIENT NAME')
  const { backends } = await asking(t, [server])
  await until(() => promised(backends) !== undefined)
  assert.equal(promised(backends), 'SIZE 100 ENHANCEDSTATUSCODES DSN')
  const [asked] = server.asked
  assert.equal(asked?.client, '192.0.2.1')
  await asked?.end.until((text) => text.endsWith('EHLO [192.0.2.1]\r\nQUIT\r\n'))
  assert.equal((await asked?.end.ended())?.how, 'FIN')
})

test('a policy that does not continue sessions asks no backend, and promises nothing of them', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  const { backends, pass } = await asking(t, [server], { learnsKeywords: false })
  pass(600_000)
  backends.refresh()
  backends.keywords.learn(take(backends).label, client, offering('DSN'))
  await sleep(50)
  assert.deepEqual([server.asked.length, promised(backends)], [0, undefined])
  assert.equal(promisesStatus(backends.keywords), null)
  assert.equal(backends.status()[0]?.addresses[0]?.ehlo, undefined)
})

test('it is asked again about every five minutes, and the newest reply counts', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  const { backends, pass } = await asking(t, [server])
  await until(() => promised(backends)?.includes('DSN') === true)
  server.offers.set('all', ['SMTPUTF8'])
  pass(239_000)
  backends.refresh()
  await sleep(50)
  assert.equal(server.asked.length, 1)
  pass(122_000)
  backends.refresh()
  await until(() => server.asked.length === 2)
  await until(() => promised(backends) === 'ENHANCEDSTATUSCODES SMTPUTF8')
})

test('IPv6 clients have keywords of their own, which are asked for when the first one comes', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  server.offers.set('2001:db8::1', ['SMTPUTF8'])
  const { backends } = await asking(t, [server])
  await until(() => promised(backends) !== undefined)
  assert.equal(server.asked.length, 1)
  assert.equal(promised(backends, clientIPv6), undefined)
  await until(() => promised(backends, clientIPv6) !== undefined)
  assert.equal(promised(backends, clientIPv6), 'ENHANCEDSTATUSCODES SMTPUTF8')
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN')
  const asked = server.asked[1]
  assert.equal(asked?.client, '2001:db8::1')
  await asked?.end.until((text) => text.includes('EHLO [IPv6:2001:db8::1]\r\n'))
})

test('without the PROXY protocol there is no header, and all clients have the same keywords', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  const { backends } = await asking(t, [server], { proxyProtocol: 'None' })
  await until(() => promised(backends, clientIPv6) === 'ENHANCEDSTATUSCODES DSN')
  assert.deepEqual([server.asked.length, server.asked[0]?.client], [1, undefined])
})

test('version 1 of the PROXY protocol names the same client', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  const { backends } = await asking(t, [server], { proxyProtocol: 'V1' })
  await until(() => promised(backends) !== undefined)
  assert.equal(server.asked[0]?.client, '192.0.2.1')
})

const refusals: readonly { readonly what: string; readonly change: Partial<Pick<KeywordBackend, 'greet' | 'reply'>> }[] = [
  { what: 'a greeting of 554', change: { greet: (socket) => void socket.end('554 5.7.1 Client host rejected\r\n') } },
  { what: 'a greeting of 421', change: { greet: (socket) => void socket.end('421 4.7.0 too many connections\r\n') } },
  { what: 'an EHLO that is refused', change: { reply: '550 5.7.1 Helo command rejected\r\n' } },
  { what: 'a reply to EHLO that is not SMTP', change: { reply: 'hello\r\n' } },
  { what: 'more than one reply to EHLO', change: { reply: '250 mx\r\n250 mx\r\n' } },
]
for (const { what, change } of refusals) {
  test(`${what} does not change what is known, and is not a failure of the backend`, async (t) => {
    const server = await keywordBackend(t, 'DSN')
    const { backends, pass } = await asking(t, [server])
    await until(() => promised(backends) !== undefined)
    const { greet, reply } = server
    Object.assign(server, change)
    pass(361_000)
    backends.keywords.askDue()
    await sleep(100)
    assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN')
    assert.equal(backends.status()[0]?.addresses[0]?.state, 'working')
    // It is asked again after about a minute.
    Object.assign(server, { greet, reply })
    server.offers.set('all', ['CHUNKING'])
    pass(73_000)
    backends.keywords.askDue()
    await until(() => promised(backends) === 'ENHANCEDSTATUSCODES CHUNKING')
  })
}

/** A table whose addresses work as soon as a test says so, and nothing is asked. */
function told(t: TestContext, options: Partial<BackendOptions> = {}) {
  return table(t, { addresses: twoOfThem, ...learning, refreshMs: 0, shared: follower, ...options })
}
const [first, second] = ['10.0.0.1:25', '10.0.0.2:25'] as const
const news = (label: string, ...lines: readonly string[]): KeywordNews => {
  const { names, size } = offering(...lines)
  return { label, proxyProtocol: 'V2', family: 'ipv4', names: [...names] as KeywordNews['names'], size, by: 'probe', greeting: 'prompt' }
}

test('the reply to the repeated EHLO of a client corrects the promise', (t) => {
  const { backends } = told(t)
  learn(backends, first, proven)
  backends.keywords.hear(news(first, 'SIZE 100', 'DSN', 'SMTPUTF8'))
  assert.equal(promised(backends), 'SIZE 100 ENHANCEDSTATUSCODES DSN SMTPUTF8')
  backends.keywords.learn(take(backends).label, client, offering('SIZE 50', 'SMTPUTF8'))
  assert.equal(promised(backends), 'SIZE 50 ENHANCEDSTATUSCODES SMTPUTF8')
  assert.equal(promised(backends, clientIPv6), undefined)
})

test('DSN is promised only while the newest probe and the newest client were both offered it', (t) => {
  const { backends } = told(t)
  learn(backends, first, proven)
  const target = take(backends)
  backends.keywords.learn(target.label, client, offering('DSN'))
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN')
  backends.keywords.hear(news(first, 'SMTPUTF8'))
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES SMTPUTF8')
  // A client of a network that the mail server trusts.
  backends.keywords.learn(target.label, client, offering('DSN', 'SMTPUTF8'))
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES SMTPUTF8')
  backends.keywords.hear(news(first, 'DSN', 'SMTPUTF8'))
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN SMTPUTF8')
})

test('a backend with unknown keywords does not count for its first two seconds', (t) => {
  const { backends, pass } = told(t)
  learn(backends, first, proven)
  backends.keywords.hear(news(first, 'DSN', 'SMTPUTF8'))
  pass(10_000)
  learn(backends, second, proven)
  pass(1999)
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN SMTPUTF8')
  pass(1)
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES SMTPUTF8')
  assert.deepEqual(promisesStatus(backends.keywords)?.ipv4, {
    promise: ['ENHANCEDSTATUSCODES', 'SMTPUTF8'],
    limitedBy: ['10.0.0.2:25 has not shown yet whether it offers DSN'],
  })
})

test('a backend that is gone does not limit the promise', (t) => {
  const { backends } = told(t)
  for (const label of [first, second]) learn(backends, label, proven)
  backends.keywords.hear(news(first, 'DSN', 'SMTPUTF8'))
  backends.keywords.hear(news(second))
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES')
  learn(backends, second, refused)
  assert.equal(promised(backends), 'ENHANCEDSTATUSCODES DSN SMTPUTF8')
})

test('while no backend works, what they last offered is promised, but not what must be certain', (t) => {
  const { backends } = told(t)
  learn(backends, first, proven)
  backends.keywords.hear(news(first, 'STARTTLS', 'DSN', 'SMTPUTF8'))
  learn(backends, first, refused)
  assert.equal(promised(backends), 'STARTTLS ENHANCEDSTATUSCODES SMTPUTF8')
})

test('before anything is known, the policy itself says what is promised', (t) => {
  const { backends } = told(t)
  assert.equal(promised(backends), undefined)
  learn(backends, first, proven)
  assert.equal(promised(backends), undefined)
  assert.deepEqual(promisesStatus(backends.keywords), { ipv4: { promise: null, limitedBy: [] } })
})

test('what is known stays known when the policy changes, except with another PROXY version', (t) => {
  const { backends } = told(t)
  learn(backends, first, proven)
  backends.keywords.hear(news(first, 'DSN'))
  const same = told(t, {})
  const next = table(t, { addresses: twoOfThem, ...learning, refreshMs: 0, shared: follower }, backends)
  assert.equal(promised(next.backends), 'ENHANCEDSTATUSCODES DSN')
  assert.equal(promised(same.backends), undefined)
  const other = table(t, { addresses: twoOfThem, ...learning, refreshMs: 0, shared: follower, proxyProtocol: 'V1' }, next.backends)
  learn(other.backends, first, proven)
  assert.equal(promised(other.backends), undefined)
})

test('of several processes one asks, and all know', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  server.offers.set('2001:db8::1', ['CHUNKING'])
  const sent: KeywordNews[] = []
  const workers: Backends[] = []
  const tellWorkers = (tell: (worker: Backends) => void): void => workers.forEach(tell)
  const prober = await asking(t, [server], {
    shared: { isProber: () => true, ask: () => undefined, tell: (result) => tellWorkers((one) => one.hear(result)) },
    sharedKeywords: { tell: (heard) => (sent.push(heard), tellWorkers((one) => one.keywords.hear(heard))), want: () => undefined },
  })
  const worker = table(t, {
    addresses: prober.backends.options.addresses,
    ...learning,
    shared: { isProber: () => false, ask: (label, urgent) => prober.backends.asked(label, urgent), tell: () => undefined },
    sharedKeywords: {
      tell: (heard) => prober.backends.keywords.hear(heard),
      want: (family) => prober.backends.keywords.hearWanted(family),
    },
  })
  await until(() => promised(prober.backends) === 'ENHANCEDSTATUSCODES DSN')
  workers.push(worker.backends)
  // A process that begins later asks for what is known.
  worker.backends.refresh()
  await until(() => promised(worker.backends) === 'ENHANCEDSTATUSCODES DSN')
  assert.equal(promised(worker.backends, clientIPv6), undefined)
  await until(() => promised(worker.backends, clientIPv6) === 'ENHANCEDSTATUSCODES CHUNKING')
  assert.deepEqual(
    server.asked.map((one) => one.client),
    ['192.0.2.1', '2001:db8::1'],
  )
  assert.deepEqual(JSON.parse(JSON.stringify(sent)), sent, 'messages are plain data')
  // A session of any process teaches all.
  worker.backends.keywords.learn(take(worker.backends).label, client, offering('SMTPUTF8'))
  assert.equal(promised(prober.backends), 'ENHANCEDSTATUSCODES SMTPUTF8')
})

test('the other processes are told what a session has learned once, and again after a minute', (t) => {
  const sent: string[] = []
  const { backends, pass } = table(t, {
    addresses: twoOfThem,
    ...learning,
    refreshMs: 0,
    shared: follower,
    sharedKeywords: { tell: ({ names }) => void sent.push(names.join(' ')), want: () => undefined },
  })
  learn(backends, first, proven)
  const target = take(backends)
  for (let session = 0; session < 3; session++) backends.keywords.learn(target.label, client, offering('DSN', 'XVERP'))
  assert.deepEqual(sent, ['DSN'])
  backends.keywords.learn(target.label, client, offering('CHUNKING'))
  pass(60_000)
  backends.keywords.learn(target.label, client, offering('CHUNKING'))
  assert.deepEqual(sent, ['DSN', 'CHUNKING', 'CHUNKING'])
})

test('the status shows what each backend offers and how that was learned', async (t) => {
  const server = await keywordBackend(t, 'SIZE 100', 'DSN')
  const { backends } = await asking(t, [server])
  await until(() => promised(backends) !== undefined)
  const status = () => backends.status()[0]?.addresses[0]?.ehlo
  const { learntAt, ...offer } = status()?.offers.ipv4 ?? assert.fail()
  assert.deepEqual(offer, { keywords: ['SIZE 100', 'DSN'], learnt: 'probe' })
  assert.ok(Math.abs(Date.parse(learntAt) - Date.now()) < 60_000)
  backends.keywords.learn(take(backends).label, client, offering('SIZE 100'))
  assert.deepEqual([status()?.offers.ipv4?.keywords, status()?.offers.ipv4?.learnt], [['SIZE 100'], 'session'])
  assert.equal(status()?.warning, null)
})

test('the status warns of a backend that pauses within its greeting as postscreen does, also when the next client is greeted at once', async (t) => {
  const server = await keywordBackend(t, 'DSN')
  let greeted = 0
  // The second connection is that of the keywords.
  server.greet = (socket) => {
    if (greeted++ !== 1) return void socket.write('220 mx\r\n')
    socket.write('220-mx\r\n')
    setTimeout(() => socket.write('220 mx\r\n'), 100)
  }
  const { backends, pass } = await asking(t, [server])
  const warning = () => backends.status()[0]?.addresses[0]?.ehlo?.warning
  await until(() => typeof warning() === 'string')
  assert.match(warning() ?? '', /^it pauses within its greeting: if it is a postscreen/)
  await until(() => promised(backends) !== undefined)
  pass(361_000)
  backends.keywords.askDue()
  await until(() => server.asked.length === 2)
  await sleep(50)
  assert.match(warning() ?? '', /^it pauses/)
})
