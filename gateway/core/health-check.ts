// What the health check of a load balancer or kubelet reads: enough SMTP to show that the gateway works. Nothing is
// tested or stored for it.
import { lineContent, readLines, reads, splitCommand } from './command-lines.ts'
import { ehloReply } from './ehlo.ts'
import { parseProxyHeader } from './proxy-header.ts'
import { type Reply, reply, wire } from './replies.ts'
import type { Rules } from './rules.ts'

/**
 * Why a connection is a health check: its address is in `probes.networks`, or its PROXY header names no client (LOCAL,
 * UNKNOWN or UNSPEC).
 */
export type HealthCheckReason = 'network' | 'unnamed'

/**
 * What a health check never does, so that the policy must be wrong: offering mail, or sending a PROXY header where none
 * is expected any more.
 */
export type HealthCheckMisuse = 'mail' | 'header'

/** Health checks send about three commands. */
export const healthCheckCommandLimit = 20
/** Bytes of a command line, its end included (RFC 5321 4.5.3.1.4). */
export const healthCheckLineLimit = 512

/** The dialogue with one health check. */
export interface HealthCheck {
  readonly rules: Rules
  readonly reason: HealthCheckReason
  /** The line that has not ended yet. */
  line: string
  commandCount: number
  begun: boolean
  over: boolean
}

/** What to send (empty: nothing), and whether that is the end. */
export interface HealthCheckAnswer {
  readonly text: string
  readonly over: boolean
  readonly misuse: HealthCheckMisuse | undefined
}

interface LineAnswer {
  readonly reply: Reply
  readonly over?: boolean
  readonly misuse?: HealthCheckMisuse
}

/** A new dialogue; it begins with the policy's greeting, `rules.host.greeting`. */
export function newHealthCheck(rules: Rules, reason: HealthCheckReason): HealthCheck {
  return { rules, reason, line: '', commandCount: 0, begun: false, over: false }
}

/** Bytes from the health check to replies: at most one for each line, and none behind the last one. */
export function answerHealthCheck(check: HealthCheck, bytes: Uint8Array): HealthCheckAnswer {
  const answers: LineAnswer[] = []
  const take = (answer: LineAnswer): boolean => {
    answers.push(answer)
    check.over = answer.over === true
    return !check.over
  }
  if (!check.over && bytes.length > 0) {
    // A proxy sends its header late, or to a port that expects none: a real client is behind it, which should come
    // again (AWS does so).
    if (!check.begun && parseProxyHeader(bytes).is === 'header') take({ reply: reply.noSystemResources, over: true, misuse: 'header' })
    check.begun = true
  }
  for (const read of reads(bytes)) {
    if (check.over) break
    const result = readLines(check, read, healthCheckLineLimit, (line) => take(answerLine(check, lineContent(line).text)))
    if (result === 'tooLong') take({ reply: check.rules.host.tryAgainLater, over: true })
  }
  return {
    text: answers.map((answer) => wire(answer.reply)).join(''),
    over: check.over,
    misuse: answers.find(({ misuse }) => misuse !== undefined)?.misuse,
  }
}

function answerLine(check: HealthCheck, line: string): LineAnswer {
  const [verb, args] = splitCommand(line)
  const name = verb.toUpperCase()
  const { host } = check.rules
  if (++check.commandCount > healthCheckCommandLimit && name !== 'QUIT') return { reply: host.tryAgainLater, over: true }
  const unnamed = /^ *$/.test(args)
  switch (name) {
    case 'HELO':
      return { reply: unnamed ? reply.heloSyntax : host.helo }
    case 'EHLO':
      return { reply: unnamed ? reply.ehloSyntax : ehlo(check.rules) }
    case 'NOOP':
    case 'RSET':
      return { reply: reply.ok }
    // Only a client sends this: the policy takes its address for that of a health check. It keeps its mail until the
    // policy is corrected.
    case 'MAIL':
    case 'RCPT':
    case 'DATA':
    case 'BDAT':
      return { reply: check.reason === 'network' ? reply.checkNetworkMail : reply.checkUnnamedMail, misuse: 'mail' }
    case 'QUIT':
      return { reply: reply.bye, over: true }
    default:
      return { reply: reply.notRecognized }
  }
}

/**
 * Announces what a client reads, so that a client that is here by mistake does not bounce mail that needs SMTPUTF8 or
 * 8BITMIME. There is no STARTTLS.
 */
function ehlo({ hostname, smtp }: Rules): Reply {
  const { messageSizeLimit, announceVRFY: vrfy, utf8: smtpUTF8, discard } = smtp
  return ehloReply({ hostname, messageSizeLimit, vrfy, starttls: false, smtpUTF8 }, discard)
}
