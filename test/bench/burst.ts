// A burst of clients on a policy with three DNSBLs, against the gateway and against a real postscreen: `node test/bench/burst.ts [CLIENTS] [ROUNDS]`.
// Both ask the same rbldnsd and hand clean clients to the same Postfix. Prints what became of the clients. Needs root, Postfix, rbldnsd.
import { burst, burstMainCf, type BurstOutcome, burstSpec } from '../load/burst.ts'
import { gatewayFlags } from '../load/gateway-flags.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { startPostfix } from '../peers/postfix.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'

const clients = Number(process.argv[2] ?? 2000)
const rounds = Number(process.argv[3] ?? 3)

const rbldnsd = await startRbldnsd()
// postscreen's own cache would let a clean client of the first round pass at once in the second: the gateway has one too, so that is fair.
const postfix = await startPostfix({ nameServer: rbldnsd.address, screens: [{ name: 'burst', mainCf: burstMainCf }] })
const gateway = await startGatewayProcess({
  spec: burstSpec,
  flags: ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`, '--resolver', `${rbldnsd.address}:53`],
  nodeFlags: gatewayFlags,
})
for (let round = 1; round <= rounds; round++) {
  report(`gateway,    round ${round}`, await burst({ port: gateway.port, clients }))
  report(`postscreen, round ${round}`, await burst({ port: postfix.ports.get('burst') ?? 0, clients }))
}
await Promise.all([gateway.stop(), postfix.stop(), rbldnsd.stop()])

function report(who: string, { listed, clean, oddities, dropMs, totalMs }: BurstOutcome): void {
  const share = (part: number, whole: number): string => `${part} (${((part / whole) * 100).toFixed(1)} %)`
  console.log(
    `${who}: of ${listed.came} listed ${share(listed.dropped, listed.came)} dropped after ${dropMs.median.toFixed(0)} ms (median; last ${dropMs.last.toFixed(0)}), ` +
      `${share(listed.letThrough, listed.came)} let through, ${share(listed.hanging, listed.came)} hanging, ${listed.otherwise} otherwise; ` +
      `of ${clean.came} clean ${clean.served} served, ${clean.hanging} hanging, ${clean.otherwise} otherwise; ${(totalMs / 1000).toFixed(1)} s`,
  )
  for (const [what, count] of oddities) console.log(`  ${count} × ${what}`)
}
