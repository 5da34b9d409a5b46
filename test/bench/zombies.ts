// 2,000 mute zombies hold on, 40 good clients of the access list deliver 4 KiB each: `node test/bench/zombies.ts [ZOMBIES] [ROUNDS]`.
// Against Postfix's smtpd alone, a real postscreen in front of it, and the gateway in front of it; every service has 200 processes at most.
// The good ones come all at once, or one every 50 ms. Needs root, Postfix. Prints how many of the 40 delivered within 30 s, and how long they took.
import { visitAll } from '../load/clients.ts'
import { gatewayFlags } from '../load/gateway-flags.ts'
import { mail } from '../load/scripts.ts'
import { goodClient, zombieHour, zombieMainCf, type ZombieOutcome, zombieSpec } from '../load/zombies.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { startPostfix } from '../peers/postfix.ts'

const zombies = Number(process.argv[2] ?? 2000)
const rounds = Number(process.argv[3] ?? 3)
const goodClients = 40

const postfix = await startPostfix({ screens: [{ name: 'zombies', mainCf: zombieMainCf }] })
const gateway = await startGatewayProcess({
  spec: zombieSpec,
  flags: ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`],
  nodeFlags: gatewayFlags,
})
const servers = [
  { name: 'smtpd alone', port: postfix.ports.get('smtpd') ?? 0, rounds: Math.min(rounds, 1) },
  { name: 'postscreen', port: postfix.ports.get('zombies') ?? 0, rounds },
  { name: 'gateway', port: gateway.port, rounds },
]
// As on a server that has been up for a while: V8 has compiled what it will, Postfix has started its processes.
const warm = { count: 1000, atOnce: 40, patienceMs: 30_000, client: (index: number) => ({ from: goodClient(index), script: mail(4096) }) }
for (const { port, name } of servers) if (name !== 'smtpd alone') await visitAll({ ...warm, port })
for (let round = 1; round <= rounds; round++) {
  for (const { name, port, rounds: most } of servers) {
    // Only once and at once: after that the smtpd alone is under stress, and gives its clients 10 s instead of 300.
    for (const everyMs of name === 'smtpd alone' ? [0] : [0, 50]) {
      if (round > most) continue
      const coming = everyMs === 0 ? 'at once' : `every ${everyMs} ms`
      report(`${name}, ${coming}, round ${round}`, await zombieHour({ port, zombies, goodClients, everyMs, patienceMs: 30_000 }))
    }
  }
}
await gateway.stop()
await postfix.stop()
process.exit()

function report(who: string, { delivered, ms, failures, zombiesLeft }: ZombieOutcome): void {
  const others = [...failures].map(([how, count]) => `, ${count} ${how}`).join('')
  const times = delivered === 0 ? '' : `; median ${ms.median.toFixed(1)} ms, p99 ${ms.p99.toFixed(1)} ms`
  console.log(
    `${who.padEnd(36)} ${delivered} of ${goodClients} delivered${others}${times}; ${zombiesLeft} of ${zombies} zombies still there`,
  )
}
