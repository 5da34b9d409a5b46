// Sends many messages from a real Postfix through a gateway whose sessions are continued at another Postfix, each as a first-time client:
//   node test/same-session/run-sending-mta.ts --messages 5000 --concurrency 20
//   node test/same-session/run-sending-mta.ts --messages 5000 --concurrency 20 --tls
import { parseArgs } from 'node:util'
import { sendThroughGateway } from './sending-mta.ts'

const { values } = parseArgs({
  options: {
    messages: { type: 'string', default: '5000' },
    recipients: { type: 'string', default: '3' },
    concurrency: { type: 'string', default: '20' },
    variant: { type: 'string', default: 'plain' },
    tls: { type: 'boolean', default: false },
  },
})
const [messages, recipients, concurrency] = [values.messages, values.recipients, values.concurrency].map(Number) as [number, number, number]
const started = performance.now()
const result = await sendThroughGateway({ messages, recipients, concurrency, tls: values.tls, variant: values.variant, seconds: 1800 })
const { sent, deferred, bounced, arrived, handOffs, reasons } = result
for (const reason of reasons) console.log(reason)
console.log(
  `${messages} messages to ${recipients} recipients each, ${concurrency} at once, ${values.tls ? 'with' : 'without'} TLS, in ` +
    `${((performance.now() - started) / 1000).toFixed(0)} s: ${arrived} arrived; recipients sent ${sent}, deferred ${deferred}, bounced ${bounced}; ` +
    `hand-offs: ${[...handOffs].map(([at, count]) => `${count} at ${at}`).join(', ')}`,
)
process.exitCode = arrived === messages && sent === messages * recipients && deferred + bounced === 0 ? 0 : 1
