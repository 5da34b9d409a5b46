// When the SPF records of senders are read, and what stays permitted when they cannot be read or change a lot.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { stateOf } from '../../../gateway/core/spf/sender.ts'
import { spfFile } from '../../../gateway/spf/spf-file.ts'
import type { SpfMessage } from '../../../gateway/spf/spf-sharing.ts'
import { FakeSenders, FakeStore, hour, minute } from './fake-senders.ts'
import type { Zone } from './zone-server.ts'

const zoneOf = (terms: string, more: Zone = {}): Zone => ({ 's.test': [`TXT v=spf1 ${terms}`], ...more })
const singles = Array.from({ length: 40 }, (_, at) => `198.51.100.${at * 2}`)
const terms = (networks: readonly string[]): string => networks.map((network) => `ip4:${network}`).join(' ')
const many = [...singles, '203.0.113.0/24']
const permitted = (networks: readonly string[]): string => networks.join(' ')

async function withResult(zone = zoneOf(terms(many)), options = {}): Promise<FakeSenders> {
  const senders = new FakeSenders(zone, options)
  await senders.pass(minute)
  return senders
}

const state = ({ sender, now }: FakeSenders): string => stateOf(sender, now)

test('a sender is read soon after the start, and again when the TTL is over, but not more often than once an hour', async () => {
  const senders = await withResult(zoneOf('ip4:192.0.2.1'))
  assert.equal(senders.permitted, '192.0.2.1')
  assert.equal(state(senders), 'Current')
  assert.equal(senders.asked.length, 1)
  // The TTL of the zone is two hours.
  await senders.pass(100 * minute)
  assert.equal(senders.asked.length, 1)
  await senders.pass(30 * minute)
  assert.equal(senders.asked.length, 2)
  const often = await withResult(zoneOf('ip4:192.0.2.1'), { refreshMs: hour })
  await often.pass(10 * hour)
  assert.ok(often.asked.length >= 9 && often.asked.length <= 11, String(often.asked.length))
})

test('pauses differ between gateways by up to 20 %', async () => {
  const due = await Promise.all(
    [0, 0.5, 1].map(async (random) => {
      const { sender } = await withResult(zoneOf('ip4:192.0.2.1'), { random })
      return Math.round((sender.dueAt - sender.triedAt) / minute)
    }),
  )
  assert.deepEqual(due, [96, 120, 144])
})

for (const [what, zone, reason] of [
  ['DNS fails', { 's.test': ['SERVFAIL'] }, 'DNSError'],
  ['the domain is gone', {}, 'NoRecord'],
  ['the record is wrong', zoneOf('ip4:192.0.2.1/33'), 'SyntaxError'],
  ['the record permits everything', zoneOf('+all'), 'PermitsAll'],
  ['there are two records', { 's.test': ['TXT v=spf1 -all', 'TXT v=spf1 ~all'] }, 'SeveralRecords'],
  ['the record is endless', zoneOf(Array.from({ length: 100 }, (_, at) => `a:a${at}.test`).join(' ')), 'LimitReached'],
] as const)
  test(`what was permitted stays while ${what}, is called stale after a day, and is dropped after a week`, async () => {
    const senders = await withResult()
    senders.zone = zone
    await senders.pass(4 * hour)
    assert.equal(senders.permitted, permitted(many))
    assert.deepEqual([senders.sender.problem?.reason, state(senders)], [reason, 'Failing'])
    assert.equal(senders.sender.goodAt < senders.sender.triedAt, true)
    await senders.pass(24 * hour)
    assert.equal(state(senders), 'Stale')
    assert.equal(senders.permitted, permitted(many))
    await senders.pass(6 * 24 * hour)
    assert.equal(senders.permitted, '')
    senders.zone = zoneOf('ip4:192.0.2.1')
    await senders.pass(2 * hour)
    assert.deepEqual([senders.permitted, state(senders)], ['192.0.2.1', 'Current'])
  })

test('after a failure it is read again after five minutes, then later and later, at most an hour', async () => {
  const senders = new FakeSenders({ 's.test': ['SERVFAIL'] })
  const tried: number[] = []
  for (let turn = 0; turn < 7; turn++) {
    // oxlint-disable-next-line no-await-in-loop -- one try after the other
    await senders.pass(senders.sender.dueAt - senders.now + 1000)
    tried.push(Math.round((senders.sender.dueAt - senders.sender.triedAt) / minute))
  }
  assert.deepEqual(tried, [5, 10, 20, 40, 60, 60, 60])
})

test('a record with nothing that is expandable is not read again and again', async () => {
  const senders = await withResult(zoneOf('exists:%{i}.s.test -all'))
  assert.equal(state(senders), 'NotExpandable')
  await senders.pass(hour)
  assert.equal(senders.asked.length, 1)
})

test('where one include cannot be read, what it had permitted stays beside what is new', async () => {
  const zone = zoneOf('include:a.test include:b.test', {
    'a.test': [`TXT v=spf1 ${terms(singles)}`],
    'b.test': ['TXT v=spf1 ip4:203.0.113.0/24'],
  })
  const senders = await withResult(zone)
  senders.zone = { ...zone, 'a.test': ['SERVFAIL'], 'b.test': ['TXT v=spf1 ip4:203.0.113.0/25 ip4:192.0.2.1'] }
  await senders.pass(4 * hour)
  assert.equal(senders.permitted, permitted(['192.0.2.1', ...many]))
  assert.equal(senders.sender.problem?.reason, 'PartlyUnread')
  senders.zone = { ...zone, 'b.test': ['TXT v=spf1 ip4:203.0.113.0/25 ip4:192.0.2.1'] }
  await senders.pass(4 * hour)
  assert.equal(senders.permitted, permitted(['192.0.2.1', ...singles, '203.0.113.0/25']))
})

test('a first result in which a part is missing is permitted', async () => {
  const senders = await withResult(zoneOf('include:a.test ip4:192.0.2.1', { 'a.test': ['SERVFAIL'] }))
  assert.equal(senders.permitted, '192.0.2.1')
})

test('what was missing in a first result is permitted as soon as it can be read, however large it is', async () => {
  const large = 'ip4:198.51.100.0/24 ip4:203.0.113.0/24 ip4:192.0.0.0/22'
  const senders = await withResult(zoneOf('include:a.test ip4:192.0.2.1', { 'a.test': ['SERVFAIL'] }))
  senders.zone = zoneOf('include:a.test ip4:192.0.2.1', { 'a.test': [`TXT v=spf1 ${large}`] })
  await senders.pass(hour)
  assert.equal(senders.sender.held, undefined)
  assert.equal(senders.permitted, permitted(['192.0.1.0/24', '192.0.2.0/23', '198.51.100.0/24', '203.0.113.0/24']))
})

test('a sender that was never read completely is not stale at once, and its old parts are dropped after seven days', async () => {
  const zone = { 'a.test': ['SERVFAIL'], 'b.test': ['TXT v=spf1 ip4:203.0.113.0/24'] }
  const senders = await withResult(zoneOf('include:a.test include:b.test', zone))
  assert.equal(state(senders), 'Failing')
  senders.zone = zoneOf('include:a.test include:b.test', { ...zone, 'b.test': ['TXT v=spf1 ip4:192.0.2.1'] })
  await senders.pass(hour)
  assert.equal(senders.permitted, permitted(['192.0.2.1', '203.0.113.0/24']))
  await senders.pass(24 * hour)
  assert.equal(state(senders), 'Stale')
  await senders.pass(7 * 24 * hour)
  assert.equal(senders.permitted, '192.0.2.1')
})

for (const [what, change, isHeld] of [
  ['much smaller', 'ip4:203.0.113.1', true],
  ['empty', '-all', true],
  ['with fewer networks, but as many addresses', 'ip4:203.0.113.0/24', false],
  ['more than three times as large', `${terms(many)} ip4:192.0.0.0/22`, true],
  ['twice as large', `${terms(many)} ip4:192.0.2.0/24`, false],
  ['with as many other networks', terms(many.map((network) => network.replace('198.51.100', '192.0.2'))), false],
] as const)
  test(`a result that is ${what} ${isHeld ? 'waits for a second refresh after six hours' : 'takes effect at once'}`, async () => {
    const senders = await withResult()
    senders.zone = zoneOf(change)
    await senders.pass(3 * hour)
    assert.equal(senders.permitted === permitted(many), isHeld)
    assert.equal(senders.sender.held !== undefined, isHeld)
    await senders.pass(4 * hour)
    assert.equal(senders.permitted === permitted(many), isHeld, 'six hours are not over')
    await senders.pass(3 * hour)
    assert.notEqual(senders.permitted, permitted(many))
    assert.equal(senders.sender.held, undefined)
  })

test('a large change that is gone at the second refresh is forgotten, and another one waits again', async () => {
  const senders = await withResult()
  senders.zone = zoneOf('ip4:203.0.113.1')
  await senders.pass(3 * hour)
  senders.zone = zoneOf(terms(many))
  await senders.pass(7 * hour)
  assert.deepEqual([senders.permitted, senders.sender.held], [permitted(many), undefined])
  senders.zone = zoneOf('ip4:203.0.113.1')
  await senders.pass(3 * hour)
  assert.notEqual(senders.sender.held, undefined)
  senders.zone = zoneOf(`${terms(many)} ip4:192.0.0.0/22`)
  await senders.pass(6 * hour)
  assert.equal(senders.permitted, permitted(many))
  assert.match(senders.sender.held?.why ?? '', /1064 IPv4 addresses/)
})

test('one gateway reads for all that share a store, and the others take its result', async () => {
  const store = new FakeStore()
  const zone = zoneOf('ip4:192.0.2.1')
  const [a, b] = [new FakeSenders(zone, { store, random: 0 }), new FakeSenders(zone, { store, random: 0.9 })]
  await Promise.all([a.keeper.look(), b.keeper.look()])
  a.now += 3000
  b.now += 3000
  await Promise.all([a.keeper.look(), b.keeper.look()])
  for (const one of [a, b]) await one.pass(10_000)
  assert.deepEqual([a.permitted, b.permitted], ['192.0.2.1', '192.0.2.1'])
  assert.equal(a.asked.length + b.asked.length, 1)
})

test('a gateway waits a little for a store that is away, and then reads by itself', async () => {
  const store = new FakeStore()
  store.isAway = true
  const senders = new FakeSenders(zoneOf('ip4:192.0.2.1'), { store })
  await senders.pass(8000)
  assert.equal(senders.asked.length, 0)
  await senders.pass(5000)
  assert.equal(senders.permitted, '192.0.2.1')
})

test('a lease whose gateway ended does not stop the others for long', async () => {
  const store = new FakeStore()
  store.leases.add('s.test')
  const senders = new FakeSenders(zoneOf('ip4:192.0.2.1'), { store })
  await senders.pass(30_000)
  assert.equal(senders.asked.length, 0)
  store.leases.clear()
  await senders.pass(10_000)
  assert.equal(senders.permitted, '192.0.2.1')
})

test('a worker that does not read learns from the one that does', async () => {
  const messages: SpfMessage[] = []
  const reader = await withResult(zoneOf('ip4:192.0.2.1'), {
    channel: { isReader: () => true, send: (message: SpfMessage) => messages.push(message) },
  })
  const questions: SpfMessage[] = []
  const other = new FakeSenders({}, { channel: { isReader: () => false, send: (message) => questions.push(message) } })
  assert.deepEqual(questions, [{ is: 'ask' }])
  await other.pass(hour)
  assert.equal(other.asked.length, 0)
  for (const question of questions) reader.keeper.hear(question)
  other.now = reader.now
  for (const message of messages) other.keeper.hear(message)
  assert.equal(other.permitted, '192.0.2.1')
  assert.equal(messages.length, 2, 'the result, and the answer')
})

function folder(t: TestContext): string {
  const made = mkdtempSync(join(tmpdir(), 'spf-'))
  t.after(() => rmSync(made, { recursive: true, force: true }))
  return made
}

test('what was kept on disk is permitted at once, and read again within a minute if it is old', async (t) => {
  const file = spfFile(folder(t))
  const first = await withResult(zoneOf('ip4:192.0.2.1'), { file })
  await first.keeper.close()
  const second = new FakeSenders(zoneOf('ip4:192.0.2.2'), { file, at: first.now + 3 * hour })
  assert.equal(second.permitted, '192.0.2.1')
  await second.pass(minute)
  assert.equal(second.permitted, '192.0.2.2')
  await second.keeper.close()
})

test('a file that is damaged, or from the future, is not used', async (t) => {
  const file = spfFile(folder(t))
  const first = await withResult(zoneOf('ip4:192.0.2.1'), { file })
  await first.keeper.close()
  const past = new FakeSenders({}, { file, at: first.now - 24 * hour })
  assert.equal(past.permitted, '')
  for (const text of [
    '{',
    'null',
    '[]',
    '{"version":1}',
    '\u0000',
    '{"version":1,"domain":"s.test","networks":["0.0.0.0/0"],"triedAt":1}',
  ]) {
    writeFileSync(file, text)
    assert.equal(new FakeSenders({}, { file }).permitted, '', text)
  }
})

test('a domain that leaves the policy is no longer permitted, and the others stay', async () => {
  const senders = await withResult(zoneOf('ip4:192.0.2.1', { 'o.test': ['TXT v=spf1 ip4:198.51.100.1'] }))
  senders.keeper.use([
    { domain: 's.test', refreshMs: hour },
    { domain: 'o.test', refreshMs: hour },
  ])
  assert.equal(senders.permitted, '192.0.2.1')
  for (let turn = 0; turn < 10; turn++) {
    senders.now += 1000
    // oxlint-disable-next-line no-await-in-loop -- the time goes step by step
    await senders.keeper.look()
  }
  assert.equal(senders.permitted, '192.0.2.1 198.51.100.1')
  senders.keeper.use([{ domain: 'o.test', refreshMs: hour }])
  assert.equal(senders.permitted, '198.51.100.1')
  senders.keeper.use([])
  assert.equal(senders.permitted, '')
})
