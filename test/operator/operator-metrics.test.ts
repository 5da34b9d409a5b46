// The operator's metrics are those that its page explains, and say what it promises.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { OperatorMetrics, type Sources } from '../../operator/operator-metrics.ts'
import { findingsOf } from '../../operator/status/findings.ts'
import { atRest } from './observed.ts'

const page = readFileSync(new URL('../../docs/operator-metrics.md', import.meta.url), 'utf8')

/** Each metric in the table of the page, with its labels. */
const explained = new Map(
  [...page.matchAll(/^\| (`[a-z_`, ]+`) \|([^|]*)\|/gm)].flatMap(([, names = '', labels = '']) =>
    [...names.matchAll(/`(\w+)`/g)].map(
      ([, name = '']) => [name, [...labels.matchAll(/`(\w+)`/g)].map(([, label = '']) => label)] as const,
    ),
  ),
)

function metricsWith(sources: Partial<Sources> = {}): OperatorMetrics {
  return new OperatorMetrics('1.2.3', {
    workers: 4,
    depth: () => 3,
    progress: () => ({ active: 2, sinceMs: [1500, 30_000, 500] }),
    leading: () => true,
    lastHeard: () => [{ resource: 'pods', at: 5000 }],
    ...sources,
  })
}

/** Metrics with a value for each. */
function used(): OperatorMetrics {
  const metrics = metricsWith()
  for (const outcome of ['done', 'again', 'again', 'failed'] as const) {
    metrics.queue.added()
    metrics.queue.began(200)
    metrics.queue.ended(outcome, 250)
    if (outcome !== 'done') metrics.queue.postponed()
  }
  metrics.request('get', 'configmaps', 200)
  metrics.change('Service', 'created')
  metrics.conditions('mail', 'mx', findingsOf(atRest()))
  metrics.otherOperator('mail', 'other', 'postscreen-system/postscreen-operator')
  return metrics
}

const text = async (metrics: OperatorMetrics): Promise<string> => (await metrics.text()).text
const valueOf = (lines: string, series: string): number | undefined => {
  const line = lines.split('\n').find((one) => one.startsWith(`${series} `))
  return line === undefined ? undefined : Number(line.slice(series.length + 1))
}

describe('the page about the operator’s metrics', () => {
  test('explains every metric that there is, and no other', async () => {
    const made = [...(await text(used())).matchAll(/^# TYPE (\w+)/gm)].map(([, name = '']) => name)
    assert.deepEqual([...explained.keys()].toSorted(), made.toSorted())
  })

  test('names the labels that each has', async () => {
    const lines = (await text(used())).split('\n')
    for (const [name, labels] of explained) {
      const series = lines.find((line) => new RegExp(`^${name}(_count)?[{ ]`).test(line)) ?? assert.fail(`${name} has a value`)
      assert.deepEqual(
        [...series.matchAll(/(\w+)="/g)].map(([, label = '']) => label),
        labels,
        name,
      )
    }
  })

  test('asks only about metrics that there are', () => {
    const [, questions = ''] = /```\n([^]*)```/.exec(page) ?? []
    const asked = [...questions.matchAll(/\b(?:postscreen|controller_runtime|workqueue|rest_client|leader_election)_\w+/g)].map(
      ([name]) => name,
    )
    assert.ok(asked.length >= 5)
    for (const name of asked) assert.ok(explained.has(name), name)
  })
})

describe('the metrics', () => {
  const cases: readonly {
    readonly what: string
    readonly series: string
    readonly want: number | undefined
    readonly of?: OperatorMetrics
  }[] = [
    {
      what: 'passes that went well',
      series: 'controller_runtime_reconcile_total{controller="postscreenpolicy",result="success"}',
      want: 1,
    },
    { what: 'passes that failed', series: 'controller_runtime_reconcile_errors_total{controller="postscreenpolicy"}', want: 1 },
    {
      what: 'no failed pass, from the start, so that an alert has what to compare with',
      series: 'controller_runtime_reconcile_errors_total{controller="postscreenpolicy"}',
      want: 0,
      of: metricsWith(),
    },
    { what: 'requests', series: 'rest_client_requests_total{verb="get",resource="configmaps",code="200"}', want: 1 },
    {
      what: 'passes that asked to be repeated',
      series: 'controller_runtime_reconcile_total{controller="postscreenpolicy",result="requeue_after"}',
      want: 2,
    },
    { what: 'what waits', series: 'workqueue_depth{name="postscreenpolicy"}', want: 3 },
    { what: 'what was added', series: 'workqueue_adds_total{name="postscreenpolicy"}', want: 4 },
    { what: 'what was postponed', series: 'workqueue_retries_total{name="postscreenpolicy"}', want: 3 },
    {
      what: 'that nothing was postponed, from the start',
      series: 'workqueue_retries_total{name="postscreenpolicy"}',
      want: 0,
      of: metricsWith(),
    },
    { what: 'how long policies waited, in seconds', series: 'workqueue_queue_duration_seconds_sum{name="postscreenpolicy"}', want: 0.8 },
    { what: 'how long passes took, in seconds', series: 'workqueue_work_duration_seconds_sum{name="postscreenpolicy"}', want: 1 },
    {
      what: 'the same under the name of controller-runtime',
      series: 'controller_runtime_reconcile_time_seconds_sum{controller="postscreenpolicy"}',
      want: 1,
    },
    { what: 'the time of all passes in progress', series: 'workqueue_unfinished_work_seconds{name="postscreenpolicy"}', want: 32 },
    { what: 'the longest pass in progress', series: 'workqueue_longest_running_processor_seconds{name="postscreenpolicy"}', want: 30 },
    {
      what: 'that no pass is in progress',
      series: 'workqueue_longest_running_processor_seconds{name="postscreenpolicy"}',
      want: 0,
      of: metricsWith({ progress: () => ({ active: 0, sinceMs: [] }) }),
    },
    { what: 'the workers in use', series: 'controller_runtime_active_workers{controller="postscreenpolicy"}', want: 2 },
    { what: 'all workers', series: 'controller_runtime_max_concurrent_reconciles{controller="postscreenpolicy"}', want: 4 },
    { what: 'when the process started', series: 'process_start_time_seconds', want: performance.timeOrigin / 1000 },
    { what: 'the leader', series: 'leader_election_master_status{name="postscreen-operator"}', want: 1 },
    {
      what: 'a candidate that waits',
      series: 'leader_election_master_status{name="postscreen-operator"}',
      want: 0,
      of: metricsWith({ leading: () => false }),
    },
    { what: 'when a watch was heard of', series: 'postscreen_watch_last_event_timestamp_seconds{resource="pods"}', want: 5 },
    {
      what: 'the watch that has been silent for longest, of several namespaces',
      series: 'postscreen_watch_last_event_timestamp_seconds{resource="pods"}',
      want: 2,
      of: metricsWith({ lastHeard: () => [9000, 2000, 7000].map((at) => ({ resource: 'pods', at })) }),
    },
    { what: 'which version it is', series: 'postscreen_operator_build_info{version="1.2.3"}', want: 1 },
    { what: 'policies', series: 'postscreen_policies', want: 1 },
    { what: 'policies that are ready', series: 'postscreen_policies_ready', want: 1 },
  ]
  for (const { what, series, want, of = used() } of cases) {
    test(`tell ${what}`, async () => assert.equal(valueOf(await text(of), series), want))
  }

  test('forget a policy that is gone', async () => {
    const metrics = used()
    metrics.forget('mail', 'mx')
    const lines = await text(metrics)
    assert.equal(valueOf(lines, 'postscreen_policies'), 0)
    assert.doesNotMatch(lines, /name="mx"/)
  })
})
