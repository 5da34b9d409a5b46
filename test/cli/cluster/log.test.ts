// `postscreen log`: sessions of all gateways in the order of their ends, filters, both log formats, and following through restarts.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, beforeEach, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { readFilter } from '../../../cli/log/filter.ts'
import { LogLines } from '../../../cli/log/log-record.ts'
import { decide } from '../../../cli/log/outcome.ts'
import { Printer } from '../../../cli/log/printer.ts'
import type { Arrival } from '../../operator/kube/scripted-api-server.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { FakeCluster } from './fake-cluster.ts'
import { assertGolden } from './golden.ts'
import { everything, inOrder, logs, printed, record, sessionLog } from './log-scene.ts'
import { runCommand } from './run-command.ts'
import { podObject } from './scene.ts'

process.env['TZ'] = 'UTC'

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(() => fake.close())
beforeEach(() => {
  fake.pods = Object.keys(logs).map((name) => podObject('mail', 'mx', name))
  fake.denied.clear()
  fake.logs.clear()
  fake.server.arrivals.length = 0
  for (const [pod, log] of Object.entries(logs)) fake.logs.set(`mail/${pod}`, log)
})

describe('what is printed', () => {
  test('at 80 columns', () => {
    const text = printed()
    assertGolden('log-80.txt', text)
    assert.ok(text.split('\n').every((line) => line.length <= 80))
  })
  test('at 160 columns', () => {
    const text = printed({ width: 160 })
    assertGolden('log-160.txt', text)
    assert.ok(text.split('\n').every((line) => line.length <= 160))
  })
  test('with all lines of a session', () => {
    const filter = readFilter({ address: ['2001:db8:66::/48', '198.51.100.21'] })
    assert.ok('value' in filter)
    assertGolden('log-verbose-80.txt', printed({ isVerbose: true, filter: filter.value }))
  })
  test('on a terminal, 20 sessions of a second and the number of the others', () => {
    let text = ''
    const printer = new Printer({
      ...{ output: 'text', filter: everything, isVerbose: false, isComplete: false, isTerminal: true, now: () => 0 },
      ...{ style: { width: 80, hasColour: false, hasUtf8: true }, write: (piece) => (text += piece) },
    })
    for (let id = 0; id < 50; id++) {
      const events = [
        [0, { event: 'DENYLISTED', action: 'Enforce' }],
        [0, { event: 'DISCONNECT' }],
      ] as const
      for (const line of sessionLog({ at: 0, id: `s-${id}`, address: '192.0.2.1', events }).split('\n')) {
        const read = new LogLines(0).read(line)
        if (read !== undefined) printer.take('mx-a', read)
      }
    }
    printer.finish(true)
    assert.equal(text.split('\n').filter((line) => line.includes('refused')).length, 20)
    assert.match(text, /\(30 more in this second; all with --all\)\n$/)
  })
})

describe('a filter', () => {
  const count = (flags: Parameters<typeof readFilter>[0]): string => {
    const filter = readFilter(flags)
    assert.ok('value' in filter)
    return printed({ filter: filter.value }).split('\n').at(-2) ?? ''
  }
  test('by address or network', () => {
    assert.equal(count({ address: ['198.18.44.0/24'] }), '2 sessions: 0 handed off, 2 refused.')
    assert.equal(count({ address: ['2001:db8:66::82a'] }), '1 session: 0 handed off, 1 refused.')
  })
  test('by outcome, and by words that stand for several', () => {
    assert.equal(count({ outcome: ['pregreet,dnsbl'] }), '3 sessions: 1 handed off, 2 refused.')
    assert.equal(count({ outcome: ['handedOff'] }), '3 sessions: 3 handed off, 0 refused.')
    assert.equal(count({ outcome: ['comeBack', 'noBackend'] }), '2 sessions: 0 handed off, 0 refused.')
  })
  test('by text, in every line of a session, in any case', () => {
    assert.equal(count({ grep: 'ANNA.K@example.org' }), '1 session: 0 handed off, 0 refused.')
    assert.equal(count({ grep: 'no such text' }), '0 sessions: 0 handed off, 0 refused.')
  })
  test('that cannot be read says why', () => {
    assert.match(JSON.stringify(readFilter({ address: ['192.0.2.1/24'] })), /did you mean 192\.0\.2\.0\/24/)
    assert.match(JSON.stringify(readFilter({ outcome: ['spam'] })), /expected one of refused, handedOff, known/)
  })
})

for (const [what, event, says] of [
  [
    'sender',
    { event: 'ALLOWLISTED', rule: 'spec.access[1].spf[0]', sender: 'big.example' },
    'on the access list (SPF record of big.example)',
  ],
  [
    'line of a table',
    { event: 'DENYLISTED', action: 'Drop', rule: 'spec.access[0].table.file', file: 'bad.cidr', line: 7 },
    'rejected (bad.cidr, line 7)',
  ],
  ['field', { event: 'DENYLISTED', action: 'Drop', rule: 'spec.access[0].cidrs' }, 'to be rejected (spec.access[0].cidrs)'],
] as const)
  test(`a session that the access list decides names the ${what}`, () => {
    let text = ''
    const printer = new Printer({
      ...{ output: 'text', filter: everything, isVerbose: false, isComplete: true, isTerminal: false },
      ...{ style: { width: 160, hasColour: false, hasUtf8: true }, write: (piece) => (text += piece) },
    })
    const events = [
      [0, event],
      [
        1,
        event.event === 'ALLOWLISTED'
          ? { event: 'HANDED OFF', backend: 'postfix-0:10025', at: 'greeting', msg: 'handed off' }
          : { event: 'DISCONNECT' },
      ],
    ] as const
    const log = sessionLog({ at: 0, id: 'a', address: '192.0.2.1', events })
    for (const line of log.split('\n').flatMap((one) => new LogLines(0).read(one) ?? [])) printer.take('mx-a', line)
    printer.finish(false)
    assert.ok(text.includes(says), text)
  })

test('the lines of postscreen are read too', () => {
  const prefix = 'Dec  1 10:33:40 mx postfix/postscreen[7]: '
  const of = (...texts: string[]) => texts.map((text) => new LogLines(Date.parse('2026-12-01T12:00:00Z')).read(`${prefix}${text}`)!)
  const at = '[192.0.2.1]:4000'
  const reject = (code: number) => `NOQUEUE: reject: RCPT from ${at}: ${code} 5.7.1 no; from=<a@b.c>, to=<d@e.f>, proto=ESMTP, helo=<x>`
  const connect = `CONNECT from ${at} to [192.0.2.25]:25`
  assert.equal(decide(of(connect, `PREGREET 8 after 0.04 from ${at}: EHLO x\\r\\n`, reject(550), `DISCONNECT ${at}`)).outcome, 'pregreet')
  assert.equal(decide(of(connect, `PREGREET 8 after 0.04 from ${at}: EHLO x\\r\\n`, reject(450), `DISCONNECT ${at}`)).outcome, 'comeBack')
  assert.equal(decide(of(connect, `PASS OLD ${at}`)).outcome, 'known')
  assert.equal(decide(of(connect, `HANGUP after 2 from ${at} in tests before SMTP handshake`, `DISCONNECT ${at}`)).outcome, 'hangup')
  assert.deepEqual(of(reject(450))[0]?.fields['from'], 'a@b.c')
})

test('lines that cannot be read are left out', () => {
  for (const line of ['', '{', '{"level":1}', '{"level":"info","time":"x"}', '[]', 'null', 'some text', '{"level":"info"}'])
    assert.equal(new LogLines(0).read(line), undefined, line)
})

test('texts of clients cannot act on the terminal', () => {
  const evil = '\u001b[2J\u202e'
  let text = ''
  for (const isVerbose of [false, true]) {
    const printer = new Printer({
      ...{ output: 'text', filter: everything, isVerbose, isComplete: true, isTerminal: true },
      ...{ style: { width: 160, hasColour: false, hasUtf8: true }, write: (piece) => (text += piece) },
    })
    const events = [
      [0, { event: 'PREGREET', after: evil, data: evil, action: 'Enforce', msg: evil }],
      [1, { event: 'DISCONNECT', msg: evil }],
    ] as const
    const log = sessionLog({ at: 0, id: evil, address: evil, events }) + record(2, { level: 'warn', msg: evil })
    for (const line of log.split('\n').flatMap((one) => new LogLines(0).read(one) ?? [])) printer.take(evil, line)
    printer.finish(false)
  }
  assert.doesNotMatch(text, /[\u001b\u202e]/)
})

describe('as a command', () => {
  test('--since reads the logs of all gateways once, merged by time', async () => {
    const { code, stdout, stderr } = await runCommand(['log', 'mx', '-n', 'mail', '--since', '1h', '-o', 'json'], fake)
    assert.equal(code, 0, stderr)
    const stories = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { time: string; gateway: string; outcome: string })
    assert.equal(stories.length, 13)
    assert.deepEqual(
      stories.map(({ time }) => time),
      stories.map(({ time }) => time).toSorted(),
    )
    assert.equal(new Set(stories.map(({ gateway }) => gateway)).size, 2)
    assert.deepEqual(fake.uses, ['GET pods', 'GET pods/log'])
    const asked = fake.server.arrivals.find(({ path }) => path.endsWith('/log'))
    assert.equal(String(asked?.query), 'container=gateway&sinceSeconds=3600')
  })

  test('a missing right is named, and a namespace without gateways is an error', async () => {
    fake.denied.add('pods/log')
    const { code, stderr } = await runCommand(['log', '-n', 'mail', '--tail', '5'], fake)
    assert.equal(code, 3)
    assert.match(stderr, /needs the verb get on pods\/log in the namespace mail/)
    assert.match((await runCommand(['log', '-n', 'none', '--tail', '5'], fake)).stderr, /no gateway is running/)
  })

  for (const [args, why] of [
    [['--since', 'soon'], /--since must be a time/],
    [['--tail', '-1'], /--tail/],
    [['--outcome', 'spam'], /expected one of/],
    [['--address', 'x'], /--address "x"/],
  ] as const)
    test(`${args.join(' ')} is wrong`, async () => {
      const { code, stderr } = await runCommand(['log', ...args], fake)
      assert.equal(code, 2)
      assert.match(stderr, why)
    })
})

test('following goes on through a broken connection, without a line twice, and with a gateway that comes later', async () => {
  const [first = '', second = ''] = Object.keys(logs)
  const held: Arrival[] = []
  const story = (at: number, id: string): string =>
    inOrder(
      sessionLog({
        at,
        id,
        address: '192.0.2.7',
        events: [
          [0, { event: 'DENYLISTED', action: 'Enforce' }],
          [0.5, { event: 'DISCONNECT' }],
        ],
      }),
    )
  fake.pods = [podObject('mail', 'mx', first)]
  for (const pod of [first, second])
    fake.logs.set(`mail/${pod}`, (arrival) => {
      arrival.begin()
      held.push(arrival)
    })
  const entry = fileURLToPath(new URL('../../../cli/kubectl-postscreen.js', import.meta.url))
  const env = { ...process.env, KUBECONFIG: fake.kubeconfig, LANG: 'C.UTF-8' }
  let shown = ''
  const running = execFile(process.execPath, [entry, 'log', '-n', 'mail', '-o', 'wide'], { env })
  const ended = new Promise<number | null>((resolve) => running.once('exit', resolve))
  running.stdout?.on('data', (text: string) => (shown += text))
  try {
    await untilHolds('the log is followed', () => held.length === 1, 180)
    assert.equal(held[0]?.query.get('follow'), 'true')
    assert.equal(held[0]?.query.get('tailLines'), '0')
    held[0]?.raw(story(1, 's-1'))
    await untilHolds('the first session', () => shown.split('\n').length === 2, 180)
    held[0]?.cut()
    await untilHolds('the log is followed again', () => held.length === 2, 180)
    assert.equal(held[1]?.query.get('sinceTime'), '2026-12-01T10:33:41.500Z')
    fake.pods = [podObject('mail', 'mx', first), podObject('mail', 'mx', second)]
    held[1]?.raw(story(1, 's-1') + story(3, 's-2'))
    await untilHolds('the new gateway is followed', () => held.length === 3, 180)
    held[2]?.raw(story(4, 's-3'))
    await untilHolds('its session', () => shown.includes('10:33:44.500'), 180)
    assert.equal(shown.split('\n').filter((line) => line.includes('192.0.2.7')).length, 3, shown)
    assert.match(shown, /▲ mx-gateway-7c9d4b-mm8tz has started; 2 gateways are followed\./)
    running.kill('SIGINT')
    assert.equal(await ended, 0)
  } finally {
    running.kill('SIGKILL')
  }
})
