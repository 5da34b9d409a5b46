// The verdict on a client in one sentence, from a rehearsed session: what happens, and which rule of the policy is the
// reason.
import { oneLine, reply } from '../replies.ts'
import { deepTests, namesIn } from '../tests.ts'
import type { LogRecord } from '../vocabulary.ts'
import { type AccessPlace, inWords } from './access-place.ts'
import type { LimitExplanation } from './limits.ts'
import type { Outcome, Rehearsal, RehearsalInput } from './rehearsal.ts'

/** `healthCheck`: the connection is answered at once, and nothing is tested or handed off. */
export interface Verdict {
  readonly outcome: Outcome | 'healthCheck'
  /** What the client reads that refuses it. */
  readonly reply?: string
  readonly sentence: string
  /** In Audit mode: what Enforce mode would do. */
  readonly enforce?: Verdict
}

/** What the sentences name. */
export interface VerdictContext {
  readonly address: string
  readonly access: AccessPlace
  readonly limits: readonly LimitExplanation[]
  readonly isHealthCheck: boolean
  readonly isFull: boolean
}

type Rehearse = (input: RehearsalInput) => Rehearsal

/** Judges a client that behaves well. */
export function verdictOf(input: RehearsalInput, context: VerdictContext, rehearse: Rehearse): Verdict {
  const { address } = context
  if (context.isFull) {
    const text = oneLine(reply.noSystemResources)
    const sentence = `${address} is told to come again with "${text}": all connections of the gateway are in use (limits.connections).`
    return { outcome: 'deferred', reply: text, sentence }
  }
  if (context.isHealthCheck) {
    const sentence = `${address} is answered as a health check and can send no mail: spec.probes.networks contains it.`
    return { outcome: 'healthCheck', reply: oneLine(reply.checkNetworkMail), sentence }
  }
  const played = rehearse(input)
  if (!input.rules.audit) return inEnforce(input, context, played, rehearse)
  const enforce = verdictOf({ ...input, rules: { ...input.rules, audit: false } }, context, rehearse)
  const sentence = `${address} is handed off to a mail server in Audit mode; in Enforce mode: ${enforce.sentence}`
  return { outcome: played.outcome, sentence, enforce, ...(played.reply !== undefined && { reply: played.reply }) }
}

function inEnforce(input: RehearsalInput, context: VerdictContext, played: Rehearsal, rehearse: Rehearse): Verdict {
  const { address } = context
  const why = reasonFor(input, context, played)
  const { outcome, reply: text = '' } = played
  switch (outcome) {
    case 'handedOff': {
      const when = played.elapsedMs < 100 ? 'at once' : `after ${inSeconds(played.elapsedMs)} s`
      return { outcome, sentence: `${address} is handed off to a mail server ${when}: ${why}.` }
    }
    case 'refused':
      return { outcome, reply: text, sentence: `${address} is refused with "${text}": ${why}.` }
    case 'deferred':
      return { outcome, reply: text, sentence: `${address} is told to come again with "${text}": ${why}${next(input, played, rehearse)}.` }
  }
}

/** What happens when the client comes again with the tests that it has passed now. */
function next(input: RehearsalInput, { remembered, session }: Rehearsal, rehearse: Rehearse): string {
  if (remembered === undefined || session.failed !== 0) return ''
  const again = rehearse({ ...input, record: remembered })
  return again.outcome === 'handedOff' ? '; its next connection is handed off' : ''
}

const inSeconds = (ms: number): string => String(Math.round(ms / 100) / 10)

function reasonFor(input: RehearsalInput, context: VerdictContext, played: Rehearsal): string {
  return played.outcome === 'handedOff' ? reasonToPass(input, context, played) : reasonToRefuse(input, context, played)
}

function reasonToPass({ rules }: RehearsalInput, { access }: VerdictContext, { records, session }: Rehearsal): string {
  if (records.some(({ event }) => event === 'ALLOWLISTED')) return `${inWords(access)} permits it`
  if (rules.enabled === 0) return 'no test is enabled'
  const passed = records.flatMap((record) => (record.event === 'PASS NEW' || record.event === 'PASS OLD' ? record.tests : []))
  if (session.phase === 'replay') return `it passes ${listOf(namesIn(session.passed))} in one session (deepTests.handoff: SameSession)`
  if (passed.length === 0) return 'the temporary allowlist holds a valid pass of every test'
  const scored = session.score === undefined ? '' : `, and the DNS lists give it the score ${session.score.total}`
  const rest = session.todo === rules.enabled ? '' : '; its passes of the other tests are still valid'
  return `it passes ${listOf(passed)}${scored}${rest}`
}

function reasonToRefuse({ rules, server }: RehearsalInput, { access, limits }: VerdictContext, { records, session }: Rehearsal): string {
  const banned = records.findLast((record) => record.event === 'BANNED')
  if (banned !== undefined)
    return `${banned.network} is banned (spec.bans), and no rule of spec.access and no record in the temporary allowlist exempts the client`
  const limited = records.findLast((record) => record.event === 'CONNECTION REFUSED')
  if (limited !== undefined) return limited.why === 'client address lost' ? lostInWords : limitInWords(limited.why, limits)
  const scored = records.findLast((record) => record.event === 'DNSBL')
  if (scored !== undefined && scored.action !== 'Ignore') {
    const lists = scored.hits.map(({ domain, weight }) => `${rules.dnsbl.replyMap.get(domain) ?? domain} ${weight}`)
    return `the DNS lists give it the score ${scored.rank} (${lists.join(', ')}), and dnsbl.threshold is ${rules.dnsbl.threshold}`
  }
  if (session.denied) return `${inWords(access)} rejects it, and denylist.action is ${rules.deniedAction}`
  if (session.vetoed) return `no client can pass on the server address ${server.address} (allowlist.interfaces)`
  if (rules.smtp.tls === 'Encrypt' && !session.tlsReady) return 'tls.level is Encrypt, and the gateway has no certificate to start TLS'
  return deepReason(session.todo)
}

const lostInWords =
  'clientAddress.guard is Defer, and this is not the address of a client: it is private, or almost all connections come from it. List it in clientAddress.internal if it is expected'

type Why = Extract<LogRecord, { readonly event: 'CONNECTION REFUSED' }>['why']

function limitInWords(why: Exclude<Why, 'client address lost'>, limits: readonly LimitExplanation[]): string {
  const field = {
    'too many connections': 'limits.connectionsPerClient',
    'all server ports busy': 'limits.postQueue',
    'all screening ports busy': 'limits.preQueue',
  }[why]
  const { now = 0, limit = 0 } = limits.find((one) => one.field === field) ?? {}
  const what = {
    'too many connections': `the client has ${now} connections already`,
    'all server ports busy': `${now} clients wait for a mail server`,
    'all screening ports busy': `${now} clients are being tested`,
  }[why]
  return `${what}, and ${field} is ${limit}`
}

/** Behind deep tests a client must come again, since its session cannot be handed off in the middle. */
function deepReason(todo: number): string {
  const deep = namesIn(todo & deepTests)
  if (deep.length === 0) return 'the gateway refuses its commands'
  return `it passes the tests so far, and ${listOf(deep)} need${deep.length === 1 ? 's' : ''} a whole session`
}

const listOf = (names: readonly string[]): string =>
  names.length < 2 ? names.join('') : `${names.slice(0, -1).join(', ')} and ${names.at(-1) ?? ''}`
