// The lines of postscreen and dnsblog, from Postfix 2.8 on, as events. Texts of clients come last in a line, so they
// cannot be taken for anything else.
import type { SessionEvent } from './log-item.ts'
import { canonicalAddress } from '../../crds/values/address.ts'

/** A line about a session, or about an address that a DNS list contains. */
export type PostscreenLine =
  | { readonly is: 'session'; readonly record: SessionEvent }
  | { readonly is: 'listed'; readonly client: string; readonly domain: string; readonly address: string }

const at = String.raw`\[([^\]]{2,45})\]:(\d{1,5})`

/** Postfix before 3.6, and 3.6 with respectful_logging = no. */
const formerWords: Readonly<Record<string, string>> = {
  WHITELISTED: 'ALLOWLISTED',
  BLACKLISTED: 'DENYLISTED',
  'WHITELIST VETO': 'ALLOWLIST VETO',
}

type Reader = (groups: readonly string[]) => Omit<SessionEvent, 'client'>

/** Each with the address and port of the client as the first two groups, unless `clientAt` says otherwise. */
const forms: readonly { readonly form: RegExp; readonly clientAt?: number; readonly read: Reader }[] = [
  {
    form: new RegExp(`^(PASS NEW|PASS OLD|ALLOWLISTED|WHITELISTED|DENYLISTED|BLACKLISTED|ALLOWLIST VETO|WHITELIST VETO|DISCONNECT) ${at}$`),
    clientAt: 2,
    read: ([, word = '']) => ({ event: formerWords[word] ?? word }),
  },
  { form: new RegExp(`^DNSBL rank -?\\d+ for ${at}$`), read: () => ({ event: 'DNSBL' }) },
  {
    form: new RegExp(`^PREGREET \\d+ after ([\\d.]{1,12}) from ${at}: `),
    clientAt: 2,
    read: ([, after]) => ({ event: 'PREGREET', afterMs: Number(after) * 1000 || 0 }),
  },
  {
    form: new RegExp(`^HANGUP after ([\\d.]{1,12}) from ${at} in (tests (?:before|after) SMTP handshake)$`),
    clientAt: 2,
    read: ([, after, , , stage = '']) => ({ event: 'HANGUP', afterMs: Number(after) * 1000 || 0, stage }),
  },
  { form: new RegExp(`^NOQUEUE: reject: RCPT from ${at}: (\\d{3}) `), read: ([, , , reply = '']) => ({ event: 'RCPT REJECTED', reply }) },
  {
    form: new RegExp(
      `^(?:NOQUEUE: )?reject: connect from ${at}: (too many connections|all server ports busy|all screening ports busy)`,
      'i',
    ),
    read: ([, , , why = '']) => ({ event: 'CONNECTION REFUSED', why }),
  },
  { form: new RegExp(`^BARE NEWLINE from ${at} after`), read: () => ({ event: 'BARE NEWLINE' }) },
  {
    form: new RegExp(`^NON-SMTP COMMAND from ${at} after [^:]*: (\\S*) ?(.*)$`),
    read: ([, , , command = '', args = '']) => ({ event: 'NON-SMTP COMMAND', command, args }),
  },
  { form: new RegExp(`^COMMAND PIPELINING from ${at} after`), read: () => ({ event: 'COMMAND PIPELINING' }) },
  { form: new RegExp(`^(COMMAND (?:TIME|COUNT|LENGTH) LIMIT) from ${at} after`), clientAt: 2, read: ([, event = '']) => ({ event }) },
]

const connect = new RegExp(`^CONNECT from ${at} to ${at}$`)
const listed = /^addr (\S{2,45}) listed by domain (\S{1,255}) as ([\d.]{7,15})$/

/** Undefined for a line of another form. */
export function readPostscreenLine(text: string): PostscreenLine | undefined {
  if (text.startsWith('addr ')) return readListed(text)
  if (text.startsWith('CONNECT ')) return readConnect(text)
  for (const { form, clientAt = 1, read } of forms) {
    const groups = form.exec(text)
    if (groups === null) continue
    const address = canonicalAddress(groups[clientAt] ?? '')
    if (address === undefined) return undefined
    return { is: 'session', record: { client: { address, port: Number(groups[clientAt + 1]) }, ...read(groups) } }
  }
  return undefined
}

function readConnect(text: string): PostscreenLine | undefined {
  const [, from = '', port, to = '', serverPort] = connect.exec(text) ?? []
  const [address, server] = [canonicalAddress(from), canonicalAddress(to)]
  if (address === undefined || server === undefined) return undefined
  const client = { address, port: Number(port) }
  return { is: 'session', record: { event: 'CONNECT', client, server: { address: server, port: Number(serverPort) } } }
}

function readListed(text: string): PostscreenLine | undefined {
  const [, from = '', domain = '', address = ''] = listed.exec(text) ?? []
  const client = canonicalAddress(from)
  return client === undefined ? undefined : { is: 'listed', client, domain, address }
}
