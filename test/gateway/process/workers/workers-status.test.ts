// The status page of several workers: what the operator reads is true of the whole gateway, or not there.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { StatusPage } from '../../../../gateway/observability/status.ts'
import { type WorkerReport, workersStatusPage } from '../../../../gateway/process/workers/workers-status.ts'
import { readReport } from '../../../../operator/gateways/report.ts'

const [oldHash, newHash] = ['a'.repeat(64), 'b'.repeat(64)]
const policy = (hash: string, loadedAt = '2026-01-01T00:00:00.000Z') => ({
  name: 'mx',
  namespace: null,
  generation: 1,
  hash,
  mode: 'Enforce' as const,
  loadedAt,
  keptAt: null,
  skippedLines: [],
})
const target = { label: 'mx1', address: '192.0.2.5', port: 25, sessions: 1, state: 'working' as const, lastError: undefined, restMs: 0 }
const failing = { ...target, sessions: 0, state: 'failing' as const, lastError: 'ECONNREFUSED', restMs: 900 }
const site = {
  site: 'bl.test',
  lastAt: '2026-01-01T00:00:00.000Z',
  listed: 1,
  unweighted: 1,
  clean: 2,
  error: 0,
  timeout: 1,
  lastOutcome: 'clean' as const,
  lastError: undefined,
  failing: null,
}

const health = {
  list: 'bl.example',
  state: 'healthy' as StatusPage['dnsbl']['lists'][number]['state'],
  since: '2026-11-30T00:00:00.000Z',
  family: null,
  reason: null,
  answer: null,
  advice: null,
  used: true,
  note: null,
}

const clientAddress: NonNullable<StatusPage['clientAddress']> = {
  guard: 'Warn',
  preserved: null,
  reason: null,
  since: null,
  network: null,
  connections: 10,
  privateConnections: 1,
  enough: 100,
  addresses: [{ address: '192.0.2.1', connections: 3 }],
  cause: null,
  advice: null,
}

const base: StatusPage = {
  version: '1.2.3',
  uptimeSeconds: 5,
  sockets: { of: 'linux', reason: null },
  ready: true,
  notReady: [],
  draining: false,
  listening: ['0.0.0.0:25'],
  policy: policy(newHash),
  deepTests: { enabled: [], handoff: 'Reconnect', tls: 'PassThrough', note: null },
  leftOut: [],
  refusedPolicy: null,
  sessions: { early: 1, relay: 2 },
  queues: { check: 1, post: 0, stress: false },
  connections: {
    open: 3,
    limit: 100,
    limitedBy: 'open files',
    refused: 0,
    full: false,
    advice: null,
    openFiles: 40,
    maxOpenFiles: 264,
  },
  clientAddress,
  allowlist: { kind: 'lmdb', name: 'lmdb:/data/allowlist.lmdb', entries: 10 },
  dnsbl: { resolver: 'works', lists: [health], sites: [site], servers: [], flights: 1, inFlight: 2, waiting: 3 },
  bans: { active: 3, failing: 2, dropped: 1, waiting: 4 },
  spf: [],
  backends: [{ backend: 'mx1:25', lookupError: undefined, addresses: [target] }],
  ehlo: null,
  tls: null,
}

function present<T>(value: T | null): T {
  assert.ok(value !== null)
  return value
}

const primary = { version: '1.2.3', uptimeSeconds: 9, draining: false }
const workers = (...pages: readonly (Partial<StatusPage> | undefined)[]): readonly WorkerReport[] =>
  pages.map((page, index) => ({ number: index + 1, pid: page && 100 + index, restarts: 0, page: page && { ...base, ...page } }))

type Shown = Readonly<Record<string, unknown>>
const show = (reports: readonly WorkerReport[], draining = false): Shown =>
  JSON.parse(JSON.stringify(workersStatusPage({ ...primary, draining }, reports))) as Shown

test('connections and their limit are those of all workers, open files those of the fullest one', () => {
  const full = { ...present(base.connections), open: 100, refused: 7, full: true, advice: 'raise it', openFiles: 250 }
  assert.deepEqual(show(workers({}, { connections: full }))['connections'], { ...full, open: 103, limit: 200 })
  assert.equal(show(workers({ connections: null }))['connections'], null)
})

test('addresses of clients are lost if one worker says so, with the connections of all', () => {
  const lost = { preserved: false, reason: 'PrivateAddresses', since: '2026-11-30T00:00:00.000Z', advice: 'change it' } as const
  const addresses = [{ address: '10.0.0.1', connections: 90 }, ...clientAddress.addresses]
  const page = show(workers({}, { clientAddress: { ...clientAddress, ...lost, connections: 100, addresses } }, { clientAddress: null }))
  assert.deepEqual(page['clientAddress'], {
    ...clientAddress,
    ...lost,
    ...{ connections: 110, privateConnections: 2, enough: 200 },
    addresses: [addresses[0], { address: '192.0.2.1', connections: 6 }],
  })
  const sure = show(workers({}, { clientAddress: { ...clientAddress, preserved: true } }))
  assert.equal((sure['clientAddress'] as Shown)['preserved'], true)
})

test('counts are those of all workers', () => {
  const page = show(workers({}, { sessions: { early: 3, closing: 1 }, queues: { check: 3, post: 2, stress: true } }))
  assert.deepEqual(page['sessions'], { early: 4, relay: 2, closing: 1 })
  assert.deepEqual(page['queues'], { check: 4, post: 2, stress: true })
  assert.deepEqual(page['listening'], ['0.0.0.0:25'])
  assert.deepEqual(page['allowlist'], base.allowlist, 'they have one')
  assert.deepEqual(page['bans'], { active: 3, failing: 2, dropped: 2, waiting: 8 }, 'they have the same bans')
  assert.deepEqual(page['dnsbl'], {
    resolver: 'works',
    lists: [health],
    sites: [{ ...site, lastError: undefined, listed: 2, unweighted: 2, clean: 4, error: 0, timeout: 2 }].map(
      (one) => JSON.parse(JSON.stringify(one)) as Shown,
    ),
    servers: [],
    flights: 2,
    inFlight: 4,
    waiting: 6,
  })
  assert.deepEqual(
    (page['workers'] as readonly Shown[]).map(({ number, pid, policyHash }) => [number, pid, policyHash]),
    [
      [1, 100, newHash],
      [2, 101, newHash],
    ],
  )
})

const hashes: readonly { readonly what: string; readonly of: readonly WorkerReport[]; readonly want: string | undefined }[] = [
  { what: 'all workers run the same', of: workers({}, {}), want: newHash },
  { what: 'one of them still runs the old one', of: workers({}, { policy: policy(oldHash) }), want: undefined },
  { what: 'one has none yet', of: workers({}, { policy: null }), want: undefined },
  { what: 'the first has none yet', of: workers({ policy: null }, {}), want: undefined },
  { what: 'one does not answer', of: workers({}, undefined), want: undefined },
  { what: 'none answers', of: workers(undefined, undefined), want: undefined },
]

for (const { what, of, want } of hashes) {
  test(`the operator reads ${want === undefined ? 'no policy' : 'the policy'} as in force when ${what}`, () => {
    assert.equal(readReport(show(of)).hash, want)
  })
}

const reasons: readonly {
  readonly what: string
  readonly of: readonly WorkerReport[]
  readonly draining?: boolean
  readonly want: readonly string[]
}[] = [
  { what: 'all are', of: workers({}, {}), want: [] },
  { what: 'none has a backend', of: workers({ notReady: ['no backend'] }, { notReady: ['no backend'] }), want: ['no backend'] },
  { what: 'one has none', of: workers({}, { notReady: ['no backend'] }), want: ['no backend (worker 2)'] },
  { what: 'two of three do not run, and get no clients', of: workers(undefined, {}, undefined), want: [] },
  { what: 'none runs', of: workers(undefined, undefined), want: ['not running'] },
  { what: 'one begins', of: [...workers({}), { number: 2, pid: 7, restarts: 1, page: undefined }], want: ['no answer (worker 2)'] },
  { what: 'it drains, and the workers know', of: workers({ notReady: ['draining'] }, {}), draining: true, want: ['draining'] },
  { what: 'it drains and one has ended', of: workers(undefined, {}), draining: true, want: ['draining'] },
]

for (const { what, of, draining = false, want } of reasons) {
  test(`ready or not, when ${what}`, () => {
    const { ready, notReady } = show(of, draining)
    assert.deepEqual([ready, notReady], [want.length === 0, want])
  })
}

test('a mail server works when one worker knows that it does, and fails when none does', () => {
  const backends = (address: typeof target | typeof failing) => ({
    backends: [{ backend: 'mx1:25', lookupError: undefined, addresses: [address] }],
  })
  const some = show(workers(backends(failing), backends(target)))
  assert.deepEqual(some['backends'], [{ backend: 'mx1:25', addresses: [{ ...target, lastError: 'ECONNREFUSED' }] }])
  assert.deepEqual(readReport(some).backends, [{ name: 'mx1:25', reachable: true, why: 'mx1: ECONNREFUSED' }])
  const none = show(workers(backends(failing), backends(failing)))
  assert.deepEqual(readReport(none).backends, [{ name: 'mx1:25', reachable: false, why: 'mx1: ECONNREFUSED' }])
})

test('a policy that one worker has refused is shown with its problems', () => {
  const refusedPolicy = {
    at: '2026-01-02T00:00:00.000Z',
    hash: oldHash,
    generation: 2,
    problems: [{ path: 'spec', why: 'bad' }],
    furtherProblems: 0,
  }
  const report = readReport(show(workers({}, { refusedPolicy })))
  assert.deepEqual(report.refused, { hash: oldHash, problems: [{ path: 'spec', why: 'bad' }] })
})

test('the EHLO promise is that of a worker that knows the backends', () => {
  const unknown = { ipv4: { promise: null, limitedBy: [] } }
  const known = { ipv4: { promise: ['DSN'], limitedBy: [] } }
  const other = { ...unknown, ipv6: { promise: null, limitedBy: [] } }
  assert.equal(show(workers({}, {}))['ehlo'], null)
  assert.deepEqual(show(workers({ ehlo: unknown }, { ehlo: known }, { ehlo: other }))['ehlo'], { ...known, ipv6: other.ipv6 })
})

test('a DNS list is as the worker shows it that knows the worst of it', () => {
  const dnsbl = { ...base.dnsbl, resolver: 'down' as const, lists: [{ ...health, state: 'suspended' as const }] }
  const page = show(workers({}, { dnsbl }, {}))['dnsbl'] as StatusPage['dnsbl']
  assert.equal(page.resolver, 'down')
  assert.deepEqual(
    page.lists.map(({ state }) => state),
    ['suspended'],
  )
})
