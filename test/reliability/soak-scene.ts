// What the soak runs on: two gateways, a Valkey, two backends and name servers, and the policy that names them.
import { createSocket } from 'node:dgram'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { reportingFlags } from '../laboratory/reported.ts'
import { startRbldnsd, zonesWithTestEntry } from '../peers/rbldnsd.ts'
import { startValkey, type Valkey } from '../peers/valkey.ts'
import { type Question, startStubServer } from '../gateway/dns/dns-server-stub.ts'
import { Fleet } from './fleet.ts'
import { seedKnownClients } from './known-clients.ts'
import { mixedSpec } from '../laboratory/mixed-clients.ts'
import { type MoodyBackend, startMoodyBackend, type Treatment } from '../laboratory/moody-backend.ts'

export interface Scene {
  readonly fleet: Fleet
  readonly valkey: Valkey
  readonly backends: readonly MoodyBackend[]
  /** The policy with so many changes behind it. */
  readonly spec: (reload: number, resolvers: readonly string[]) => object
  readonly resolvers: Readonly<Record<'well' | 'dead' | 'slow' | 'lying' | 'codes', string>>
  /** The access table that the policy names. */
  readonly table: string
  readonly stop: () => Promise<void>
}

export interface SceneOptions {
  /** Descriptors that each gateway may have open; as many as this process where left out. */
  readonly openFiles?: number
  /** How the mail servers treat a client. */
  readonly treats?: (client: string) => Treatment
  /** How often the gateways test their DNS lists; never where left out. A list that gives false answers would be suspended for minutes. */
  readonly selfTest?: string
}

/** A table without mistakes. None of the clients is in it. */
export const goodTable = '198.51.100.0/24 reject\n'

const lateMs = 10_000

/** Says what the server at port 53 of that address says, ten seconds later: it is slow, and does not lie. */
function answerLate({ bytes, replyBytes }: Question, address: string): void {
  const socket = createSocket('udp4')
  socket.on('error', () => socket.close())
  socket.once('message', (answer) => {
    socket.close()
    setTimeout(() => {
      try {
        replyBytes(answer)
      } catch {
        // The server is gone by now.
      }
    }, lateMs).unref()
  })
  socket.send(bytes, 53, address)
}

export async function setUpScene({ openFiles, treats, selfTest = '0s' }: SceneOptions = {}): Promise<Scene> {
  const rbldnsd = await startRbldnsd(zonesWithTestEntry())
  const valkey = await startValkey()
  const backends = [await startMoodyBackend(0, treats), await startMoodyBackend(0, treats)]
  const dead = await startStubServer(() => undefined)
  const slow = await startStubServer((question) => answerLate(question, rbldnsd.address))
  const lying = await startStubServer((question) => question.reply({ addresses: ['127.0.0.2'], id: question.id ^ 1 }))
  const codes = await startStubServer((question) => question.reply({ addresses: ['127.255.255.254'] }))
  const stubs = [dead, slow, lying, codes]
  const folder = mkdtempSync(join(tmpdir(), 'soak-'))
  const table = join(folder, 'senders.cidr')
  writeFileSync(table, goodTable)
  const at = ({ endpoint }: (typeof stubs)[number]): string => `127.0.0.1:${endpoint.port}`
  await seedKnownClients(valkey)
  const resolvers = { well: `${rbldnsd.address}:53`, dead: at(dead), slow: at(slow), lying: at(lying), codes: at(codes) }
  const spec = (reload: number, servers: readonly string[]): object => ({
    ...mixedSpec,
    // Each policy differs from the one before, so that none is passed over as known.
    banner: `$hostname ESMTP ${reload}`,
    dnsbl: { ...mixedSpec.dnsbl, resolvers: servers, selfTest },
    access: [{ table: { file: table } }],
    backend: { addresses: backends.map(({ address }) => address) },
    allowlist: { store: 'Valkey', valkey: { addresses: [valkey.address] } },
  })
  const nodeFlags = [...gatewayFlags, ...reportingFlags]
  const fleet = await Fleet.start(2, { spec: spec(0, [resolvers.well]), nodeFlags, ...(openFiles !== undefined && { openFiles }) })
  const stop = async (): Promise<void> => {
    await fleet.stop()
    await Promise.all([rbldnsd.stop(), valkey.stop(), ...stubs.map((stub) => stub.close())])
    for (const backend of backends) backend.stop()
    rmSync(folder, { recursive: true })
  }
  return { fleet, valkey, backends, spec, resolvers, table, stop }
}
