// 2,000 silent zombies stay connected while 40 good clients of the access list deliver 4 KiB: to smtpd alone, through a real postscreen, and through
// the gateway.
import { keepProcessorsAwake } from '../../laboratory/awake-processors.ts'
import { visitAll } from '../../laboratory/clients.ts'
import { mail, permitted } from '../../laboratory/scripts.ts'
import { zombieHour, zombieMainCf, zombieSpec } from '../../laboratory/zombies.ts'
import { type BenchCase, type Round, scaled } from '../bench-case.ts'
import { gatewayServer, postscreenServer } from '../servers.ts'
import { gatewayCode } from '../code-paths.ts'

const goodClients = 40

interface Hours {
  readonly port: number
  readonly zombies: number
  readonly patienceMs: number
}

/** All good clients connect at once. */
async function roundAtOnce(hours: Hours): Promise<Round> {
  const { delivered, ms, zombiesLeft } = await zombieHour({ ...hours, goodClients, everyMs: 0 })
  return { delivered, left: zombiesLeft, ...(delivered === 0 ? {} : { p50: ms.median, p99: ms.p99 }) }
}

/** All at once, then one every 50 ms. */
async function roundOfBoth(hours: Hours): Promise<Round> {
  const atOnce = await roundAtOnce(hours)
  const { delivered, ms } = await zombieHour({ ...hours, goodClients, everyMs: 50 })
  return { ...atOnce, 'steady-delivered': delivered, ...(delivered === 0 ? {} : { 'steady-p50': ms.median, 'steady-p99': ms.p99 }) }
}

export const zombies: BenchCase = {
  name: 'zombies',
  what: '2,000 silent zombies stay connected, 40 good clients of the access list deliver 4 KiB',
  needs: ['postfix'],
  measures: gatewayCode,
  figures: {
    delivered: { label: 'delivered', unit: '', digits: 0 },
    p50: { label: 'p50', unit: 'ms', digits: 1 },
    p99: { label: 'p99', unit: 'ms', digits: 1 },
    left: { label: 'zombies still connected', unit: '', digits: 0 },
    'steady-delivered': { label: 'one client every 50 ms: delivered', unit: '', digits: 0 },
    'steady-p50': { label: 'one client every 50 ms: p50', unit: 'ms', digits: 1 },
    'steady-p99': { label: 'one client every 50 ms: p99', unit: 'ms', digits: 1 },
  },
  goals: [
    { text: '40 of 40', figure: 'delivered', of: 'gateway', beside: { peer: 'smtpd alone', how: 'shown' }, bound: 'at least', value: 40 },
    {
      text: "p50 ≤ 1.2× postscreen's",
      figure: 'p50',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'ratio' },
      bound: 'at most',
      value: 1.2,
    },
    {
      text: "one client every 50 ms: p50 ≤ 1.2× postscreen's",
      figure: 'steady-p50',
      of: 'gateway',
      beside: { peer: 'postscreen', how: 'ratio' },
      bound: 'at most',
      value: 1.2,
    },
  ],
  rounds: 5,
  warmUp: false,
  minutes: 2,
  start: async (setting) => {
    const postscreen = await postscreenServer('zombies', {}, zombieMainCf)
    const ports = postscreen.postfix.ports
    const gateway = await gatewayServer(setting, { spec: zombieSpec, flags: ['--backend', `127.0.0.1:${ports.get('smtpd-proxy')}`] })
    const script = mail(4096)
    const warm = { count: scaled(1000, setting), atOnce: goodClients, patienceMs: 30_000 }
    for (const { port } of [gateway, postscreen]) await visitAll({ ...warm, port, client: (index) => ({ from: permitted(index), script }) })
    const letSleep = keepProcessorsAwake()
    const hours = (port: number): Hours => ({ port, zombies: scaled(2000, setting), patienceMs: 30_000 })
    return {
      contenders: [
        { name: 'gateway', round: () => roundOfBoth(hours(gateway.port)) },
        { name: 'postscreen', round: () => roundOfBoth(hours(postscreen.port)) },
        // Once: after that smtpd is under stress, and gives its clients 10 s instead of 300.
        { name: 'smtpd alone', rounds: 1, round: () => roundAtOnce(hours(ports.get('smtpd') ?? 0)) },
      ],
      stop: async () => {
        letSleep()
        await Promise.all([gateway.stop(), postscreen.stop()])
      },
    }
  },
}
