// Memory over many sessions of mixed kinds: `npm run bench -- soak [SESSIONS] [AT ONCE]`. Needs root and rbldnsd.
// Prints resident memory and live objects (after a garbage collection) twenty times on the way, and by how much they grow with each session.
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { cpuMicros } from '../laboratory/process-use.ts'
import { reportingFlags } from '../laboratory/reported.ts'
import { soak, soakSpec } from '../laboratory/soak.ts'
import { untilQuiet } from '../laboratory/status.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'

const sessions = Number(process.argv[2] ?? 500_000)
const atOnce = Number(process.argv[3] ?? 1000)
const megabytes = (bytes: number): string => (bytes / 1e6).toFixed(1).padStart(6)

const rbldnsd = await startRbldnsd()
const sink = await startMailSink('header')
const gateway = await startGatewayProcess({
  spec: soakSpec,
  flags: ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `${rbldnsd.address}:53`],
  nodeFlags: [...gatewayFlags, ...reportingFlags],
})
const outcome = await soak(gateway, { sessions, atOnce, looks: 20 }, ({ sessions: done, rss, heapUsed, external }) =>
  console.log(
    `${String(done).padStart(7)} sessions: ${megabytes(rss)} MB resident, ${megabytes(heapUsed)} MB live, ${megabytes(external)} MB external`,
  ),
)
console.log(
  `after the first quarter it grew by ${outcome.heapGrowth.toFixed(2)} B of objects and ${outcome.rssGrowth.toFixed(2)} B resident a session; ` +
    `${(sessions / (outcome.ms / 1000)).toFixed(0)} sessions/s, ${(cpuMicros(gateway.pid) / sessions).toFixed(0)} µs of CPU each; ` +
    `left behind: ${JSON.stringify(await untilQuiet(gateway.admin))}`,
)
for (const [what, count] of outcome.wrong) console.log(`  not as expected: ${count} × ${what}`)
await Promise.all([gateway.stop(), rbldnsd.stop()])
sink.stop()
