// What the soak runs on: two gateways, a Valkey, two backends and name servers, and the policy that names them.
import { gatewayFlags } from '../load/gateway-flags.ts'
import { reportingFlags } from '../load/reported.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'
import { startValkey, type Valkey } from '../peers/valkey.ts'
import { startStubServer } from '../gateway/io/dns-server-stub.ts'
import { answerLate } from './dns-faults.ts'
import { Fleet } from './fleet.ts'
import { seedKnownClients } from './known-clients.ts'
import { mixedSpec } from './mixed-clients.ts'
import { type MoodyBackend, startMoodyBackend } from './moody-backend.ts'

export interface Scene {
  readonly fleet: Fleet
  readonly valkey: Valkey
  readonly backends: readonly MoodyBackend[]
  /** The policy with so many changes behind it. */
  readonly spec: (reload: number, resolvers: readonly string[]) => object
  readonly resolvers: Readonly<Record<'well' | 'dead' | 'slow' | 'lying', string>>
  readonly stop: () => Promise<void>
}

export async function setUpScene(): Promise<Scene> {
  const rbldnsd = await startRbldnsd()
  const valkey = await startValkey()
  const backends = [await startMoodyBackend(), await startMoodyBackend()]
  const dead = await startStubServer(() => undefined)
  const slow = await startStubServer(answerLate)
  const lying = await startStubServer((question) => question.reply({ addresses: ['127.0.0.2'], id: question.id ^ 1 }))
  const stubs = [dead, slow, lying]
  const at = ({ endpoint }: (typeof stubs)[number]): string => `127.0.0.1:${endpoint.port}`
  await seedKnownClients(valkey)
  const resolvers = { well: `${rbldnsd.address}:53`, dead: at(dead), slow: at(slow), lying: at(lying) }
  const spec = (reload: number, servers: readonly string[]): object => ({
    ...mixedSpec,
    // Each policy differs from the one before, so that none is passed over as known.
    banner: `$hostname ESMTP ${reload}`,
    dnsbl: { ...mixedSpec.dnsbl, resolvers: servers },
    backend: { addresses: backends.map(({ address }) => address) },
    allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address] } },
  })
  const nodeFlags = [...gatewayFlags, ...reportingFlags]
  const fleet = await Fleet.start(2, { spec: spec(0, [resolvers.well]), nodeFlags })
  const stop = async (): Promise<void> => {
    await fleet.stop()
    await Promise.all([rbldnsd.stop(), valkey.stop(), ...stubs.map((stub) => stub.close())])
    for (const backend of backends) backend.stop()
  }
  return { fleet, valkey, backends, spec, resolvers, stop }
}
