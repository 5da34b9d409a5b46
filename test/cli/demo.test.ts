// The demo's parts: its name lists, its mail server, the lines of its log, and what it says when it cannot start.
import assert from 'node:assert/strict'
import { createConnection } from 'node:net'
import { test } from 'node:test'
import dnsPacket from 'dns-packet'
import { invitation } from '../../cli/demo/invitation.ts'
import { answer } from '../../cli/demo/lists.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { serveMail } from '../../cli/demo/mail-server.ts'
import type { Mail } from '../../cli/demo/mail-server.ts'
import { inColumns, lineOf, lineOfMail } from '../../cli/demo/text.ts'
import { demo, reason } from '../../cli/demo.ts'
import type { LogRecord } from '../../gateway/core/vocabulary.ts'

const local = (port: number): Endpoint => ({ address: '127.0.0.1', port })
const client = { address: '127.0.0.66', port: 41234 }

const ask = (name: string): dnsPacket.Packet =>
  dnsPacket.decode(Buffer.from(answer(dnsPacket.encode({ type: 'query', id: 7, questions: [{ type: 'A', name }] })) ?? []))

test('the demo list names 127.0.0.66, in any case of letters', () => {
  assert.deepEqual(
    (ask('66.0.0.127.BL.demo').answers ?? []).map((record) => ('data' in record ? record.data : undefined)),
    ['127.0.0.2'],
  )
})

test('the demo lists answer for all other addresses with "no such name" and an SOA, so that the answer has a time to live', () => {
  const reply = ask('1.0.0.127.bl.demo')
  assert.deepEqual(reply.answers, [])
  assert.equal((reply.flags ?? 0) & 0xf, 3)
  assert.deepEqual(
    reply.authorities?.map(({ type }) => type),
    ['SOA'],
  )
})

test('the demo lists ignore datagrams that are not queries', () => {
  assert.equal(answer(Buffer.from('hello')), undefined)
  assert.equal(answer(dnsPacket.encode({ type: 'response', questions: [{ type: 'A', name: 'x.bl.demo' }] })), undefined)
})

test('the demo mail server accepts a message and knows the client from the PROXY header', async () => {
  const mails: Mail[] = []
  const server = await serveMail((mail) => mails.push(mail))
  const { port } = server.endpoint
  const turns = [
    { after: '220 ', say: 'EHLO x\r\nMAIL FROM:<a@example.net>\r\nRCPT TO:<b@example.com>\r\nDATA\r\n' },
    { after: '354 ', say: 'Subject: hello there\r\n\r\ntext\r\n.\r\nQUIT\r\n' },
  ]
  const socket = createConnection(port, '127.0.0.1')
  socket.write('PROXY TCP4 127.0.0.66 127.0.0.1 41234 25\r\n')
  let seen = ''
  for await (const chunk of socket) {
    seen += String(chunk)
    if (turns[0] !== undefined && seen.includes(turns[0].after)) socket.write(turns.shift()?.say ?? '')
  }
  await server.close()
  assert.deepEqual(mails, [{ client, from: 'a@example.net', to: ['b@example.com'], subject: 'hello there', bytes: 30 }])
})

const lines: readonly { what: string; record: LogRecord; want: string }[] = [
  {
    what: 'a connection',
    record: { event: 'CONNECT', client, server: { address: '127.0.0.1', port: 2525 } },
    want: '12:00:00  127.0.0.66:41234   CONNECT              connected to 127.0.0.1:2525',
  },
  {
    what: 'a listed client, with the lists that counted',
    record: { event: 'DNSBL', client, rank: 2, hits: [{ domain: 'bl.demo', address: '127.0.0.2', weight: 2 }], action: 'Enforce' },
    want: '12:00:00  127.0.0.66:41234   DNSBL                rank 2: bl.demo says 127.0.0.2 (+2); all recipients will be refused',
  },
  {
    what: 'a client that talks early',
    record: { event: 'PREGREET', client, count: 8, after: '0.05', data: String.raw`EHLO x\r\n`, action: 'Drop' },
    want: String.raw`12:00:00  127.0.0.66:41234   PREGREET             spoke after 0.05 s, before its turn: EHLO x\r\n; connection dropped`,
  },
  {
    what: 'a command that is not SMTP, without the blank at the end',
    record: { event: 'NON-SMTP COMMAND', client, afterCommand: 'CONNECT', command: 'GET', args: '', action: 'Ignore' },
    want: '12:00:00  127.0.0.66:41234   NON-SMTP COMMAND     sent GET after CONNECT, which is not an SMTP command; ignored',
  },
  {
    what: 'an IPv6 client in brackets',
    record: { event: 'PASS NEW', client: { address: '::1', port: 9 }, tests: ['pregreet'] },
    want: '12:00:00  [::1]:9            PASS NEW             passed all tests; remembered, so the next visit is not tested',
  },
]
for (const { what, record, want } of lines) {
  test(`the live log shows ${what}`, () => assert.equal(inColumns('12:00:00', lineOf(record)), want))
}

test('the live log shows no control characters of a mail', () => {
  const line = lineOfMail({ client, from: 'a', to: ['b'], subject: '\u001b[31mred\u202e\u0007', bytes: 3 })
  assert.match(line.means, /"\?\[31mred\?\?"/)
})

test('the invitation names the addresses that the demo really has', () => {
  const text = invitation({ listening: [{ address: '::1', port: 2600 }], admin: '127.0.0.1:2601', mail: local(4) }, 'linux')
  assert.match(text, /swaks --server \[::1\]:2600 /)
  assert.match(text, /nc -s 127\.0\.0\.13 ::1 2600/)
  assert.match(text, /Live page: http:\/\/127\.0\.0\.1:2601\/ /)
  assert.doesNotMatch(text, /ifconfig/)
})

test('the invitation says on macOS how to make more loopback addresses', () => {
  assert.match(invitation({ listening: [local(1)], admin: '', mail: local(2) }, 'darwin'), /sudo ifconfig lo0 alias 127\.0\.0\.66/)
})

const failures = [
  {
    what: 'a port in use',
    error: { code: 'EADDRINUSE', address: '127.0.0.1', port: 2525 },
    want: /127\.0\.0\.1:2525 is in use by another program/,
  },
  { what: 'a port for root', error: { code: 'EACCES', address: '127.0.0.1', port: 25 }, want: /not allowed to listen on 127\.0\.0\.1:25;/ },
  {
    what: 'an address of another machine',
    error: { code: 'EADDRNOTAVAIL', address: '192.0.2.1', port: 25 },
    want: /does not have the address 192\.0\.2\.1/,
  },
  { what: 'anything else', error: new Error('no luck'), want: /could not start: no luck/ },
]
for (const { what, error, want } of failures) {
  test(`the demo says in words that it cannot start because of ${what}`, () => assert.match(reason(error), want))
}

test('the demo ends with 1 when its gateway does not start, and leaves nothing running', async (t) => {
  const printed = t.mock.method(console, 'error', () => undefined)
  const code = await demo([], () => Promise.reject(Object.assign(new Error(''), { code: 'EADDRINUSE', address: '127.0.0.1', port: 2525 })))
  assert.equal(code, 1)
  assert.match(String(printed.mock.calls[0]?.arguments[0]), /is in use by another program/)
})

test('the demo ends with 2 on an option that it does not know, and names it', async (t) => {
  const printed = t.mock.method(console, 'error', () => undefined)
  assert.equal(await demo(['--lissen', 'x'], () => Promise.reject(new Error('not reached'))), 2)
  assert.match(String(printed.mock.calls[0]?.arguments[0]), /--lissen/)
})
