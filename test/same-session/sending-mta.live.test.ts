// A real Postfix sends messages to several recipients through the gateway, each session as a first-time client: all arrive at the first attempt. Many
// more are sent by a command: see run-sending-mta.ts.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { sendThroughGateway } from './sending-mta.ts'

const skip = unless('postfix', 'openssl')
const messages = 60

for (const { what, tls, variant, at } of [
  { what: 'in plain text', tls: false, variant: 'plain', at: 'RCPT' },
  { what: 'with the TLS of the other Postfix', tls: true, variant: 'plain', at: 'STARTTLS, not tested' },
  { what: 'to a Postfix that hides DSN', tls: false, variant: 'no-dsn', at: 'RCPT' },
]) {
  test(`${messages} messages ${what} arrive at the first attempt`, { skip }, async () => {
    const result = await sendThroughGateway({ messages, recipients: 3, concurrency: 10, tls, variant, seconds: 60 })
    assert.deepEqual(result, {
      sent: 3 * messages,
      deferred: 0,
      bounced: 0,
      arrived: messages,
      handOffs: new Map([[at, messages]]),
      reasons: [],
    })
  })
}
