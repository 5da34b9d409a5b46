// The metrics: every event of a session is counted where it belongs, and no label holds what a client can choose.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AddressWatch } from '../../../gateway/core/client-address/address-watch.ts'
import type { LogRecord } from '../../../gateway/core/vocabulary.ts'
import { type Levels, Metrics } from '../../../gateway/observability/metrics.ts'

const client = { address: '192.0.2.77', port: 40_404 }
const server = { address: '198.51.100.25', port: 25 }

const levels: Levels = {
  sessions: () => ({ early: 3, relay: 1 }),
  allowlistEntries: () => 42,
  sharedAllowlist: () => undefined,
  stress: () => true,
  backends: () => ({}),
  failingLists: () => ({ 'zen.example': 1, 'other.example': 0 }),
  connections: () => undefined,
  listHealth: () => ({ resolver: 'works', lists: [] }),
  clientAddresses: () => new AddressWatch().report,
  bans: () => undefined,
  senders: () => [],
  leftOut: () => 0,
}

/** The samples of a counter or gauge other than 0, as they are printed, without those of the process. */
async function samples(metrics: Metrics): Promise<string[]> {
  const { text } = await metrics.text()
  return text
    .split('\n')
    .filter((line) => line.startsWith('postscreen_') && !/ 0$|_bucket|_info|event_loop|store_up 1$|_list_failing/.test(line))
}

async function counted(records: readonly LogRecord[], audit = false): Promise<string[]> {
  const metrics = new Metrics('1.2.3', { ...levels, sessions: () => ({}), allowlistEntries: () => 0, stress: () => false })
  for (const record of records) metrics.event(record, audit)
  return samples(metrics)
}

const rcpt = { client, event: 'RCPT REJECTED', from: 'a@x', to: 'b@y', proto: 'ESMTP', helo: 'h' } as const

const rule = 'spec.access[0].cidrs'

const cases: readonly { readonly record: LogRecord; readonly audit?: boolean; readonly want: readonly string[] }[] = [
  { record: { client, event: 'CONNECT', server }, want: ['connections_total 1'] },
  {
    record: { client, event: 'CONNECTION REFUSED', why: 'too many connections' },
    want: ['rejects_total{code="421",reason="too many connections",mode="enforce"} 1'],
  },
  { record: { client, event: 'ALLOWLISTED', rule }, want: ['access_list_matches_total{action="permit"} 1'] },
  { record: { client, event: 'DENYLISTED', action: 'Ignore', rule }, want: ['access_list_matches_total{action="reject"} 1'] },
  {
    record: { client, event: 'DENYLISTED', action: 'Drop', rule },
    want: ['access_list_matches_total{action="reject"} 1', 'rejects_total{code="521",reason="denylist",mode="enforce"} 1'],
  },
  { record: { client, event: 'BAN', network: '192.0.2.0/24', seconds: 60, until: 1_800_000_000, nth: 1 }, want: ['bans_total 1'] },
  {
    record: { client, event: 'BANNED', network: '192.0.2.0/24', until: 1_800_000_000, nth: 1 },
    want: ['rejects_total{code="521",reason="banned",mode="enforce"} 1'],
  },
  { record: { client, event: 'ALLOWLIST VETO' }, want: ['allowlist_vetoes_total 1'] },
  {
    record: { client, event: 'PASS NEW', tests: ['pregreet', 'dnsbl'] },
    want: [
      'passes_total{type="new"} 1',
      'tests_total{test="dnsbl",verdict="pass",action="",mode="enforce"} 1',
      'tests_total{test="pregreet",verdict="pass",action="",mode="enforce"} 1',
    ],
  },
  { record: { client, event: 'PASS OLD', tests: [] }, want: ['passes_total{type="old"} 1'] },
  {
    record: { client, event: 'PREGREET', count: 5, after: '0', data: 'EHLO', action: 'Enforce' },
    want: ['tests_total{test="pregreet",verdict="fail",action="Enforce",mode="enforce"} 1'],
  },
  {
    record: { client, event: 'PREGREET', count: 5, after: '0', data: 'EHLO', action: 'Drop' },
    audit: true,
    want: [
      'rejects_total{code="521",reason="pregreet",mode="audit"} 1',
      'tests_total{test="pregreet",verdict="fail",action="Drop",mode="audit"} 1',
    ],
  },
  {
    record: { client, event: 'DNSBL', rank: 7, hits: [], action: 'Ignore' },
    want: ['dnsbl_score_count 1', 'dnsbl_score_sum 7', 'tests_total{test="dnsbl",verdict="fail",action="Ignore",mode="enforce"} 1'],
  },
  {
    record: { client, event: 'BARE NEWLINE', command: 'x', action: 'Ignore' },
    want: ['tests_total{test="bareNewline",verdict="fail",action="Ignore",mode="enforce"} 1'],
  },
  {
    record: { client, event: 'NON-SMTP COMMAND', afterCommand: 'EHLO', command: 'GET', args: '/', action: 'Drop' },
    want: [
      'rejects_total{code="521",reason="nonSMTPCommand",mode="enforce"} 1',
      'tests_total{test="nonSMTPCommand",verdict="fail",action="Drop",mode="enforce"} 1',
    ],
  },
  {
    record: { client, event: 'COMMAND PIPELINING', afterCommand: 'EHLO', data: 'x', action: 'Enforce' },
    want: ['tests_total{test="pipelining",verdict="fail",action="Enforce",mode="enforce"} 1'],
  },
  { record: { client, event: 'COMMAND TIME LIMIT', afterCommand: 'EHLO' }, want: ['command_limits_total{limit="time"} 1'] },
  { record: { client, event: 'COMMAND COUNT LIMIT', afterCommand: 'EHLO' }, want: ['command_limits_total{limit="count"} 1'] },
  { record: { client, event: 'COMMAND LENGTH LIMIT', afterCommand: 'EHLO' }, want: ['command_limits_total{limit="length"} 1'] },
  { record: { client, event: 'HANGUP', after: '0', stage: 'tests before SMTP handshake' }, want: ['hangups_total{stage="before"} 1'] },
  { record: { client, event: 'HANGUP', after: '0', stage: 'tests after SMTP handshake' }, want: ['hangups_total{stage="after"} 1'] },
  {
    record: { ...rcpt, reply: '550 5.7.1 Service unavailable; client [192.0.2.77] blocked using bl.example' },
    want: ['rejects_total{code="550",reason="rcpt",mode="enforce"} 1'],
  },
  {
    record: { client, event: 'AUDIT', would: 'drop', reply: '521 5.5.1 Protocol error' },
    audit: true,
    want: ['audit_total{would="drop"} 1'],
  },
  { record: { client, event: 'CLIENT ADDRESS LOST', named: '192.0.2.1' }, want: ['stranger_handoffs_total 1'] },
  {
    record: { client, event: 'CONNECTION REFUSED', why: 'client address lost' },
    want: ['rejects_total{code="421",reason="client address lost",mode="enforce"} 1'],
  },
  { record: { client, event: 'STRESS', change: 'entering', connections: 90 }, want: ['stress_total 1'] },
  { record: { client, event: 'STRESS', change: 'leaving', connections: 70 }, want: [] },
  { record: { client, event: 'TESTS', tests: ['pregreet'], next: 'end' }, want: [] },
  { record: { client, event: 'DISCONNECT' }, want: [] },
  { record: { client, event: 'DATA WITHOUT RCPT' }, want: [] },
]

describe('an event is counted:', () => {
  for (const { record, audit = false, want } of cases) {
    const more = 'action' in record ? ` with action ${record.action}` : ''
    test(`${record.event}${more}${audit ? ' in Audit mode' : ''}${'stage' in record ? ` in ${record.stage}` : ''}`, async () => {
      const got = (await counted([record], audit)).map((line) => line.replace(/^postscreen_/, ''))
      assert.deepEqual(got.toSorted(), want)
    })
  }

  test('as often as it happens, independent of how often the metrics are read', async () => {
    const metrics = new Metrics('1', levels)
    for (let i = 0; i < 3; i++) {
      metrics.event({ client, event: 'HANGUP', after: '0', stage: 'tests before SMTP handshake' }, false)
      metrics.event({ client, event: 'CONNECT', server }, false)
      const lines = await samples(metrics)
      assert.ok(lines.includes(`postscreen_hangups_total{stage="before"} ${i + 1}`), lines.join('\n'))
      assert.ok(lines.includes(`postscreen_connections_total ${i + 1}`))
    }
  })

  test('the text contains neither an address nor bytes of the client', async () => {
    const metrics = new Metrics('1', levels)
    for (const { record } of cases) metrics.event(record, false)
    const { text } = await metrics.text()
    assert.doesNotMatch(text, /192\.0\.2\.|198\.51\.100\.|EHLO|a@x|GET/)
  })
})

describe('the other metrics', () => {
  test('have the levels of the time when they are read', async () => {
    const lines = await samples(new Metrics('1.2.3', levels))
    assert.deepEqual(lines, [
      'postscreen_allowlist_entries 42',
      'postscreen_stress_mode 1',
      'postscreen_active_sessions{phase="early"} 3',
      'postscreen_active_sessions{phase="relay"} 1',
    ])
  })

  test('count the results of questions to DNS lists, and errors by kind', async () => {
    const metrics = new Metrics('1', levels)
    metrics.dnsblAnswer({ is: 'listed', hits: [] }, 'zen.example')
    for (const is of ['clean', 'clean', 'unweighted'] as const) metrics.dnsblAnswer({ is }, 'zen.example')
    metrics.dnsblAnswer({ is: 'error', error: { kind: 'code', text: '127.255.255.254' }, codes: ['127.255.255.254'] }, 'zen.example')
    metrics.dnsblAnswer({ is: 'timeout', error: { kind: 'timeout', text: 'timeout' } }, 'zen.example')
    metrics.dnsblAnswered(0.25, 'bl.example')
    const { text } = await metrics.text()
    const outcomes = [...text.matchAll(/^postscreen_dnsbl_queries_total\{zone_id="zen\.example",outcome="(\w+)"\} (\d+)$/gm)]
    const counts = outcomes.map(([, outcome, count]) => `${outcome} ${count}`).toSorted()
    assert.deepEqual(counts, ['clean 2', 'error 1', 'listed 1', 'timeout 1', 'unweighted 1'])
    const kinds = [...text.matchAll(/^postscreen_dnsbl_errors_total\{zone_id="zen\.example",kind="(\w+)"\} 1$/gm)].map(([, kind]) => kind)
    assert.deepEqual(kinds, ['code', 'timeout'])
    assert.match(text, /^postscreen_dnsbl_list_failing\{zone_id="zen\.example"\} 1$/m)
    assert.match(text, /^postscreen_dnsbl_list_failing\{zone_id="other\.example"\} 0$/m)
    assert.match(text, /^postscreen_dnsbl_query_seconds_bucket\{le="0\.5"\} 1$/m)
  })

  test('show one policy, the one in force', async () => {
    const metrics = new Metrics('1', levels)
    metrics.policyInForce('old', 1)
    metrics.policyInForce('mx', 7)
    metrics.policyRefused()
    const { text } = await metrics.text()
    assert.deepEqual(text.match(/^postscreen_policy_generation.*$/gm), ['postscreen_policy_generation{policy="mx"} 7'])
    assert.match(text, /^postscreen_policy_apply_errors_total 1$/m)
  })

  test('count the results of hand-offs, relays and STARTTLS', async () => {
    const metrics = new Metrics('1', levels)
    metrics.relayStarted('192.0.2.9:25', 'greeting', 0.01)
    // It exists before its first event, which then shows as an increase.
    assert.match((await metrics.text()).text, /^postscreen_backend_errors_total\{reason="send"\} 0$/m)
    metrics.backendFailed('connect')
    metrics.backendProbed('misconfigured')
    metrics.relayEnded(100, 2000)
    metrics.starttls('established')
    const lines = await samples(metrics)
    for (const line of [
      'postscreen_backend_connect_seconds_count 1',
      'postscreen_backend_errors_total{reason="connect"} 1',
      'postscreen_backend_probes_total{result="misconfigured"} 1',
      'postscreen_relay_bytes_total{direction="to_backend"} 100',
      'postscreen_relay_bytes_total{direction="to_client"} 2000',
      'postscreen_starttls_total{result="established"} 1',
    ]) {
      assert.ok(lines.includes(line), `${line}\nis not in\n${lines.join('\n')}`)
    }
  })

  test('say how late the event loop was since the last time', async () => {
    const metrics = new Metrics('1', levels)
    const lag = async (): Promise<number> => Number(/^postscreen_event_loop_lag_seconds (\S+)$/m.exec((await metrics.text()).text)?.[1])
    await new Promise((resolve) => setTimeout(resolve, 50))
    const blockedUntil = performance.now() + 300
    while (performance.now() < blockedUntil);
    await new Promise((resolve) => setTimeout(resolve, 50))
    for (let asked = 0; (await lag()) <= 0.2; asked++) {
      assert.ok(asked < 100, 'it is not told')
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    // Soon: the machine may be late once more.
    for (let asked = 0; (await lag()) >= 0.2; asked++) assert.ok(asked < 20, 'what was told is told again')
  })

  test('give the version', async () => {
    const { text, type } = await new Metrics('1.2.3', levels).text()
    assert.match(text, /^postscreen_build_info\{version="1\.2\.3"\} 1$/m)
    assert.match(type, /^text\/plain; version=0\.0\.4/)
  })
})

test('addresses of mail servers are counted by state, none working being a sample too', async () => {
  const { text } = await new Metrics('1.2.3', { ...levels, backends: () => ({ unknown: 0, working: 0, failing: 2 }) }).text()
  const lines = text.split('\n').filter((line) => line.startsWith('postscreen_backends'))
  assert.deepEqual(lines, [
    'postscreen_backends{state="unknown"} 0',
    'postscreen_backends{state="working"} 0',
    'postscreen_backends{state="failing"} 2',
  ])
})

test('a shared allowlist shows whether it answers, how long it takes, what went wrong and what waits', async () => {
  let up = true
  const metrics = new Metrics('1.2.3', {
    ...levels,
    sharedAllowlist: () => ({ up, pendingWrites: 3, droppedWrites: 2, nearCacheHits: 7 }),
  })
  metrics.allowlistStore.lookedUp(0.004)
  metrics.allowlistStore.failed('timeout')
  metrics.allowlistStore.failed('timeout')
  up = false
  const { text } = await metrics.text()
  const lines = text.split('\n').filter((line) => line.startsWith('postscreen_allowlist_') && !line.includes('_bucket'))
  assert.deepEqual(lines.toSorted(), [
    'postscreen_allowlist_dropped_writes_total 2',
    'postscreen_allowlist_entries 42',
    'postscreen_allowlist_near_cache_hits_total 7',
    'postscreen_allowlist_pending_writes 3',
    'postscreen_allowlist_store_errors_total{reason="timeout"} 2',
    'postscreen_allowlist_store_seconds_count 1',
    'postscreen_allowlist_store_seconds_sum 0.004',
    'postscreen_allowlist_store_up 0',
    'postscreen_allowlist_vetoes_total 0',
  ])
})
