// CPU time of a listed client by the number of DNSBLs that are asked about it.
import { startRbldnsd } from '../../peers/rbldnsd.ts'
import { scaled } from '../bench-case.ts'
import { dnsblLoad, dnsblMainCf, dnsblSpec } from '../cases/dnsbl.ts'
import type { Curve, Values } from '../curve.ts'
import { gatewayServer, postscreenServer } from '../servers.ts'
import { sessionRound } from '../session-load.ts'
import { gatewayCode } from '../code-paths.ts'

const most = 20
/** What postscreen takes without clients being let through, so that both do the same work. */
const atOnce = 100
const zone = '$SOA 300 ns.test hostmaster.test 0 600 300 86400 300\n:127.0.0.2:listed\n127.40.0.0/15\n'
const names = Array.from({ length: most }, (_, index) => `many${index + 1}`)

export const sites: Curve = {
  name: 'sites',
  title: 'CPU time for a listed client, dropped, by the number of DNS lists',
  x: { label: 'DNS lists', unit: '', scale: 'linear' },
  y: { label: 'CPU time per client', unit: 'µs', scale: 'linear' },
  needs: ['postfix', 'rbldnsd'],
  measures: gatewayCode,
  steps: () => [1, 3, 5, 10, most],
  rounds: 2,
  minutes: 9,
  start: async (setting) => {
    const rbldnsd = await startRbldnsd(Object.fromEntries(names.map((name) => [name, zone])))
    const load = { ...dnsblLoad, sessions: scaled(1000, setting), atOnce: scaled(atOnce, setting) }
    const at = async (count: number): Promise<Values> => {
      const domains = names.slice(0, count).map((name) => `${name}.test`)
      const gateway = await gatewayServer(setting, { spec: dnsblSpec(domains), flags: ['--resolver', `${rbldnsd.address}:53`] })
      const postscreen = await postscreenServer('sites', { nameServer: rbldnsd.address }, dnsblMainCf(domains))
      const cost = async (server: typeof gateway | typeof postscreen): Promise<number> =>
        (await sessionRound(server, load))['cpu'] ?? Number.NaN
      // Until V8 has compiled what it will compile, and postscreen's helpers are there.
      await sessionRound(gateway, { ...load, sessions: scaled(8000, setting), atOnce: scaled(4000, setting) })
      await sessionRound(postscreen, { ...load, sessions: scaled(100, setting) })
      const values = { gateway: await cost(gateway), postscreen: await cost(postscreen) }
      await Promise.all([gateway.stop(), postscreen.stop()])
      return values
    }
    return { at, stop: () => rbldnsd.stop() }
  },
}
