// Random clients with a mind of their own: when they come, when they talk, what lists say of them, how they speak SMTP.
import type { DnsblErrorKind } from '../../gateway/core/vocabulary.ts'
import type { Random } from '../differential/random.ts'

/** What a DNS list says of a client; undefined: nothing, ever. */
export type Listing =
  | { readonly ms: number; readonly ttl: number; readonly addresses: readonly string[]; readonly error?: DnsblErrorKind }
  | undefined

export interface RandomClient {
  readonly address: string
  readonly port: number
  readonly server: string
  /** Milliseconds since the start. */
  readonly at: number
  /** After the connect: it talks before its turn. */
  readonly talksAt: number | undefined
  /** After the connect: it leaves, if it has not been greeted by then. */
  readonly leavesAt: number | undefined
  readonly listings: ReadonlyMap<string, Listing>
  /** What it says once it has been greeted, one packet after the other; without QUIT at the end it hangs up. */
  readonly says: readonly string[]
  /** How long it is connected to a mail server. */
  readonly relayMs: number
}

export const listDomains = ['bl1.test', 'bl2.test', 'bl3.test', 'wl.test'] as const
export const serverAddresses = ['198.51.100.1', '198.51.100.2'] as const

/** `count` sessions of a fourth as many addresses, within two days. */
export function randomClients(random: Random, count: number): RandomClient[] {
  const kinds = new Map<string, Kind>()
  const addresses = Math.max(1, Math.ceil(count / 4))
  const clients: RandomClient[] = []
  for (let i = 0; i < count; i++) {
    const number = random.between(0, addresses - 1)
    const address = random.chance(0.1)
      ? `2001:db8:0:${(number + 1).toString(16)}::1`
      : `10.${number >> 14}.${(number >> 6) & 255}.${number & 63}`
    let kind = kinds.get(address)
    if (kind === undefined) kinds.set(address, (kind = randomKind(random)))
    clients.push(visit(random, kind, address, i))
  }
  return clients.toSorted((a, b) => a.at - b.at)
}

/** What stays the same at every visit of an address. */
interface Kind {
  readonly listings: ReadonlyMap<string, Listing>
  readonly isBad: number
}

function randomKind(random: Random): Kind {
  const listings = new Map<string, Listing>()
  for (const domain of listDomains) listings.set(domain, randomListing(random))
  return { listings, isBad: random.pick([0, 0, 0.1, 0.5, 1]) }
}

function randomListing(random: Random): Listing {
  const ms = random.pick([5, 40, 300, 1500, 2500])
  const ttl = random.pick([-1, 60, 300, 7200])
  return random.weighted<() => Listing>([
    [12, () => ({ ms, ttl, addresses: [] })],
    [6, () => ({ ms, ttl, addresses: random.pick([['127.0.0.2'], ['127.0.0.4'], ['127.0.0.2', '127.0.0.10']]) })],
    [1, () => ({ ms, ttl: -1, addresses: [], error: random.pick(['servfail', 'refused'] as const) })],
    [1, () => ({ ms, ttl, addresses: ['127.255.255.254'] })],
    [1, () => undefined],
  ])()
}

function visit(random: Random, { listings, isBad }: Kind, address: string, i: number): RandomClient {
  const bad = random.chance(isBad)
  return {
    address,
    port: 20_000 + (i % 40_000),
    server: random.chance(0.9) ? serverAddresses[0] : serverAddresses[1],
    at: random.chance(0.2) ? random.between(0, 60_000) : random.between(0, 2 * 86_400_000),
    // Times at which no wait ends.
    talksAt: bad && random.chance(0.5) ? random.pick([70, 700, 1450, 2450, 3450, 6450]) : undefined,
    leavesAt: random.chance(0.05) ? random.pick([650, 1650, 2650, 4650]) : undefined,
    listings,
    says: dialogue(random, bad),
    relayMs: random.pick([500, 3000, 90_000]),
  }
}

function dialogue(random: Random, bad: boolean): string[] {
  const lines = ['EHLO client.example\r\n', 'MAIL FROM:<a@client.example>\r\n', 'RCPT TO:<b@mx.example>\r\n']
  if (random.chance(0.2)) lines.push('RCPT TO:<c@mx.example>\r\n')
  if (bad) for (let i = random.between(0, 2); i > 0; i--) lines.splice(random.between(0, lines.length), 0, random.pick(misdeeds))
  if (random.chance(0.1)) lines.splice(random.between(1, lines.length))
  else lines.push('QUIT\r\n')
  return lines
}

const misdeeds = ['RSET\n', 'RSET\r\nNOOP\r\n', 'GET / HTTP/1.1\r\n', 'Subject: hello\r\n', '\xff\xfe binary\r\n'] as const
