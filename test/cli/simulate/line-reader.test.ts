// Every form in which a line of a gateway or of postscreen can stand in a log.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { LineReader } from '../../../cli/simulate/line-reader.ts'
import type { LogItem } from '../../../cli/simulate/log-item.ts'
import { readPostscreenLine } from '../../../cli/simulate/postscreen-line.ts'

const now = new Date(2026, 10, 30, 12).getTime()
const at = Date.UTC(2026, 10, 23, 6, 12, 4, 118)
const read = (line: string): LogItem | undefined => new LineReader(now).read(line)

const json =
  '{"level":"info","time":"2026-11-23T06:12:04.118Z","session":"0a1b2c3d-5","event":"DISCONNECT","client":{"address":"203.0.113.9","port":41236},"msg":"DISCONNECT [203.0.113.9]:41236"}'
const text = 'DISCONNECT [203.0.113.9]:41236'
const record = { event: 'DISCONNECT', client: { address: '203.0.113.9', port: 41236 } }

describe('a line of our JSON log', () => {
  const cases: [string, string, string][] = [
    ['as it is', json, ''],
    ['with the prefix of kubectl', `[pod/mx-gateway-0/gateway] ${json}`, 'mx-gateway-0'],
    ['with the time of kubectl', `2026-11-23T06:12:04.200000000Z ${json}`, ''],
    ['with both', `[pod/mx-gateway-0/gateway] 2026-11-23T06:12:04.200000000Z ${json}`, 'mx-gateway-0'],
    ['in a file of containerd', `2026-11-23T06:12:04.200000000+01:00 stdout F ${json}`, ''],
    ['in a file of Docker', JSON.stringify({ log: `${json}\n`, stream: 'stdout', time: '2026-11-23T06:12:04.2Z' }), ''],
    ['in the journal', JSON.stringify({ __REALTIME_TIMESTAMP: '1795414324200000', _HOSTNAME: 'node1', MESSAGE: json }), 'node1'],
    ['in the journal as bytes', JSON.stringify({ __REALTIME_TIMESTAMP: '1', MESSAGE: [...Buffer.from(json)] }), ''],
    ['in syslog', `Nov 23 06:12:04 mx postscreen[1]: ${json}`, 'mx'],
    ['of docker compose', `gateway-1  | ${json}`, 'gateway-1'],
    ['of stern', `mx-gateway-0 gateway ${json}`, 'mx-gateway-0'],
    ['of stern, with the namespace', `mail mx-gateway-0 gateway ${json}`, 'mail'],
    ['behind a byte order mark', `\ufeff${json}`, ''],
    ['of Fluent Bit or Vector', JSON.stringify({ date: 1795414324.2, kubernetes: { pod_name: 'x' }, message: json }), ''],
    ['of Fluent Bit, merged', JSON.stringify({ date: 1795414324.2, stream: 'stdout', ...(JSON.parse(json) as object) }), ''],
    ['of Fluent Bit, merged under a key', JSON.stringify({ log: json.slice(0, 9), log_processed: JSON.parse(json) as object }), ''],
    ['of Filebeat', JSON.stringify({ '@timestamp': '2026-11-23T06:12:04.200Z', message: json, agent: {} }), ''],
    ['of Loki (logcli -o jsonl)', JSON.stringify({ labels: { pod: 'x' }, line: json, timestamp: '2026-11-23T06:12:04.2Z' }), ''],
    ['of Google Cloud Logging', JSON.stringify({ insertId: 'x', jsonPayload: JSON.parse(json) as object }), ''],
    ['of Google Cloud Logging, as text', JSON.stringify({ insertId: 'x', textPayload: json }), ''],
    ['of Elasticsearch', JSON.stringify({ _index: 'x', _source: { message: json } }), ''],
    ['of Splunk', JSON.stringify({ result: 1, _raw: json }), ''],
    ['in a file of containerd, shipped by Fluent Bit', JSON.stringify({ log: `2026-11-23T06:12:04.200000000Z stdout F ${json}` }), ''],
  ]
  for (const [what, line, origin] of cases)
    test(what, () => assert.deepEqual(read(line), { time: at, origin, is: 'session', session: '0a1b2c3d-5', record }))

  test('that is not about a session is not read', () => {
    assert.equal(read('{"level":"info","time":"2026-11-23T06:12:04.118Z","msg":"listening on 0.0.0.0:25"}'), undefined)
    assert.equal(read('{"level":"info","session":"x","event":'), undefined)
    assert.equal(read('{"level":"info","session":"x","event":"DISCONNECT","client":{"address":"no address","port":1}}'), undefined)
  })
})

describe('a line of postscreen', () => {
  const local = new Date(2026, 10, 23, 6, 12, 4).getTime()
  const cases: [string, string, number][] = [
    ['of syslog (RFC 3164)', `Nov 23 06:12:04 mx postfix/postscreen[123]: ${text}`, local],
    ['with a priority', `<22>Nov 23 06:12:04 mx postfix/postscreen[123]: ${text}`, local],
    ['with a time of RFC 3339', `2026-11-23T07:12:04.118+01:00 mx postfix/postscreen[123]: ${text}`, at],
    ['with microseconds', `2026-11-23T06:12:04.118999+00:00 mx postfix/postscreen[123]: ${text}`, at],
    ['of RFC 5424', `<22>1 2026-11-23T06:12:04.118Z mx postfix/postscreen 123 - - ${text}`, at],
    ['of RFC 5424 with structured data', `<22>1 2026-11-23T06:12:04.118Z mx postfix/postscreen 123 ID47 [a@1 b="c"] ${text}`, at],
    [
      'in the journal',
      JSON.stringify({ __REALTIME_TIMESTAMP: `${at}000`, _HOSTNAME: 'mx', SYSLOG_IDENTIFIER: 'postfix/postscreen', MESSAGE: text }),
      at,
    ],
  ]
  for (const [what, line, time] of cases)
    test(what, () => assert.deepEqual(read(line), { time, origin: 'mx', is: 'session', session: '203.0.113.9:41236', record }))

  const parsed = { host: 'mx', message: text }
  const collected: [string, string, number][] = [
    ['of journalctl -o short-precise', `Nov 23 06:12:04.118999 mx postfix/postscreen[123]: ${text}`, local],
    ['of journalctl -o short-iso', `2026-11-23T07:12:04+0100 mx postfix/postscreen[123]: ${text}`, at - 118],
    ['of journalctl -o short-full', `Mon 2026-11-23 06:12:04 UTC mx postfix/postscreen[123]: ${text}`, at - 118],
    ['of journalctl -o short-full, local time', `Mon 2026-11-23 06:12:04 CET mx postfix/postscreen[123]: ${text}`, local],
    [
      'of journalctl -o json-sse',
      `data: ${JSON.stringify({ __REALTIME_TIMESTAMP: `${at}000`, _HOSTNAME: 'mx', SYSLOG_IDENTIFIER: 'postfix/postscreen', MESSAGE: text })}`,
      at,
    ],
    [
      'of journalctl -o json-seq',
      `\u001e${JSON.stringify({ __REALTIME_TIMESTAMP: `${at}000`, _HOSTNAME: 'mx', SYSLOG_IDENTIFIER: 'postfix/postscreen', MESSAGE: text })}`,
      at,
    ],
    ['of Fluent Bit', JSON.stringify({ date: (at - 118) / 1000, ident: 'postfix/postscreen', pid: '1', ...parsed }), at - 118],
    [
      'of Logstash',
      JSON.stringify({ '@timestamp': '2026-11-23T06:12:04.118Z', program: 'postfix/postscreen', logsource: 'mx', message: text }),
      at,
    ],
    [
      'of Vector',
      JSON.stringify({ timestamp: '2026-11-23T06:12:04.118Z', appname: 'postfix/postscreen', hostname: 'mx', message: text }),
      at,
    ],
    ['of rsyslog', JSON.stringify({ timestamp: '2026-11-23T06:12:04.118Z', programname: 'postfix/postscreen', host: 'mx', msg: text }), at],
    [
      'of Fluent Bit from the journal',
      JSON.stringify({ _SOURCE_REALTIME_TIMESTAMP: `${at}000`, SYSLOG_IDENTIFIER: 'postfix/postscreen', _HOSTNAME: 'mx', MESSAGE: text }),
      at,
    ],
    [
      'of Loki, as a whole line',
      JSON.stringify({
        labels: {},
        line: `2026-11-23T06:12:04.118Z mx postfix/postscreen[1]: ${text}`,
        timestamp: '2026-11-23T06:12:04.2Z',
      }),
      at,
    ],
  ]
  for (const [what, line, time] of collected)
    test(what, () => assert.deepEqual(read(line), { time, origin: 'mx', is: 'session', session: '203.0.113.9:41236', record }))

  test('in which a client has written one of our records is not read as one', () => {
    const hostile = json.replaceAll('203.0.113.9', '198.51.100.66')
    for (const line of [
      `Nov 23 06:12:04 mx postfix/smtpd[1]: NOQUEUE: reject: RCPT from x[192.0.2.1]: 550; helo=<${hostile}>`,
      `2026-11-23T06:12:04.118Z mx postfix/smtpd[1]: helo=<${hostile}>`,
      `connect from ${hostile}`,
      JSON.stringify({ timestamp: '2026-11-23T06:12:04.118Z', appname: 'postfix/smtpd', message: `helo=<${hostile}>` }),
    ])
      assert.equal(read(line), undefined, line)
    const item = read(`Nov 23 06:12:04 mx postfix/postscreen[1]: PREGREET 99 after 0 from [192.0.2.1]:7: ${hostile}`)
    assert.ok(item?.is === 'session' && item.record.client.address === '192.0.2.1')
  })

  test('of another program is not read', () => assert.equal(read(`Nov 23 06:12:04 mx postfix/smtpd[1]: ${text} postscreen`), undefined))

  test('without a year is of the last such day', () => {
    const december = read('Dec  1 11:00:00 mx postfix/postscreen[1]: DISCONNECT [192.0.2.1]:1')
    assert.equal(december?.time, new Date(2026, 11, 1, 11).getTime())
    assert.equal(read('Dec 31 23:00:00 mx postfix/postscreen[1]: DISCONNECT [192.0.2.1]:1')?.time, new Date(2025, 11, 31, 23).getTime())
  })

  const client = { address: '192.0.2.7', port: 40000 }
  const lines: [string, object][] = [
    ['CONNECT from [192.0.2.7]:40000 to [198.51.100.1]:25', { event: 'CONNECT', server: { address: '198.51.100.1', port: 25 } }],
    ['CONNECT from [::ffff:192.0.2.7]:40000 to [2001:DB8::1]:25', { event: 'CONNECT', server: { address: '2001:db8::1', port: 25 } }],
    ['WHITELISTED [192.0.2.7]:40000', { event: 'ALLOWLISTED' }],
    ['BLACKLISTED [192.0.2.7]:40000', { event: 'DENYLISTED' }],
    ['WHITELIST VETO [192.0.2.7]:40000', { event: 'ALLOWLIST VETO' }],
    ['PASS OLD [192.0.2.7]:40000', { event: 'PASS OLD' }],
    ['DNSBL rank 5 for [192.0.2.7]:40000', { event: 'DNSBL' }],
    ['PREGREET 14 after 0.05 from [192.0.2.7]:40000: EHLO x\\r\\n', { event: 'PREGREET', afterMs: 50 }],
    ['PREGREET 9 after 1.2 from [192.0.2.7]:40000: DISCONNECT [198.51.100.9]:1', { event: 'PREGREET', afterMs: 1200 }],
    [
      'HANGUP after 2.5 from [192.0.2.7]:40000 in tests before SMTP handshake',
      { event: 'HANGUP', afterMs: 2500, stage: 'tests before SMTP handshake' },
    ],
    ['BARE NEWLINE from [192.0.2.7]:40000 after EHLO', { event: 'BARE NEWLINE' }],
    [
      'NON-SMTP COMMAND from [192.0.2.7]:40000 after CONNECT: GET /: [198.51.100.9]:1 HTTP/1.1',
      { event: 'NON-SMTP COMMAND', command: 'GET', args: '/: [198.51.100.9]:1 HTTP/1.1' },
    ],
    ['COMMAND PIPELINING from [192.0.2.7]:40000 after EHLO: MAIL', { event: 'COMMAND PIPELINING' }],
    ['COMMAND TIME LIMIT from [192.0.2.7]:40000 after CONNECT', { event: 'COMMAND TIME LIMIT' }],
    [
      'NOQUEUE: reject: RCPT from [192.0.2.7]:40000: 550 5.7.1 Service unavailable; client [192.0.2.7] blocked using x; from=<>, to=<a>, proto=SMTP, helo=<>',
      { event: 'RCPT REJECTED', reply: '550' },
    ],
    ['NOQUEUE: reject: CONNECT from [192.0.2.7]:40000: too many connections', { event: 'CONNECTION REFUSED', why: 'too many connections' }],
    ['reject: connect from [192.0.2.7]:40000: all screening ports busy', { event: 'CONNECTION REFUSED', why: 'all screening ports busy' }],
  ]
  for (const [line, fields] of lines)
    test(line.slice(0, 60), () => assert.deepEqual(readPostscreenLine(line), { is: 'session', record: { client, ...fields } }))

  test('about a DNS list', () => {
    const want = { is: 'listed', client: '192.0.2.7', domain: 'bl.example.org', address: '127.0.0.4' }
    assert.deepEqual(readPostscreenLine('addr 192.0.2.7 listed by domain bl.example.org as 127.0.0.4'), want)
  })
})

test('whatever stands in a line, reading it does not fail', () => {
  const piece = fc.oneof(
    fc.constantFrom(json, text, '{', '"', '\\', '[pod/a/b] ', 'postscreen', 'Nov 23 06:12:04 mx postfix/postscreen[1]: ', '\x1b[31m'),
    fc.constantFrom('CONNECT from [', ']:', ' to [', 'PREGREET 1 after ', 'addr ', ' listed by domain ', '"session":', '{"level"'),
    fc.string({ unit: 'binary' }),
  )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      read(pieces.join(''))
    }),
    { numRuns: 2000 },
  )
})
