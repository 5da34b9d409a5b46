// The commands of the dummy SMTP engine, as a table (postscreen_smtpd.c command_table). Sections 3.5 to 3.7 of its behaviour.
import { drop } from './conclude.ts'
import { type EhloDiscard, ehloReply, formatDiscard, sameDiscard } from './ehlo.ts'
import { externalForm, extractAddress } from './mailbox.ts'
import { printableText } from './printable.ts'
import { reply, soften } from './replies.ts'
import { effective, log, send, type Session, type SmtpState } from './session.ts'
import type { Effect } from './vocabulary.ts'

/** Answers one command; `stop` when nothing behind it may be read, `suspend` when only with the next input. `args` is what follows the verb and one space. */
type Run = (s: Session, smtp: SmtpState, now: number, args: string, out: Effect[]) => 'stop' | 'suspend' | void

/** One row of the table. Without `run` the verb is known to the log only. */
export interface Command {
  readonly run?: Run
  /** Allowed where TLS is mandatory and not active yet. */
  readonly beforeTls?: boolean
  /** What follows the line is data, not pipelined commands. */
  readonly hasPayload?: boolean
}

/** First word, or undefined when there is none. */
function firstWord(args: string): string | undefined {
  return args.split(' ').find((word) => word !== '')
}

const helo: Run = (s, smtp, now, args, out) => {
  const name = firstWord(args)
  if (name === undefined) return send(s, now, reply.heloSyntax, out)
  smtp.helo = name
  smtp.sender = undefined
  send(s, now, s.rules.host.helo, out)
}

const ehlo: Run = (s, smtp, now, args, out) => {
  const name = firstWord(args)
  if (name === undefined) return send(s, now, reply.ehloSyntax, out)
  smtp.helo = name
  smtp.sender = undefined
  smtp.proto = 'ESMTP'
  smtp.discard = discardFor(s, out)
  const { hostname, smtp: rules } = s.rules
  const starttls = rules.tls !== 'None' && !s.usingTls
  const features = { hostname, messageSizeLimit: rules.messageSizeLimit, vrfy: rules.announceVRFY, starttls, smtpUTF8: rules.utf8 }
  send(s, now, ehloReply(features, smtp.discard), out)
}

/** The keywords to hide from this client: its own list, where that differs, replaces the general one (psc_ehlo_cmd). */
function discardFor(s: Session, out: Effect[]): EhloDiscard {
  const { discard, discardFor: perClient } = s.rules.smtp
  const own = perClient.discards[perClient.table.lookup(s.client.address)]
  if (own === undefined || sameDiscard(own, discard)) return discard
  if (own.size > 0 && !own.has('SILENT-DISCARD')) log(s, out, { event: 'EHLO KEYWORDS DISCARDED', keywords: formatDiscard(own) })
  return own
}

const starttls: Run = (s, smtp, now, args, out) => {
  const refusal = starttlsRefusal(s, smtp, args)
  if (refusal !== undefined) {
    send(s, now, refusal, out)
    // Behind the 454 postscreen resumes by itself (psc_starttls_resume), behind the other refusals with the next input only.
    return refusal === reply.tlsUnavailable ? undefined : 'suspend'
  }
  send(s, now, reply.readyForTls, out)
  // Plaintext behind the command is discarded (CVE-2011-0411), and so is what the client said of itself (RFC 3207 4.2).
  s.usingTls = true
  smtp.line = ''
  smtp.helo = undefined
  smtp.sender = undefined
  out.push({ do: 'startTls', handshakeMs: effective(s, s.rules.smtp.handshakeTimeout) })
  return 'stop'
}

function starttlsRefusal(s: Session, smtp: SmtpState, args: string): string | undefined {
  if (firstWord(args) !== undefined) return reply.starttlsSyntax
  if (s.usingTls) return reply.tlsAlreadyActive
  if (s.rules.smtp.tls === 'None' || smtp.discard.has('STARTTLS')) return reply.notImplemented
  return s.tlsReady ? undefined : reply.tlsUnavailable
}

const mail: Run = (s, smtp, now, args, out) => {
  if (s.rules.smtp.heloRequired && smtp.helo === undefined) return send(s, now, reply.sendHeloFirst, out)
  if (smtp.sender !== undefined) return send(s, now, reply.nestedMail, out)
  const colon = args.indexOf(':')
  if (colon < 0) return send(s, now, reply.mailSyntax, out)
  smtp.sender = extractAddress(args.slice(colon + 1))
  send(s, now, reply.senderOk, out)
}

const rcpt: Run = (s, smtp, now, args, out) => {
  if (smtp.sender === undefined) return send(s, now, reply.needMail, out)
  const colon = args.indexOf(':')
  if (colon < 0) return send(s, now, reply.rcptSyntax, out)
  const { softBounce, utf8 } = s.rules.smtp
  const text = softBounce ? soften(s.rcptReply) : s.rcptReply
  log(s, out, {
    event: 'RCPT REJECTED',
    reply: text.slice(0, -2),
    from: printableText(externalForm(smtp.sender), utf8),
    to: printableText(externalForm(extractAddress(args.slice(colon + 1))), utf8),
    proto: smtp.proto,
    helo: printableText(smtp.helo ?? '', utf8),
  })
  send(s, now, s.rcptReply, out)
}

/** A client that was refused every recipient has nothing to send; the connection is not worth keeping in step. */
const data: Run = (s, smtp, now, args, out) => {
  log(s, out, { event: 'DATA WITHOUT RCPT' })
  const why = firstWord(args) !== undefined ? reply.dataSyntax : smtp.sender === undefined ? reply.needRcpt : reply.noValidRecipients
  drop(s, now, why, out)
  return 'stop'
}

const bdat: Run = (s, smtp, now, args, out) => {
  log(s, out, { event: 'BDAT WITHOUT RCPT' })
  drop(s, now, bdatReply(smtp, args), out)
  return 'stop'
}

function bdatReply(smtp: SmtpState, args: string): string {
  if (smtp.discard.has('CHUNKING')) return reply.notImplemented
  if (firstWord(args) === undefined) return reply.bdatSyntax
  return smtp.sender === undefined ? reply.bdatNeedsMail : reply.noValidRecipients
}

const rset: Run = (s, smtp, now, _args, out) => {
  smtp.sender = undefined
  send(s, now, reply.ok, out)
}

const noop: Run = (s, _smtp, now, _args, out) => send(s, now, reply.ok, out)

const vrfy: Run = (s, _smtp, now, args, out) => {
  if (firstWord(args) === undefined) return send(s, now, reply.vrfySyntax, out)
  send(s, now, s.rules.smtp.vrfyDisabled ? reply.vrfyDisabled : s.rcptReply, out)
}

const etrn: Run = (s, smtp, now, args, out) => {
  if (s.rules.smtp.heloRequired && smtp.helo === undefined) return send(s, now, reply.sendHeloFirst, out)
  send(s, now, firstWord(args) === undefined ? reply.etrnSyntax : reply.cannotQueue, out)
}

const quit: Run = (s, _smtp, now, _args, out) => {
  drop(s, now, reply.bye, out)
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
