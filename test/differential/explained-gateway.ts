// A real gateway under random policies: what it explains of a client, and what the client then experiences on its socket.
//
// Clients have any address, because a PROXY header names it. Each list answers by a sum of its name and the address, so that the same client gets the
// same answers twice. A client that has passed comes again, and must be known.
import { createSocket, type RemoteInfo } from 'node:dgram'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { AUTHORITATIVE_ANSWER, decode, encode } from 'dns-packet'
import { startGateway } from '../../gateway/main.ts'
import { openLog } from '../../gateway/observability/log.ts'
import type { LocalGateway } from '../../gateway/process/gateway.ts'
import { manifest } from '../peers/gateway.ts'
import { startBackend } from '../support/wire.ts'
import { type Agreement, randomAddress, randomSpec, randomTable, type Disagreement } from './explained-clients.ts'
import { seeded } from './random.ts'

const clientsOfPolicy = 50
const log = openLog('json', '/dev/null')
const serverFor = (client: string): string => (client.includes(':') ? '2001:db8:ffff::1' : '198.51.100.1')

/** Compares `count` clients; every policy has fifty. @param first the number of the first policy */
export async function compareGateway(count: number, seed: number, first = 0): Promise<Agreement> {
  const outcomes = new Map<string, number>()
  const disagreements: Disagreement[] = []
  let differedOnce = 0
  const [backend, lists] = await Promise.all([startBackend(), startLists()])
  try {
    for (let policy = 0; policy * clientsOfPolicy < count; policy++) {
      const some = Math.min(clientsOfPolicy, count - policy * clientsOfPolicy)
      for (const one of await comparePolicy(first + policy, some, seed, { backend: backend.address, resolver: lists.address })) {
        outcomes.set(one.kind, (outcomes.get(one.kind) ?? 0) + 1)
        if (!agrees(one)) disagreements.push(one)
        else if (one.isAgain === true) differedOnce++
      }
    }
  } finally {
    backend.close()
    lists.close()
  }
  return { outcomes, disagreements, once: differedOnce }
}

interface Around {
  readonly backend: string
  readonly resolver: string
}

/** Both sides of one client. */
interface Compared extends Disagreement {
  readonly address: string
  readonly kind: string
  /** The client was repeated alone, because both sides differed the first time. */
  readonly isAgain?: true
}

const agrees = ({ explained, experienced }: Disagreement): boolean => JSON.stringify(explained) === JSON.stringify(experienced)

async function comparePolicy(policy: number, some: number, seed: number, around: Around): Promise<readonly Compared[]> {
  const random = seeded(seed, 1_000_000 + policy)
  const { deepTests, tls: _tls, ...drawn } = randomSpec(random)
  const spec = {
    ...drawn,
    hostname: 'mx.example.com',
    greet: { ...drawn.greet, wait: '1s' },
    deepTests: { ...deepTests, handoff: 'Reconnect' },
    // All clients come at once, and each is to be judged alone.
    limits: { connectionsPerClient: 0 },
    allowlist: { ...drawn.allowlist, prefix: { ipv4: 32, ipv6: 128 } },
    listen: { proxyProtocol: { mode: 'Required' } },
    backend: { addresses: [around.backend], proxyProtocol: 'None' },
    // These lists pass no test.
    dnsbl: { ...drawn.dnsbl, resolvers: [around.resolver], whenUnhealthy: 'Keep' },
  }
  const folder = mkdtempSync(join(tmpdir(), 'explained-'))
  for (const name of ['one.cidr', 'two.cidr']) writeFileSync(join(folder, name), randomTable(random))
  writeFileSync(join(folder, 'policy.yaml'), manifest(spec))
  const gateway = await startGateway({
    policyFile: join(folder, 'policy.yaml'),
    listen: [{ address: '127.0.0.1', port: 0 }],
    log,
  })
  try {
    const addresses = [...new Set(Array.from({ length: some }, () => randomAddress(random)))]
    const compare = (address: string) => compareOne(gateway, address, policy, spec)
    const all = await Promise.all(addresses.map(compare))
    // Those that have passed are known now.
    all.push(...(await Promise.all(addresses.slice(0, some - addresses.length).map(compare))))
    // On a busy machine, a list may answer one of the two in time and not the other.
    for (const [at, one] of all.entries()) if (!agrees(one)) all[at] = { ...(await compare(one.address)), isAgain: true }
    return all
  } finally {
    await gateway.drain(0)
    rmSync(folder, { recursive: true })
  }
}

async function compareOne(gateway: LocalGateway, address: string, number: number, spec: object): Promise<Compared> {
  const page = await gateway.explain({ subject: address, server: serverFor(address) })
  const { outcome, reply } = page?.address?.verdict ?? {}
  const experienced = await visit(gateway.listening[0]?.port ?? 0, address)
  return {
    number,
    address,
    explained: { outcome, reply },
    experienced,
    spec,
    kind: `${experienced.outcome} ${experienced.reply?.slice(0, 9) ?? ''}`.trimEnd(),
  }
}

interface Experience {
  readonly outcome: 'handedOff' | 'deferred' | 'refused'
  readonly reply: string | undefined
}

/** Behaves well: waits for the greeting and for each reply. */
async function visit(port: number, address: string): Promise<Experience> {
  const socket = net.connect(port, '127.0.0.1')
  socket.write(`PROXY TCP${address.includes(':') ? 6 : 4} ${address} ${serverFor(address)} 40000 25\r\n`)
  const says = ['EHLO a.example', 'MAIL FROM:<a@a.example>', 'RCPT TO:<b@b.example>']
  let text = ''
  let isHandedOff = false
  const refusal = (): string | undefined => /^([45]\d\d)[ -]([^\r\n]*)/m.exec(text)?.slice(1).join(' ')
  socket.setEncoding('latin1').on('data', (bytes: string) => {
    text += bytes
    if (/^220 backend\r\n/m.test(text)) isHandedOff = true
    if (isHandedOff) socket.destroy()
    else if (/^\d{3} [^\n]*\n$/m.test(text.slice(text.lastIndexOf('\n', text.length - 2) + 1)))
      socket.write(`${refusal() === undefined ? (says.shift() ?? 'QUIT') : 'QUIT'}\r\n`)
  })
  socket.on('error', () => undefined)
  socket.setTimeout(60_000, () => socket.destroy())
  await once(socket, 'close')
  if (isHandedOff) return { outcome: 'handedOff', reply: undefined }
  const reply = refusal()
  return { outcome: reply?.startsWith('4') === true ? 'deferred' : 'refused', reply }
}

/** A DNS server with lists that contain about every third address. */
async function startLists(): Promise<{ readonly address: string; close(): void }> {
  const socket = createSocket('udp4')
  socket.on('message', (message, from) => {
    const { id = 0, questions = [] } = decode(message)
    const name = questions[0]?.name ?? ''
    const sum = [...name].reduce((total, character) => (total * 31 + character.charCodeAt(0)) % 9973, 7)
    const found = name.endsWith('.test') ? [[], [], ['127.0.0.2'], [], ['127.0.0.9'], ['127.255.255.254'], []][sum % 7] : []
    const answers = (found ?? []).map((data) => ({ type: 'A', name, ttl: 600, data }) as const)
    const soa = { mname: 'ns.test', rname: 'hostmaster.test', serial: 1, refresh: 600, retry: 300, expire: 86_400, minimum: 300 }
    const authorities = answers.length > 0 ? [] : [{ type: 'SOA', name: name.split('.').slice(-2).join('.'), ttl: 300, data: soa } as const]
    const bytes = encode({
      id,
      type: 'response',
      flags: AUTHORITATIVE_ANSWER | (answers.length > 0 ? 0 : 3),
      questions,
      answers,
      authorities,
    })
    socket.send(bytes, from.port, from.address)
  })
  socket.bind(0, '127.0.0.1')
  await once(socket, 'listening')
  return { address: `127.0.0.1:${(socket.address() as RemoteInfo).port}`, close: () => socket.close() }
}
