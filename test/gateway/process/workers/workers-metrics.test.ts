// The metrics of several workers as those of one gateway: sums, and for levels what is true of the whole.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AddressWatch } from '../../../../gateway/core/client-address/address-watch.ts'
import { type Levels, Metrics } from '../../../../gateway/observability/metrics.ts'
import { WorkersMetrics } from '../../../../gateway/process/workers/workers-metrics.ts'

const client = { address: '192.0.2.1', port: 1 }
const server = { address: '192.0.2.2', port: 25 }
const pass = { client, event: 'PASS NEW', tests: ['pregreet'] } as const

const levels = (more: Partial<Levels> = {}): Levels => ({
  sessions: () => ({ early: 2 }),
  allowlistEntries: () => 7,
  sharedAllowlist: () => undefined,
  stress: () => false,
  backends: () => ({ working: 1, failing: 0 }),
  failingLists: () => ({}),
  connections: () => ({ open: 7, limit: { connections: 100, by: 'open files', openFiles: 264 }, refused: 3, isFull: true }),
  listHealth: () => ({ resolver: 'works', lists: [] }),
  clientAddresses: () => new AddressWatch().report,
  bans: () => undefined,
  senders: () => [],
  leftOut: () => 0,
  ...more,
})

/** A worker that has seen so many clients, each of rank 3. */
function worker(clients: number, more: Partial<Levels> = {}): Metrics {
  const metrics = new Metrics('1.2.3', levels(more))
  for (let i = 0; i < clients; i++) {
    metrics.event({ client, event: 'CONNECT', server }, false)
    metrics.event(pass, false)
    metrics.relayStarted('192.0.2.9:25', 'greeting', 0.003)
    metrics.backendProbed('failed')
  }
  metrics.policyInForce('mx', clients)
  metrics.policyRefused()
  return metrics
}

/** As a worker sends it. */
const values = async (metrics: Metrics) => JSON.parse(JSON.stringify(await metrics.values())) as Awaited<ReturnType<Metrics['values']>>

async function samples(all: WorkersMetrics): Promise<readonly string[]> {
  return (await all.text()).text.split('\n')
}

function has(lines: readonly string[], wanted: readonly string[]): void {
  for (const line of wanted) assert.ok(lines.includes(line), `${line}\nis not in\n${lines.join('\n')}`)
}

test('counters, histograms and sessions are summed; levels that all workers see alike are not', async () => {
  const all = new WorkersMetrics(() => 2)
  const shared = { up: true, pendingWrites: 3, droppedWrites: 1, nearCacheHits: 2 }
  all.heard(1, await values(worker(2, { sharedAllowlist: () => shared })))
  const other = worker(3, {
    stress: () => true,
    allowlistEntries: () => 8,
    sharedAllowlist: () => ({ ...shared, up: false }),
    backends: () => ({ working: 0, failing: 1 }),
  })
  all.heard(2, await values(other))
  has(await samples(all), [
    'postscreen_connections_total 5',
    'postscreen_passes_total{type="new"} 5',
    'postscreen_backend_probes_total{result="failed"} 5',
    'postscreen_tests_total{test="pregreet",verdict="pass",action="",mode="enforce"} 5',
    'postscreen_backend_connect_seconds_bucket{le="0.005"} 5',
    'postscreen_backend_connect_seconds_count 5',
    'postscreen_active_sessions{phase="early"} 4',
    'postscreen_allowlist_entries 8',
    'postscreen_allowlist_pending_writes 6',
    'postscreen_allowlist_near_cache_hits_total 4',
    'postscreen_allowlist_store_up 0',
    'postscreen_stress_mode 1',
    'postscreen_backends{state="working"} 1',
    'postscreen_backends{state="failing"} 1',
    'postscreen_policy_generation{policy="mx"} 2',
    'postscreen_policy_apply_errors_total 1',
    'postscreen_build_info{version="1.2.3"} 1',
    'postscreen_workers 2',
  ])
})

test('what a worker counted stays when it ends, its levels go, and its successor adds to it', async () => {
  const all = new WorkersMetrics(() => 1)
  all.heard(1, await values(worker(2)))
  all.heard(2, await values(worker(3)))
  all.ended(2)
  has(await samples(all), ['postscreen_connections_total 5', 'postscreen_active_sessions{phase="early"} 2'])
  all.heard(2, await values(worker(1)))
  all.ended(2)
  all.ended(2)
  const lines = await samples(all)
  has(lines, ['postscreen_connections_total 6', 'postscreen_backend_connect_seconds_count 6', 'postscreen_policy_apply_errors_total 1'])
  assert.deepEqual(
    await samples(all).then((again) => again.filter((line) => line.startsWith('postscreen_'))),
    lines.filter((line) => line.startsWith('postscreen_')),
  )
})

test('memory and processor time are those of all processes, the primary too', async () => {
  const all = new WorkersMetrics(() => 1)
  const only = async (): Promise<number> =>
    Number((await samples(all)).find((line) => line.startsWith('process_resident_memory_bytes '))?.split(' ')[1])
  const primary = await only()
  all.heard(1, await values(worker(0)))
  assert.ok((await only()) > 1.5 * primary)
})

test('the start is that of the oldest process, so that a worker that starts again changes nothing', async () => {
  const all = new WorkersMetrics(() => 1)
  const start = async (): Promise<number> =>
    Number((await samples(all)).find((line) => line.startsWith('process_start_time_seconds '))?.split(' ')[1])
  const primary = await start()
  assert.equal(primary, performance.timeOrigin / 1000)
  const later = (await values(worker(0))).map((metric) =>
    metric.name === 'process_start_time_seconds' ? { ...metric, values: [{ labels: {}, value: primary + 100 }] } : metric,
  )
  all.heard(1, later)
  assert.equal(await start(), primary)
})

test('without any worker there is still a page', async () => {
  has(await samples(new WorkersMetrics(() => 0)), ['postscreen_workers 0'])
})
