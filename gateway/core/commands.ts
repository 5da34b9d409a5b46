// The commands of the dummy SMTP engine, as a table (postscreen_smtpd.c command_table).
import { drop } from './conclude.ts'
import { type EhloDiscard, ehloReply, formatDiscard, sameDiscard } from './ehlo.ts'
import { promiseReply } from './ehlo-promise.ts'
import { externalForm, extractAddress } from './mailbox.ts'
import { printableText } from './printable.ts'
import { oneLine, type Reply, reply } from './replies.ts'
import {
  answer,
  endTransaction,
  handOffAtRcpt,
  handOffAtStarttls,
  mayBeHandedOff,
  passesTlsThrough,
  payloadOf,
  promiseTo,
  refuseRecipient,
} from './same-session.ts'
import { effective, type Session, type SmtpState } from './session.ts'
import type { Turn } from './turn.ts'

/**
 * Answers one command. `args` is what follows the verb and one space.
 * @returns `stop` when nothing behind the command may be read, `suspend` when only with the next input, `replay` when
 *   only after a backend has answered, `payload` when a part of a message comes first
 */
type Run = (turn: Turn, smtp: SmtpState, args: string) => 'stop' | 'suspend' | 'replay' | 'payload' | void

/** One row of the table. Without `run` the verb only has its name in the log. */
export interface Command {
  readonly run?: Run
  /** Allowed where TLS is mandatory and not active yet. */
  readonly beforeTls?: boolean
  /** What follows the line is data, not pipelined commands. */
  readonly hasPayload?: boolean
}

/** The first word; undefined when there are only spaces. */
function firstWord(args: string): string | undefined {
  return args.split(' ').find((word) => word !== '')
}

const helo: Run = (turn, smtp, args) => {
  const name = firstWord(args)
  if (name === undefined) return turn.send(reply.heloSyntax)
  introduce(smtp, name)
  smtp.promised = undefined
  turn.send(turn.session.rules.host.helo)
}

/** HELO and EHLO also end a transaction (RFC 5321 4.1.4). */
function introduce(smtp: SmtpState, name: string): void {
  smtp.helo = name
  smtp.heloLine = smtp.commandLine
  endTransaction(smtp)
}

const ehlo: Run = (turn, smtp, args) => {
  const { session: s } = turn
  const name = firstWord(args)
  if (name === undefined) return turn.send(reply.ehloSyntax)
  introduce(smtp, name)
  smtp.proto = 'ESMTP'
  smtp.discard = discardFor(turn)
  const { hostname, smtp: rules } = s.rules
  if (mayBeHandedOff(s)) {
    smtp.promised = promiseTo(s, smtp)
    return turn.send(promiseReply(hostname, smtp.promised))
  }
  smtp.promised = undefined
  // Where TLS passes through, the gateway may have no certificate, and then this client gets no TLS.
  const starttls = rules.tls !== 'None' && !s.usingTls && (!rules.tlsPassesThrough || s.tlsReady)
  const features = { hostname, messageSizeLimit: rules.messageSizeLimit, vrfy: rules.announceVRFY, starttls, smtpUTF8: rules.utf8 }
  turn.send(ehloReply(features, smtp.discard))
}

/** The keywords to hide from this client: a list of its own replaces the general one (psc_ehlo_cmd). */
function discardFor(turn: Turn): EhloDiscard {
  const { client, rules } = turn.session
  const { discard, discardFor: perClient } = rules.smtp
  const own = perClient.discards[perClient.table.lookup(client.address)]
  if (own === undefined || sameDiscard(own, discard)) return discard
  if (own.size > 0 && !own.has('SILENT-DISCARD')) turn.log({ event: 'EHLO KEYWORDS DISCARDED', keywords: formatDiscard(own) })
  return own
}

const starttls: Run = (turn, smtp, args) => {
  const { session: s } = turn
  const passesThrough = passesTlsThrough(s)
  const refusal = passesThrough ? passThroughRefusal(s, smtp, args) : starttlsRefusal(s, smtp, args)
  if (refusal !== undefined) {
    turn.send(refusal)
    // After the 454 postscreen resumes by itself (psc_starttls_resume), after the other refusals with the next input
    // only.
    return refusal === reply.tlsUnavailable ? undefined : 'suspend'
  }
  if (passesThrough) return handOffAtStarttls(turn, smtp)
  turn.send(reply.readyForTls)
  // Plaintext behind the command is discarded (CVE-2011-0411), and so is what the client said of itself (RFC 3207 4.2).
  s.usingTls = true
  smtp.line = ''
  smtp.helo = undefined
  smtp.heloLine = undefined
  smtp.promised = undefined
  endTransaction(smtp)
  turn.out.push({ do: 'startTls', handshakeMs: effective(s, s.rules.smtp.handshakeTimeout) })
  return 'stop'
}

function starttlsRefusal(s: Session, smtp: SmtpState, args: string): Reply | undefined {
  if (firstWord(args) !== undefined) return reply.starttlsSyntax
  if (s.usingTls) return reply.tlsAlreadyActive
  // What was promised before the client failed is unavailable now, and not unknown.
  if (smtp.promised?.names.has('STARTTLS') === true && !s.tlsReady) return reply.tlsUnavailable
  if (s.rules.smtp.tls === 'None' || smtp.discard.has('STARTTLS')) return reply.notImplemented
  return s.tlsReady ? undefined : reply.tlsUnavailable
}

/** A client that has not said EHLO may use what it would have been promised. */
function passThroughRefusal(s: Session, smtp: SmtpState, args: string): Reply | undefined {
  if (firstWord(args) !== undefined) return reply.starttlsSyntax
  const promised = smtp.promised ?? promiseTo(s, smtp)
  return promised.names.has('STARTTLS') ? undefined : reply.notImplemented
}

const mail: Run = (turn, smtp, args) => {
  if (turn.session.rules.smtp.heloRequired && smtp.helo === undefined) return turn.send(reply.sendHeloFirst)
  if (smtp.sender !== undefined) return turn.send(reply.nestedMail)
  const colon = args.indexOf(':')
  if (colon < 0) return turn.send(reply.mailSyntax)
  endTransaction(smtp)
  smtp.sender = extractAddress(args.slice(colon + 1))
  smtp.mailLine = smtp.commandLine
  turn.send(reply.senderOk)
}

const rcpt: Run = (turn, smtp, args) => {
  if (smtp.sender === undefined && smtp.reason === undefined) return turn.send(reply.needMail)
  const colon = args.indexOf(':')
  if (colon < 0) return turn.send(reply.rcptSyntax)
  if (smtp.reason !== undefined) return refuseRecipient(turn, smtp, args.slice(colon + 1)) ? undefined : 'stop'
  if (mayBeHandedOff(turn.session)) return handOffAtRcpt(turn, smtp)
  const { rcptReply, rules } = turn.session
  const { utf8 } = rules.smtp
  turn.log({
    event: 'RCPT REJECTED',
    reply: oneLine(turn.softened(rcptReply)),
    from: printableText(externalForm(smtp.sender ?? ''), utf8),
    to: printableText(externalForm(extractAddress(args.slice(colon + 1))), utf8),
    proto: smtp.proto,
    helo: printableText(smtp.helo ?? '', utf8),
  })
  turn.send(rcptReply)
}

/** A client whose recipients were all refused has nothing to send, so the session ends. */
const data: Run = (turn, smtp, args) => {
  // A client that reports the last reply must not report a 503.
  if (smtp.reason !== undefined) return answer(turn, smtp.reason) ? undefined : 'stop'
  turn.log({ event: 'DATA WITHOUT RCPT' })
  const why = firstWord(args) !== undefined ? reply.dataSyntax : smtp.sender === undefined ? reply.needRcpt : reply.noValidRecipients
  drop(turn, why)
  return 'stop'
}

const bdat: Run = (turn, smtp, args) => {
  const size = smtp.reason === undefined ? undefined : payloadOf(args)
  if (size !== undefined) {
    // RFC 3030 2: what follows is data even if the command is refused.
    smtp.payloadLeft = size
    return 'payload'
  }
  turn.log({ event: 'BDAT WITHOUT RCPT' })
  drop(turn, bdatReply(smtp, args))
  return 'stop'
}

function bdatReply(smtp: SmtpState, args: string): Reply {
  if (smtp.discard.has('CHUNKING')) return reply.notImplemented
  if (firstWord(args) === undefined) return reply.bdatSyntax
  return smtp.sender === undefined ? reply.bdatNeedsMail : reply.noValidRecipients
}

const rset: Run = (turn, smtp) => {
  endTransaction(smtp)
  turn.send(reply.ok)
}

const noop: Run = (turn) => turn.send(reply.ok)

const vrfy: Run = (turn, _smtp, args) => {
  if (firstWord(args) === undefined) return turn.send(reply.vrfySyntax)
  const { rcptReply, rules } = turn.session
  const verdict = mayBeHandedOff(turn.session) ? reply.cannotVrfy : rcptReply
  turn.send(rules.smtp.vrfyDisabled ? reply.vrfyDisabled : verdict)
}

const etrn: Run = (turn, smtp, args) => {
  if (turn.session.rules.smtp.heloRequired && smtp.helo === undefined) return turn.send(reply.sendHeloFirst)
  turn.send(firstWord(args) === undefined ? reply.etrnSyntax : reply.cannotQueue)
}

const quit: Run = (turn) => {
  drop(turn, reply.bye)
  return 'stop'
}

/** Verbs in upper case. */
export const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['HELO', { run: helo, beforeTls: true }],
  ['EHLO', { run: ehlo, beforeTls: true }],
  ['STARTTLS', { run: starttls, beforeTls: true }],
  ['XCLIENT', {}],
  ['XFORWARD', {}],
  ['AUTH', {}],
  ['MAIL', { run: mail }],
  ['RCPT', { run: rcpt }],
  ['DATA', { run: data }],
  ['BDAT', { run: bdat, hasPayload: true }],
  ['RSET', { run: rset }],
  ['NOOP', { run: noop, beforeTls: true }],
  ['VRFY', { run: vrfy }],
  ['ETRN', { run: etrn }],
  ['QUIT', { run: quit, beforeTls: true }],
])
