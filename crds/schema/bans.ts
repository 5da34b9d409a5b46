// The fields of bans of repeat offenders.
import { clientPrefix } from './client-prefix.ts'
import { count, documented, duration, record } from './field.ts'

/** The defaults that the rule "for is not longer than max" needs too. */
export const banTimes = { for: '1h', max: '1d' } as const

export const bans = documented(
  record({
    after: count(
      3,
      { min: 1, max: 50 },
      {
        doc: 'The number of failed sessions of one network within the time in within that leads to a ban. A session counts once, when the client fails the pregreet test or sends a non-SMTP command (unless the action of the test is Ignore), or when a test or the access list drops it.',
        unit: 'sessions',
      },
    ),
    within: duration('1h', { max: '7d' }, { doc: 'The time within which the failures of a network are counted.' }),
    for: duration(banTimes.for, { max: '30d' }, { doc: 'The length of the first ban of a network. It must not be longer than max.' }),
    growth: count(
      2,
      { min: 1, max: 10 },
      { doc: 'Each further ban of the same network is this many times as long as the one before. 1: all bans have the same length.' },
    ),
    max: duration(
      banTimes.max,
      { max: '30d' },
      { doc: 'The maximum length of a ban. A network that has not been banned for this time begins again with the length in for.' },
    ),
    prefix: clientPrefix(
      {
        ipv4: 'The number of leading bits of an IPv4 address that are banned together. 32: a ban applies to one address. With fewer bits, the failures of one client ban its neighbours too.',
        ipv6: 'The number of leading bits of an IPv6 address that are banned together. A host usually owns a /64 network and can use every address in it.',
      },
      { doc: 'The network of a client that is banned. After a change, bans with the old prefix length end.' },
    ),
  }).exactOptional(),
  {
    doc: 'Bans of networks that keep failing. Clients of a banned network are refused with 521 when they connect, without tests, and with one log line for each ban. Clients that the access list permits, and clients on the temporary allowlist, are never refused. If not set: no bans. An empty object {} enables bans with the defaults. With allowlist.store Valkey, gateways share their bans. In mode Audit, the log says which clients would be refused.',
    differs: 'postscreen has no bans.',
  },
)
