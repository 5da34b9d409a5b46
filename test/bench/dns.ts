// Measures DNSBL lookups against a local rbldnsd: `npm run bench -- dns [clients] [rounds]` prints one line for each round.
// CPU is that of this process (user and system), for each answer of a site.

import { readFileSync } from 'node:fs'
import { DnsblResolver } from '../../gateway/dns/dnsbl-resolver.ts'
import { startRbldnsd } from '../gateway/dns/rbldnsd.ts'

const clients = Number(process.argv[2] ?? 2000)
const rounds = Number(process.argv[3] ?? 5)
const domains = ['one.bl.test', 'two.bl.test', 'three.bl.test']
const lists = { lists: domains.map((domain) => ({ domain })) }
const soa = '$SOA 3000 ns.bl.test hostmaster.bl.test 0 600 300 86400 300'

const rbldnsd = await startRbldnsd(domains.map((name) => ({ name, type: 'ip4set', lines: [soa, ':127.0.0.2:listed', '10.0.0.0/9'] })))
let errors = 0
const resolver = new DnsblResolver({
  servers: [rbldnsd.endpoint],
  timeoutMs: 10_000,
  queryTimeoutMs: 2000,
  attempts: 2,
  maxInFlight: 8192,
  observe: (_client, answer) => {
    if (answer.error !== undefined || (answer.addresses.length === 0 && answer.ttl !== 300 && answer.ttl !== 3000)) errors++
  },
})

for (let round = 0; round < rounds; round++) {
  const began = performance.now()
  const cpu = process.cpuUsage()
  let slowest = 0
  await Promise.all(
    Array.from({ length: clients }, (_, i) => {
      const { promise, resolve } = Promise.withResolvers<void>()
      resolver.lookup(`10.${i & 0xff}.${(i >> 8) & 0xff}.${round}`, lists, (_answer, complete) => {
        if (!complete) return
        slowest = performance.now() - began
        resolve()
      })
      return promise
    }),
  )
  const used = process.cpuUsage(cpu)
  const answers = clients * domains.length
  const { sent, timeouts, ignored } = resolver.status().servers[0] ?? { sent: 0, timeouts: 0, ignored: 0 }
  const perAnswer = ((used.user + used.system) / answers).toFixed(1)
  const ms = performance.now() - began
  console.log(
    `${answers} answers in ${ms.toFixed(0)} ms (${((answers / ms) * 1000).toFixed(0)}/s), ${perAnswer} us CPU each, last after ` +
      `${slowest.toFixed(0)} ms; so far ${sent} sent, ${timeouts} sent again, ${ignored} ignored, ${errors} errors, ` +
      `kernel dropped ${dropped(rbldnsd.endpoint.port)}`,
  )
}
resolver.close()
await rbldnsd.stop()

/** Datagrams that the kernel dropped at the socket bound to `port` because its buffer was full. */
function dropped(port: number): string {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const line = readFileSync('/proc/net/udp', 'utf8')
    .split('\n')
    .find((text) => text.includes(`:${hex} 00000000:0000`))
  return line?.trim().split(/\s+/).at(-1) ?? '?'
}
