// A client that may be handed off in its session: what is done when, and what happens where TLS ends at the gateway. The
// dialogues are in test/sessions/same-session.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ReplayOutcome } from '../../../gateway/core/replay-plan.ts'
import { type Client, type ConnectOptions, drive, type SpecFragment } from '../../support/core-session.ts'

const sameSession = { handoff: 'SameSession', pipelining: { enabled: true, action: 'Enforce' } } as const
const certificate = { certFile: 'c', keyFile: 'k' }

function connect(spec: SpecFragment = {}, options: ConnectOptions = {}): Client {
  return drive({ greet: { banner: '' }, deepTests: sameSession, ...spec })
    .connect('192.0.2.1', options)
    .ignoringAllThat()
}

const begin = (client: Client): Client => client.says('EHLO c', 'MAIL FROM:<a@x>').ignoringAllThat()
const answered = (client: Client, outcome: ReplayOutcome): Client => client.event({ type: 'replayed', outcome })

test('the pass is in log and allowlist before a backend is called, and the client is not read meanwhile', () => {
  const client = begin(connect()).says('RCPT TO:<u@x>')
  client.logs('PASS NEW CLIENT').does('remember 192.0.2.1 1;1;+2592000;1;1', 'disarm', 'pause', 'replay').hears()
})

test('a second transaction does not pass again, and its end does not either', () => {
  const client = begin(connect()).says('RCPT TO:<u@x>').ignoringAllThat()
  answered(client, { is: 'failed', why: 'garbage' }).hears('451 4.3.0 Error: mail server protocol error').ignoringAllThat()
  client.says('MAIL FROM:<b@x>', 'RCPT TO:<u@x>').hears('250 2.1.0 Ok').does('arm command 300000', 'disarm', 'pause', 'replay')
  answered(client, { is: 'failed', why: 'promise' }).says('QUIT').ignoringAllThat()
  assert.equal(client.story().filter((line) => line.includes('PASS')).length, 1)
})

test('the deep tests are over at the first recipient', () => {
  const client = begin(connect()).says('RCPT TO:<u@x>').ignoringAllThat()
  answered(client, { is: 'failed', why: 'garbage' }).ignoringAllThat()
  client.sends('NOOP\r\nNOOP\r\n').hears('250 2.0.0 Ok', '250 2.0.0 Ok').logs()
})

test('a client that leaves while a backend is asked has hung up after the whole time', () => {
  const client = begin(connect()).at(3000).says('RCPT TO:<u@x>').ignoringAllThat().at(4000)
  client.event({ type: 'gone' }).logs('HANGUP after 4 from CLIENT in tests after SMTP handshake', 'DISCONNECT CLIENT').hears()
})

test('a client that only ends its stream waits for the backend, and then counts as gone', () => {
  const client = begin(connect()).says('RCPT TO:<u@x>').ignoringAllThat().leaves().logs()
  answered(client, { is: 'failed', why: 'gone' }).hears('451 4.3.2 Service currently unavailable')
  client.logs(
    'no line for SAME SESSION FAILED',
    'NOQUEUE: reject: RCPT from CLIENT: 451 4.3.2 Service currently unavailable; from=<a@x>, to=<u@x>, proto=ESMTP, helo=<c>',
    'HANGUP after 0 from CLIENT in tests after SMTP handshake',
    'DISCONNECT CLIENT',
  )
})

test('own replies have the footer, and those of a backend do not', () => {
  const footer = { smtp: { rejectFooter: '\\c; see there' } }
  const own = begin(connect(footer)).says('RCPT TO:<u@x>').ignoringAllThat()
  answered(own, { is: 'failed', why: 'timeout' }).hears('451 4.3.2 Service currently unavailable; see there')
  const words = begin(connect(footer)).says('RCPT TO:<u@x>').ignoringAllThat()
  answered(words, { is: 'refused', at: 'MAIL', reply: { code: 450, text: '450 no\r\n' } }).hears('450 no')
})

test('where TLS ends at the gateway, the client must come again', () => {
  const spec = { deepTests: { ...sameSession, tls: 'Terminate' }, tls: { level: 'May', ...certificate } } as const
  const client = connect(spec, { tlsReady: true }).says('EHLO c')
  assert.ok(client.replies().some((line) => line.endsWith('STARTTLS')))
  client.says('STARTTLS').hears('220 2.0.0 Ready to start TLS').ignoringAllThat()
  client.says('EHLO c', 'MAIL FROM:<a@x>')
  assert.ok(client.replies().includes('250-DSN'), 'the list of the policy')
  client.says('RCPT TO:<u@x>').hears('450 4.3.2 Service currently unavailable')
})

test('without TLS it is handed off under the same policy', () => {
  const spec = { deepTests: { ...sameSession, tls: 'Terminate' }, tls: { level: 'May', ...certificate } } as const
  assert.ok(
    begin(connect(spec, { tlsReady: true }))
      .says('RCPT TO:<u@x>')
      .acts()
      .includes('replay'),
  )
})

const failed = (spec: SpecFragment, options: ConnectOptions = {}): Client =>
  connect(spec, options).says('EHLO c').ignoringAllThat().sends('NOOP\r\nNOOP\r\n').ignoringAllThat()

test('a client that has failed since STARTTLS was offered gets 454 without a certificate, and is refused', () => {
  const client = failed({ tls: { level: 'May' } })
    .says('STARTTLS')
    .hears('454 4.7.0 TLS not available due to local problem')
  client.says('MAIL FROM:<a@x>', 'RCPT TO:<u@x>').hears('250 2.1.0 Ok', '550 5.5.1 Protocol error')
})

test('with a certificate it gets the TLS of the gateway', () => {
  const client = failed({ tls: { level: 'May', ...certificate } }, { tlsReady: true })
    .says('STARTTLS')
    .hears('220 2.0.0 Ready to start TLS')
  assert.ok(client.acts().includes('startTls'))
})

test('STARTTLS is offered to a client that has failed only with a certificate', () => {
  for (const tlsReady of [false, true]) {
    const client = failed({ tls: { level: 'May', ...certificate } }, { tlsReady }).says('EHLO c')
    assert.equal(client.replies().includes('250-STARTTLS'), tlsReady)
  }
})

test('while too many clients wait for a backend, the next one is told so', () => {
  const gateway = drive({ greet: { banner: '' }, deepTests: sameSession, limits: { postQueue: 5 } })
  const clients = Array.from({ length: 6 }, (_, i) => begin(gateway.connect(`192.0.2.${i + 1}`).ignoringAllThat()))
  const last = clients.pop()
  for (const client of clients) assert.ok(client.says('RCPT TO:<u@x>').acts().includes('replay'))
  last?.says('RCPT TO:<u@x>').hears('421 4.3.2 All server ports are busy')
  last?.logs('PASS NEW CLIENT', 'NOQUEUE: reject: CONNECT from CLIENT: all server ports busy', 'DISCONNECT CLIENT')
})

test('a client for which a DNS list vouches, or that is known, is handed off at its greeting', () => {
  const gateway = drive({ greet: { banner: '' }, deepTests: sameSession }).remembering('192.0.2.1', '0;0;+99;0;0')
  assert.ok(gateway.connect('192.0.2.1').acts().includes('relay'))
})
