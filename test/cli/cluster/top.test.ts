// `postscreen top`: its screen at both widths, the numbers of several gateways as one, the sentence at the top, and what the command does in a pipe.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { openCluster } from '../../../cli/cluster/cluster.ts'
import { readLivePage } from '../../../cli/cluster/live-page.ts'
import { keysOf } from '../../../cli/terminal/full-screen.ts'
import { cutPainted, paintedWidth } from '../../../cli/terminal/painted.ts'
import type { Style } from '../../../cli/terminal/style.ts'
import { askTop } from '../../../cli/top/ask-top.ts'
import { combined, type TopView } from '../../../cli/top/combined.ts'
import { healthOf } from '../../../cli/top/health.ts'
import { groups } from '../../../cli/top/outcome-groups.ts'
import { scaleFor } from '../../../cli/top/plot.ts'
import { topLines } from '../../../cli/top/top-text.ts'
import { outcomes } from '../../../gateway/core/outcome-names.ts'
import { FakeCluster } from './fake-cluster.ts'
import { assertGolden } from './golden.ts'
import { livePageOf, statusOf } from './live-scene.ts'
import { runCommand } from './run-command.ts'
import { now, pods, policies } from './scene.ts'

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(() => fake.close())
beforeEach(() => {
  fake.policies = policies
  fake.pods = pods
  fake.denied.clear()
  fake.pages.clear()
  for (const { metadata } of pods) fake.pages.set(`${metadata.namespace}/${metadata.name}/live`, { json: livePageOf() })
})

const place = { namespace: 'mail', policy: 'mx' }
const plain = (width: number): Style => ({ width, hasColour: false, hasUtf8: true })

async function asked(): Promise<TopView> {
  const cluster = openCluster({ namespace: 'mail', kubeconfig: fake.kubeconfig }, 'top')
  try {
    return await askTop(cluster, place)
  } finally {
    await cluster.close()
  }
}

const shown = (view: TopView, style: Style, height?: number): string =>
  topLines({ view, now, state: 'live', sort: 'policy', place: { number: 1, of: 2 }, height }, style)
    .map((line) => `${line}\n`)
    .join('')

/** One gateway with this page. */
const viewOf = (...pages: readonly object[]): TopView =>
  combined(
    place,
    pages.map((page, at) => {
      const read = readLivePage(page)
      assert.ok(read)
      return { name: `gateway-${at}`, page: read }
    }),
    now,
  )

describe('the screen', () => {
  for (const width of [80, 160])
    test(`at ${width} columns`, async () => {
      const text = shown(await asked(), plain(width), width === 80 ? 24 : undefined)
      assertGolden(`top-${width}.txt`, text)
      assert.ok(text.split('\n').every((line) => line.length <= width))
      if (width === 80) assert.equal(text.split('\n').length - 1, 24)
    })

  test('with colours: the same text', async () => {
    const view = await asked()
    for (const width of [60, 80, 160]) {
      const painted = shown(view, { ...plain(width), hasColour: true })
      assert.match(painted, /\u001b\[34m/)
      assert.equal(painted.replaceAll(/\u001b\[\d+m/g, ''), shown(view, plain(width)))
    }
  })

  test('without UTF-8: in ASCII', async () => {
    const view = await asked()
    for (const width of [80, 160]) assert.match(shown(view, { ...plain(width), hasUtf8: false }), /^[\x20-\x7e\n]*$/)
  })

  test('no line is wider, and there are not more of them, than a small terminal has', async () => {
    const view = await asked()
    for (const width of [1, 20, 79, 139, 140, 141])
      for (const height of [1, 10, 23]) {
        const lines = shown(view, plain(width), height).split('\n')
        assert.ok(lines.length - 1 <= height, `${width} × ${height}`)
        assert.ok(lines.every((line) => line.length <= width))
      }
  })

  test('the state of the screen is seen beside a long name', async () => {
    const view = { ...(await asked()), policy: 'a-policy-with-a-very-long-name-indeed-for-a-policy-of-a-mail-cluster' }
    const [first] = topLines({ view, now, state: 'paused', sort: 'policy', place: { number: 1, of: 2 } }, plain(80))
    assert.match(first ?? '', / 10:17:00 UTC {2}paused$/)
    assert.equal(first?.length, 80)
  })

  test('many DNS lists and mail servers, with long names: the tables stay beside each other, and those with a fault are seen', () => {
    const names = Array.from({ length: 30 }, (_, at) => `list-number-${at}.with-a-long-name.example.net`)
    const page = livePageOf({
      lists: names.map((name) => ({ name, lastMinute: 1, answers: 1, listed: 0, failed: 0 })),
      policy: { ...(livePageOf() as { policy: object }).policy, lists: names.map((list) => ({ list, weight: 1 })) },
      status: statusOf({
        dnsbl: { resolver: 'works', lists: [{ list: names[29], state: 'suspended', used: false, answer: '127.0.0.1' }], sites: [] },
        backends: [
          {
            backend: 'x',
            addresses: names.map((label, at) => ({ label, state: at === 28 ? 'failing' : 'working', sessions: 1, lastError: 'no' })),
          },
        ],
      }),
    })
    for (const width of [80, 160]) {
      const text = shown(viewOf(page), plain(width))
      assert.match(text, /\nlist-number-29\.w.*▲ faulty/)
      assert.match(text, /list-number-28.* ✗ fails/)
      assert.match(text, /\nand \d+ more/)
      assert.ok(text.split('\n').every((line) => line.length <= width))
    }
  })

  test('texts of a gateway cannot act on the terminal', () => {
    const evil = '\u001b[2Jx\u202e\n'
    const page = livePageOf({
      lists: [{ name: evil, answers: 1 }],
      networks: [{ network: evil, sessions: 1, outcomes: { [evil]: 3 } }],
      policy: { ...(livePageOf() as { policy: object }).policy, lists: [{ list: evil }], mode: evil, hash: evil },
      status: statusOf({
        backends: [{ backend: evil, lookupError: evil, addresses: [{ label: evil, state: evil, lastError: evil }] }],
        notReady: [evil],
        allowlist: { up: false, name: evil },
        dnsbl: { lists: [{ list: evil, state: 'suspended', answer: evil }], sites: [{ site: evil, failing: { why: evil } }] },
      }),
    })
    for (const width of [80, 160]) assert.doesNotMatch(shown(viewOf(page), plain(width)), /[\u001b\u202e]/)
  })
})

describe('several gateways as one', () => {
  test('the counts are added up, and minutes are put on minutes', () => {
    const early = livePageOf({ at: now - 60_000 })
    const [one, both] = [viewOf(livePageOf()), viewOf(livePageOf(), early)]
    const sum = (rows: TopView['minutes']): number => rows.flat().reduce((total, count) => total + count, 0)
    assert.equal(both.lastMinute, one.lastMinute)
    // The last row of the earlier one is the row before the last one here.
    const known = outcomes.indexOf('known')
    assert.equal(both.minutes.at(-2)?.[known], (one.minutes.at(-2)?.[known] ?? 0) + (one.minutes.at(-1)?.[known] ?? 0))
    assert.equal(both.minutes.at(-1)?.[known], one.minutes.at(-1)?.[known])
    assert.ok(sum(both.minutes) < 2 * sum(one.minutes))
    assert.equal(both.today[known], 2 * (one.today[known] ?? 0))
    assert.equal(both.phases['relay'], 20)
    assert.deepEqual(both.limits.underTest, { now: 18, of: 1000 })
    assert.deepEqual(both.limits.oneAddress, { now: 12, of: 50 })
    assert.deepEqual(both.reconnects, { told: 200, came: 166, medianMs: 400_000 })
    assert.equal(both.networks[0]?.sessions, 2 * 1404)
    assert.equal(both.lists[0]?.lastMinute, 78)
    assert.equal(both.mailServers[0]?.sessions, 10)
  })

  test('the median of a list is that of the gateway in the middle, by its answers; 95 % that of the slowest', () => {
    const list = (medianMs: number, answers: number) =>
      livePageOf({ lists: [{ name: 'bl.example.org', answers, medianMs, slowMs: 2 * medianMs }] })
    const found = viewOf(list(10, 100), list(500, 3), list(30, 60)).lists.find(({ name }) => name === 'bl.example.org')
    assert.equal(found?.medianMs, 10)
    assert.equal(found.slowMs, 1000)
  })

  test('outcomes of another version count: unknown ones as other refusals, in any order', () => {
    const hour = { lastMinute: 0, minutes: [[1, 2, 4]], today: [1, 2, 4], since: 0 }
    const view = viewOf(livePageOf({ outcomes: ['dnsbl', 'brandNew', 'known'], hour }))
    assert.equal(view.today[outcomes.indexOf('dnsbl')], 1)
    assert.equal(view.today[outcomes.indexOf('known')], 4)
    assert.equal(view.today.at(-1), 2)
  })

  test('a page without numbers, and one of another form', () => {
    assert.equal(viewOf(livePageOf({ hour: null, policy: null })).policies.length, 0)
    assert.match(shown(viewOf(livePageOf({ hour: null, policy: null })), plain(80)), /no policy yet/)
    for (const other of [undefined, null, 1, [], {}, { at: 1 }, { at: 1, status: {} }, { at: 'x', status: statusOf() }])
      assert.equal(readLivePage(other), undefined)
  })
})

describe('the sentence at the top', () => {
  const failing = [{ backend: 'p', addresses: [{ label: 'p:25', state: 'failing', sessions: 0, lastError: 'ECONNREFUSED' }] }]
  const calm = { minutes: [], today: [], lastMinute: 0, since: 0 }
  const policy = (livePageOf() as { policy: object }).policy
  const cases: readonly (readonly [what: string, pages: readonly object[], tone: string, sentence: RegExp, fault?: RegExp])[] = [
    ['all is well', [livePageOf()], 'ok', /^All is well: two mail servers take clients, four DNS lists answer\.$/],
    ['Audit mode', [livePageOf({ policy: { ...policy, mode: 'Audit' } })], 'ok', /^All is well\. Audit mode/],
    ['no client', [livePageOf({ hour: calm })], 'none', /^Ready, but no client has come/],
    ['stress', [livePageOf({ status: statusOf({ queues: { check: 460, post: 0, stress: true } }) })], 'warn', /^Full to 92 %/],
    ['draining', [livePageOf({ status: statusOf({ draining: true }) })], 'going', /^Draining/],
    [
      'not ready',
      [livePageOf({ status: statusOf({ backends: failing, notReady: ['no backend is reachable'] }), since: { notReady: now - 312_000 } })],
      ...(['bad', /^Not ready: no backend is reachable, for 5 min\.$/, /^mail server p:25 is left out: ECONNREFUSED$/] as const),
    ],
    [
      'one of two is not ready',
      [livePageOf(), livePageOf({ status: statusOf({ notReady: ['no policy'] }) })],
      ...(['warn', /one thing needs attention/, /^gateway gateway-1 is not ready: no policy$/] as const),
    ],
    ['a mail server', [livePageOf({ status: statusOf({ backends: failing }) })], 'warn', /one thing needs/, /is left out: ECONNREFUSED$/],
    [
      'a suspended list',
      [livePageOf({ status: statusOf({ dnsbl: { lists: [{ list: 'bl.example.org', state: 'suspended', used: false }] } }) })],
      ...(['warn', /one thing/, /^DNS list bl\.example\.org is faulty \(no answer\) and not used$/] as const),
    ],
    [
      'a silent list',
      [livePageOf({ status: statusOf({ dnsbl: { sites: [{ site: 'bl.example.org', failing: { since: '', why: 'timeouts' } }] } }) })],
      ...(['warn', /one thing/, /^DNS list bl\.example\.org fails: timeouts$/] as const),
    ],
    ['the resolver', [livePageOf({ status: statusOf({ dnsbl: { resolver: 'down' } }) })], 'warn', /one thing/, /resolver does not answer/],
    [
      'a sender',
      [
        livePageOf({
          status: statusOf({
            spf: [
              { domain: 'a.test', fault: null },
              { domain: 'b.test', fault: 'NoRecord: none' },
            ],
          }),
        }),
      ],
      ...(['warn', /one thing/, /^the SPF record of b\.test is not current: NoRecord: none$/] as const),
    ],
    [
      'a refused policy',
      [livePageOf({ status: statusOf({ refusedPolicy: { problems: [{ path: 'spec.x', why: 'bad' }] } }) })],
      ...(['warn', /one thing/, /spec\.x: bad$/] as const),
    ],
    [
      'lost addresses',
      [livePageOf({ status: statusOf({ clientAddress: { preserved: false } }) })],
      'warn',
      /one thing/,
      /addresses of clients/,
    ],
    [
      'the allowlist',
      [livePageOf({ status: statusOf({ allowlist: { up: false, name: 'valkey' } }) })],
      'warn',
      /one thing/,
      /allowlist valkey/,
    ],
    [
      'a worker',
      [livePageOf({ status: statusOf({ workers: [{ pid: 1 }, { pid: null }] }) })],
      'warn',
      /one thing/,
      /^1 of 2 workers do not run$/,
    ],
    ['connections', [livePageOf({ status: statusOf({ connections: { advice: 'raise it' } }) })], 'warn', /one thing/, /^raise it$/],
  ]
  for (const [what, pages, tone, sentence, fault] of cases)
    test(what, () => {
      const health = healthOf(viewOf(...pages), now)
      assert.equal(health.tone, tone)
      assert.match(health.sentence, sentence)
      if (fault === undefined) assert.deepEqual(health.faults, [])
      else assert.match(health.faults[0] ?? '', fault)
    })

  test('gateways that give no answer are named; without any answer it is bad', () => {
    const page = readLivePage(livePageOf())
    assert.ok(page)
    const some = combined(
      place,
      [
        { name: 'a', page },
        { name: 'b', error: 'timeout' },
      ],
      now,
    )
    assert.deepEqual(healthOf(some, now).faults, ['gateway b gives no answer: timeout'])
    assert.match(shown(some, plain(80)), /1 of 2 gateways/)
    assert.equal(healthOf(combined(place, [{ name: 'b', error: 'timeout' }], now), now).tone, 'bad')
    assert.match(healthOf(combined(place, [], now), now).sentence, /^No gateway of this policy is running\.$/)
  })
})

test('the groups of outcomes are those of the live page', async () => {
  const file = new URL('../../../runtime/page/outcomes.js', import.meta.url).href
  const page = (await import(file)) as { groups: readonly { id: string; name: string; kind: string; of: readonly string[] }[] }
  assert.deepEqual(
    groups.map(({ id, name, of }) => ({ id, name, of })),
    page.groups.map(({ id, name, of }) => ({ id, name, of })),
  )
  assert.deepEqual(
    groups.map(({ isRefusal }) => isRefusal),
    page.groups.map(({ kind }) => kind === 'no'),
  )
  assert.deepEqual(groups.flatMap(({ of }) => of).toSorted(), [...outcomes].toSorted())
})

test('the scale of the plot is round, even, and not much larger than the most', () => {
  for (const most of [0, 1, 9, 10, 11, 59, 60, 61, 99, 100, 101, 4999, 123_456]) {
    const scale = scaleFor(most)
    assert.ok(scale >= most && scale % 2 === 0 && (scale <= 2 * most || scale === 10), `${most}: ${scale}`)
  }
})

test('keys are found in what terminals send; unknown sequences are left out', () => {
  assert.deepEqual(keysOf('q'), ['q'])
  assert.deepEqual(keysOf('\u001b[D\u001bOCps'), ['left', 'right', 'p', 's'])
  assert.deepEqual(keysOf('\u001b[1;5C\u001b[3~\u001b'), [])
  assert.deepEqual(keysOf('\u0003'), ['stop'])
  assert.deepEqual(keysOf('\u001a'), ['suspend'])
})

test('a line is cut by what is seen, and its colours are ended', () => {
  const line = '\u001b[31mabc\u001b[39mdef'
  assert.equal(paintedWidth(line), 6)
  assert.equal(cutPainted(line, 2), '\u001b[31mab\u001b[39m')
  assert.equal(cutPainted(line, 10), line)
})

describe('as a command in a pipe', () => {
  test('it shows the present state of all policies once, without colours or movement, and only reads', async () => {
    fake.server.arrivals.length = 0
    const { code, stdout, stderr } = await runCommand(['top', '-n', 'mail'], fake)
    assert.equal(code, 0, stderr)
    assert.match(stdout, /^mail\/mx {2}Enforce {2}generation 42 {2}3 gateways/)
    assert.match(stdout, /\n\nmail\/mx-backup /)
    assert.doesNotMatch(stdout, /\u001b/)
    assert.deepEqual(fake.uses, ['GET pods', 'GET pods/proxy', 'GET postscreenpolicies'])
  })

  test('-o wide has 160 columns, and -o json everything', async () => {
    assert.match((await runCommand(['top', '-n', 'mail', 'mx', '-o', 'wide'], fake)).stdout, /\nMOST REFUSED NETWORKS TODAY/)
    const { policies: all } = JSON.parse((await runCommand(['top', '-A', '-o', 'json'], fake)).stdout) as {
      policies: { minutes: unknown[]; health: { tone: string } }[]
    }
    assert.equal(all.length, policies.length)
    assert.ok(all.every(({ minutes }) => minutes.length === 61))
    assert.equal(all.find(({ health }) => health.tone === 'bad')?.minutes.length, 61)
  })

  const wrong: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
    [['top', '-A', 'mx'], 2, /a POLICY is in one namespace/],
    [['top', 'a', 'b'], 2, /at most one POLICY/],
    [['top', '-o', 'xml'], 2, /--output must be one of wide, json, yaml/],
    [['top', '-n', 'none'], 3, /there is no PostscreenPolicy in the namespace none/],
  ]
  for (const [args, code, message] of wrong)
    test(`${args.join(' ')}: ${String(message)}`, async () => {
      const ran = await runCommand(args, fake)
      assert.match(ran.stderr, message)
      assert.equal(ran.code, code)
    })

  test('a missing right is named', async () => {
    fake.denied.add('pods/proxy')
    const { code, stderr } = await runCommand(['top', '-n', 'mail', 'mx'], fake)
    assert.equal(code, 3)
    assert.match(stderr, /it needs the verb get on pods\/proxy in the namespace mail\n$/)
  })
})
