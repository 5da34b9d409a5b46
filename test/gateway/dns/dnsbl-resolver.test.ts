// One lookup for all sessions of a client: which sessions get which answers, and when.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { type TestContext, test } from 'node:test'
import { DnsblKey } from '../../../gateway/core/dnsbl-key.ts'
import type { DnsblList } from '../../../gateway/core/dnsbl.ts'
import type { DnsblAnswer } from '../../../gateway/core/vocabulary.ts'
import { DnsblResolver, type DnsblResolverSettings } from '../../../gateway/dns/dnsbl-resolver.ts'
import { type Question, type StubServer, startStubServer } from './dns-server-stub.ts'
import { until } from '../../support/until.ts'

/** Longer than a busy machine ever takes. */
const limits = { timeoutMs: 60_000, queryTimeoutMs: 30_000, attempts: 2, maxInFlight: 100 }
const sites = ['one.test', 'two.test']
const client = '127.0.0.2'

interface Bench {
  readonly stub: StubServer
  readonly resolver: DnsblResolver
  /** What `observe` was told. */
  readonly observed: string[]
  /** Waits for the `count`-th question about the site and returns it. */
  readonly question: (domain: string, count?: number) => Promise<Question>
}

async function start(t: TestContext, settings: Partial<DnsblResolverSettings> = {}, onQuestion: (q: Question) => void = () => undefined) {
  const stub = await startStubServer(onQuestion)
  const observed: string[] = []
  const observe = (about: string, answer: DnsblAnswer) => void observed.push(`${about} ${text(answer)}`)
  const resolver = new DnsblResolver({ servers: [stub.endpoint], ...limits, observe, ...settings })
  t.after(async () => {
    resolver.close()
    await stub.close()
  })
  const question = async (domain: string, count = 1) => {
    const about = () => stub.asked.filter((q) => q.name.endsWith(`.${domain}`))
    await until(() => about().length >= count)
    const found = about()[count - 1]
    assert.ok(found)
    return found
  }
  const bench: Bench = { stub, resolver, observed, question }
  return bench
}

function text({ domain, addresses, ttl, error }: DnsblAnswer): string {
  return `${domain}: ${error?.text ?? (addresses.join(' ') || 'clean')} ${ttl}`
}

/** The same array for the same names, as a policy has it. */
const known = new Map<string, { readonly lists: readonly DnsblList[] }>()
function listsOf(domains: readonly string[]): { readonly lists: readonly DnsblList[] } {
  const lists = known.get(domains.join(' ')) ?? { lists: domains.map((domain) => ({ domain })) }
  known.set(domains.join(' '), lists)
  return lists
}

/** A session that notes what it is told. */
function session(resolver: DnsblResolver, domains: readonly string[] = sites, about = client) {
  const told: string[] = []
  const lookup = resolver.lookup(
    about,
    listsOf(domains),
    (answer, complete) => void told.push(text(answer) + (complete ? ' complete' : '')),
  )
  return { told, cancel: (why?: 'done' | 'overdue') => lookup.cancel(why) }
}

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('resolver: one question for each site, answers as they come, complete with the last', async (t) => {
  const { resolver, stub, question, observed } = await start(t)
  const one = session(resolver)
  ;(await question('two.test')).reply({ addresses: ['127.0.0.4', '127.0.0.5'], ttl: 30 })
  await until(() => one.told.length === 1)
  ;(await question('one.test')).reply({ rcode: 3, soaTtl: 9 })
  await until(() => one.told.length === 2)
  assert.deepEqual(one.told, ['two.test: 127.0.0.4 127.0.0.5 30', 'one.test: clean 9 complete'])
  assert.deepEqual(observed, ['127.0.0.2 two.test: 127.0.0.4 127.0.0.5 30', '127.0.0.2 one.test: clean 9'])
  assert.deepEqual(stub.asked.map((q) => q.name).toSorted(), ['2.0.0.127.one.test', '2.0.0.127.two.test'])
})

test('resolver: a site that is named twice is asked once', async (t) => {
  const { resolver, stub } = await start(t, {}, (q) => q.reply({ rcode: 3 }))
  const one = session(resolver, ['one.test', 'two.test', 'one.test'])
  await until(() => one.told.length === 2)
  assert.match(one.told[1] ?? '', /complete$/)
  assert.equal(stub.asked.length, 2)
})

test('resolver: IPv6 clients are asked for by nibbles, for A records', async (t) => {
  const { resolver, stub } = await start(t, {}, (q) => q.reply({ addresses: ['127.0.0.2'] }))
  const one = session(resolver, ['one.test'], '2001:db8::1')
  await until(() => one.told.length === 1)
  assert.equal(stub.asked[0]?.name, `1.${'0.'.repeat(23)}8.b.d.0.1.0.0.2.one.test`)
})

test('resolver: a second session joins the flight, and is told what is already in, but not within lookup', async (t) => {
  const { resolver, stub, question, observed } = await start(t)
  const one = session(resolver)
  ;(await question('one.test')).reply({ addresses: ['127.0.0.2'] })
  await until(() => one.told.length === 1)
  const two = session(resolver, ['two.test', 'one.test'])
  assert.deepEqual(two.told, [])
  await turn()
  assert.deepEqual(two.told, ['one.test: 127.0.0.2 60'])
  ;(await question('two.test')).reply({ rcode: 3 })
  await until(() => two.told.length === 2)
  assert.deepEqual(two.told, one.told)
  assert.equal(stub.asked.length, 2)
  assert.equal(observed.length, 2)
})

test('resolver: a session may join a finished flight while another still listens; afterwards there is a new one', async (t) => {
  const { resolver, stub } = await start(t, {}, (q) => q.reply({ rcode: 3 }))
  const one = session(resolver)
  await until(() => one.told.length === 2)
  const two = session(resolver)
  await turn()
  assert.deepEqual(two.told, one.told)
  assert.equal(stub.asked.length, 2)
  one.cancel()
  two.cancel()
  assert.equal(resolver.status().flights, 0)
  const three = session(resolver)
  await until(() => three.told.length === 2)
  assert.equal(stub.asked.length, 4)
})

test('resolver: a lookup cannot be shared after the time limit, although no session has cancelled it', async (t) => {
  let now = 0
  const { resolver, stub } = await start(t, { now: () => now }, (q) => q.reply({ rcode: 3 }))
  const one = session(resolver)
  await until(() => one.told.length === 2)
  now = limits.timeoutMs
  const two = session(resolver)
  await until(() => two.told.length === 2)
  assert.equal(stub.asked.length, 4)
})

test('resolver: other clients and other sites have flights of their own', async (t) => {
  const { resolver, stub } = await start(t, {}, (q) => q.reply({ rcode: 3 }))
  const all = [session(resolver), session(resolver, sites, '127.0.0.3'), session(resolver, ['one.test'])]
  await until(() => all.reduce((sum, one) => sum + one.told.length, 0) === 5)
  assert.equal(stub.asked.length, 5)
})

test('resolver: T12: of three sessions the first and the last leave before the answer, the middle one gets it', async (t) => {
  const { resolver, question } = await start(t)
  const [first, middle, last] = [session(resolver), session(resolver), session(resolver)]
  const [one, two] = [await question('one.test'), await question('two.test')]
  first.cancel()
  last.cancel()
  one.reply({ addresses: ['127.0.0.2'] })
  two.reply({ rcode: 3, soaTtl: 61 })
  await until(() => middle.told.length === 2)
  assert.deepEqual(middle.told.toSorted(), ['one.test: 127.0.0.2 60', 'two.test: clean 61 complete'].toSorted())
  assert.deepEqual([first.told, last.told], [[], []])
})

test('resolver: T12: a listener may cancel itself, others and all of them while it is being told', async (t) => {
  const { resolver, question } = await start(t)
  const told: string[] = []
  const lookups = ['a', 'b', 'c', 'd'].map((name) =>
    resolver.lookup(client, listsOf(sites), () => {
      told.push(name)
      if (name === 'b') for (const lookup of lookups) lookup.cancel()
    }),
  )
  ;(await question('one.test')).reply({ addresses: ['127.0.0.2'] })
  await until(() => told.length > 0)
  await turn()
  assert.deepEqual(told, ['a', 'b'])
  assert.deepEqual(resolver.status().flights, 0)
  // The question that no session waits for still tells whether its list answers.
  assert.equal(resolver.status().inFlight, 1)
})

test('resolver: a listener may look up while it is being told', async (t) => {
  const { resolver, stub, question } = await start(t)
  let inner: { told: string[] } | undefined
  const outer = resolver.lookup(client, listsOf(sites), () => {
    outer.cancel()
    inner = session(resolver)
    assert.deepEqual(inner.told, [])
  })
  ;(await question('one.test')).reply({ addresses: ['127.0.0.2'] })
  ;(await question('one.test', 2)).reply({ addresses: ['127.0.0.9'] })
  await until(() => inner?.told.length === 1)
  assert.deepEqual(inner?.told, ['one.test: 127.0.0.9 60'])
  assert.equal(stub.asked.length, 4)
})

test('resolver: a session that joins while another is being told has its turn after that', async (t) => {
  const { resolver, question } = await start(t)
  const order: string[] = []
  resolver.lookup(client, listsOf(sites), () => {
    if (order.length > 0) return
    queueMicrotask(() => order.push('later'))
    resolver.lookup(client, listsOf(sites), () => order.push('joined'))
    order.push('first')
  })
  resolver.lookup(client, listsOf(sites), () => order.push('second'))
  ;(await question('one.test')).reply({ addresses: ['127.0.0.2'] })
  await until(() => order.length === 4)
  assert.deepEqual(order, ['first', 'second', 'later', 'joined'])
})

test('resolver: T13: an answer to an earlier flight never reaches a later one', async (t) => {
  const { resolver, question, observed } = await start(t)
  const gone = session(resolver)
  const early = await question('one.test')
  gone.cancel()
  const back = session(resolver)
  const late = await question('one.test', 2)
  early.reply({ addresses: ['127.0.0.66'] })
  late.reply({ addresses: ['127.0.0.2'] })
  await until(() => back.told.length === 1)
  assert.deepEqual(back.told, ['one.test: 127.0.0.2 60'])
  assert.deepEqual(gone.told, [])
  await until(() => observed.length === 2)
  assert.deepEqual(observed.toSorted(), ['127.0.0.2 one.test: 127.0.0.2 60', '127.0.0.2 one.test: 127.0.0.66 60'])
})

test('resolver: a cancelled session is told nothing, not even what is already in', async (t) => {
  const { resolver, question } = await start(t)
  const one = session(resolver)
  ;(await question('one.test')).reply({ rcode: 3 })
  await until(() => one.told.length === 1)
  const two = session(resolver)
  two.cancel()
  two.cancel()
  await turn()
  assert.deepEqual(two.told, [])
})

test('resolver: a site that is slow counts as answered with an error after the limit', async (t) => {
  let now = 0
  const { resolver, observed, question } = await start(t, { now: () => now })
  const one = session(resolver)
  ;(await question('one.test')).reply({ addresses: ['127.0.0.2'] })
  await until(() => one.told.length === 1)
  now = limits.timeoutMs
  await until(() => one.told.length === 2)
  assert.deepEqual(one.told, ['one.test: 127.0.0.2 60', 'two.test: timeout -1 complete'])
  assert.deepEqual(observed.at(-1), '127.0.0.2 two.test: timeout -1')
})

test('resolver: text that is not an address, and sites that cannot be asked, are errors', async (t) => {
  const { resolver, stub } = await start(t)
  const one = session(resolver, sites, 'unknown')
  assert.deepEqual(one.told, [])
  await until(() => one.told.length === 2)
  assert.match(one.told[1] ?? '', /^two\.test: no query name .* -1 complete$/)
  assert.equal(stub.asked.length, 0)
})

test('resolver: a fault of one listener is thrown, and the others get their answers', async (t) => {
  const { resolver, question } = await start(t)
  const thrown: unknown[] = []
  const before = process.listeners('uncaughtException')
  process.removeAllListeners('uncaughtException')
  process.on('uncaughtException', (error) => thrown.push(error))
  t.after(() => {
    process.removeAllListeners('uncaughtException')
    for (const listener of before) process.on('uncaughtException', listener)
  })
  resolver.lookup(client, listsOf(['one.test']), () => {
    throw new Error('a fault')
  })
  const two = session(resolver, ['one.test'])
  ;(await question('one.test')).reply({ rcode: 3 })
  await until(() => two.told.length === 1 && thrown.length === 1)
  assert.deepEqual(String(thrown[0]), 'Error: a fault')
})

test('resolver: status counts what each server did', async (t) => {
  const codes = [{ addresses: ['127.0.0.2'] }, { rcode: 3 }, { rcode: 2 }, { rcode: 5 }, { rcode: 3 }]
  const { resolver, stub } = await start(t, { attempts: 1 }, (q) => q.reply(codes[stub.asked.length - 1] ?? {}))
  for (let i = 0; i < 5; i++) {
    const one = session(resolver, ['one.test'], `192.0.2.${i}`)
    await until(() => one.told.length === 1)
    one.cancel()
  }
  const { servers, flights, inFlight, waiting } = resolver.status()
  const { sent, answered, unable, timeouts } = servers[0] ?? { sent: 0, answered: 0, unable: 0, timeouts: 0 }
  assert.deepEqual([sent, answered, unable, timeouts], [5, 3, 2, 0])
  assert.deepEqual([flights, inFlight, waiting], [0, 0, 0])
})

test('resolver: a list that is silent longer than its sessions wait is reported as a timeout when they give up', async (t) => {
  let now = 0
  const { resolver, observed, question, stub } = await start(t, { now: () => now })
  const one = session(resolver)
  const two = session(resolver)
  ;(await question('one.test')).reply({ rcode: 3, soaTtl: 9 })
  await until(() => one.told.length === 1)
  now = 2000
  one.cancel('overdue')
  assert.equal(observed.length, 1, 'another session still waits')
  two.cancel('overdue')
  assert.deepEqual(observed.slice(1), ['127.0.0.2 two.test: no answer within 2.0 s -1'])
  assert.equal(resolver.status().inFlight, 0)
  assert.equal(stub.asked.length, 2)
})

test('resolver: a list that is asked only by sessions that leave early is reported all the same, by a bounded number of questions', async (t) => {
  let now = 0
  const { resolver, observed } = await start(t, { now: () => now })
  for (let i = 0; i < 100; i++) session(resolver, ['one.test'], `192.0.2.${i}`).cancel()
  assert.equal(resolver.status().flights, 0)
  assert.equal(resolver.status().inFlight, 16)
  now = limits.timeoutMs
  await until(() => observed.length === 16)
  assert.ok(observed.every((line) => line.endsWith('one.test: timeout -1')))
  assert.equal(resolver.status().inFlight, 0)
  session(resolver, ['one.test'], '192.0.2.1').cancel()
  assert.equal(resolver.status().inFlight, 1, 'their places are free again')
})

test('resolver: new servers and limits are for lookups from now on', async (t) => {
  const { resolver } = await start(t)
  const other = await startStubServer((q) => q.reply({ addresses: ['127.0.0.3'] }))
  t.after(() => other.close())
  resolver.updateServers([other.endpoint])
  const one = session(resolver, ['one.test'])
  await until(() => one.told.length === 1)
  assert.deepEqual(one.told, ['one.test: 127.0.0.3 60 complete'])
  resolver.updateServers([{ address: '127.0.0.1', port: 9 }])
  resolver.updateTimes({ timeoutMs: 40, queryTimeoutMs: 1000, attempts: 2 })
  const two = session(resolver, ['one.test'], '127.0.0.3')
  await until(() => two.told.length === 1)
  assert.deepEqual(two.told, ['one.test: timeout -1 complete'])
})

test('resolver: nothing is told after close', async (t) => {
  const { resolver, stub, question } = await start(t, {}, (q) => q.name.endsWith('.one.test') && q.reply({ rcode: 3 }))
  const one = session(resolver)
  await until(() => one.told.length === 1)
  const pending = await question('two.test')
  const two = session(resolver)
  resolver.close()
  const three = session(resolver)
  pending.reply({ rcode: 3 })
  for (let i = 0; i < 5; i++) await turn()
  assert.deepEqual([one.told.length, two.told, three.told, stub.asked.length], [1, [], [], 2])
})

test('resolver: a process with an idle resolver ends by itself, not before its answers are in', async (t) => {
  const stub = await startStubServer((q) => setImmediate(() => q.reply({ addresses: ['127.0.0.2'] })))
  t.after(() => stub.close())
  const script = `
    import { DnsblResolver } from ${JSON.stringify(new URL('../../../gateway/dns/dnsbl-resolver.ts', import.meta.url).href)}
    const limits = { timeoutMs: 60000, queryTimeoutMs: 5000, attempts: 2, maxInFlight: 10 }
    const resolver = new DnsblResolver({ servers: [{ address: '127.0.0.1', port: 9 }], ...limits, observe() {} })
    resolver.updateServers([${JSON.stringify(stub.endpoint)}])
    resolver.lookup('127.0.0.2', { lists: [{ domain: 'one.test' }] }, (answer) => console.log(answer.addresses.join()))`
  const output = await new Promise((resolve, reject) => {
    execFile(process.execPath, ['--input-type=module', '--eval', script], { timeout: 20_000 }, (error, stdout) =>
      error === null ? resolve(stdout) : reject(error),
    )
  })
  assert.equal(output, '127.0.0.2\n')
})

test('resolver: a key stands in the question and nowhere else; two keys of one domain are two questions', async (t) => {
  const { resolver, stub, question, observed } = await start(t)
  const key = (written: string) => DnsblKey.read(written) ?? assert.fail()
  const lists = [
    { domain: 'one.test', account: 0, key: key('firstkey') },
    { domain: 'one.test', account: 1, key: key('otherkey') },
    { domain: 'one.test' },
  ]
  const told: DnsblAnswer[] = []
  resolver.lookup(client, { lists }, (answer) => void told.push(answer))
  ;(await question('firstkey.one.test')).reply({ addresses: ['127.0.0.2'], ttl: 30 })
  ;(await question('otherkey.one.test')).reply({ rcode: 5 })
  await until(() => stub.asked.some((q) => q.name === '2.0.0.127.one.test'))
  stub.asked.find((q) => q.name === '2.0.0.127.one.test')?.reply({ rcode: 3, soaTtl: 9 })
  await until(() => told.length === 3)
  assert.deepEqual(
    told
      .toSorted((a, b) => (a.account ?? 2) - (b.account ?? 2))
      .map(({ domain, account, addresses, error }) => [domain, account, addresses[0] ?? error?.kind]),
    [
      ['one.test', 0, '127.0.0.2'],
      ['one.test', 1, 'refused'],
      ['one.test', undefined, undefined],
    ],
  )
  const said = JSON.stringify([told, observed, resolver.status(), lists])
  assert.doesNotMatch(said, /firstkey|otherkey/)
})

test('resolver: a session with a new key does not get the answers to the old one', async (t) => {
  const { resolver, question } = await start(t)
  const listsWith = (written: string) => ({ lists: [{ domain: 'one.test', account: 0, key: DnsblKey.read(written) ?? assert.fail() }] })
  resolver.lookup(client, listsWith('oldkey'), () => undefined)
  resolver.lookup(client, listsWith('newkey'), () => undefined)
  await question('oldkey.one.test')
  await question('newkey.one.test')
})
