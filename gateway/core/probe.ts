// What the health check of a load balancer or kubelet hears: enough SMTP to see that the gateway is well. It is no client: nothing is tested or kept.
import { lineContent, readLines, reads, splitCommand } from './command-lines.ts'
import { ehloReply } from './ehlo.ts'
import { parseProxyHeader } from './proxy-header.ts'
import { reply } from './replies.ts'
import type { Rules } from './rules.ts'

/** Why a connection is a probe: its address is in `probes.networks`, or its PROXY header names no client (LOCAL, UNKNOWN or UNSPEC). */
export type ProbeReason = 'network' | 'unnamed'

/** What no health check does, so that the policy must be wrong: offering mail, or sending a PROXY header where none is expected any more. */
export type ProbeMisuse = 'mail' | 'header'

/** Health checks say three commands or so. */
export const probeCommandLimit = 20
/** Bytes of a command line, its end included (RFC 5321 4.5.3.1.4). */
export const probeLineLimit = 512

/** The dialogue with one probe. */
export interface Probe {
  readonly rules: Rules
  readonly reason: ProbeReason
  /** The line that has not ended yet. */
  line: string
  commandCount: number
  begun: boolean
  over: boolean
}

/** What to send (empty: nothing), and whether that is the end. */
export interface ProbeAnswer {
  readonly text: string
  readonly over: boolean
  readonly misuse: ProbeMisuse | undefined
}

interface LineAnswer {
  readonly text: string
  readonly over?: boolean
  readonly misuse?: ProbeMisuse
}

/** A new dialogue; it begins with the policy's greeting, `rules.host.greeting`. */
export function newProbe(rules: Rules, reason: ProbeReason): Probe {
  return { rules, reason, line: '', commandCount: 0, begun: false, over: false }
}

/** Bytes from the probe to replies: at most one for each line, and none behind the last one. */
export function answerProbe(probe: Probe, bytes: Uint8Array): ProbeAnswer {
  const answers: LineAnswer[] = []
  const take = (answer: LineAnswer): boolean => {
    answers.push(answer)
    probe.over = answer.over === true
    return !probe.over
  }
  if (!probe.over && bytes.length > 0) {
    // A proxy that sends its header late, or to a port that wants none: behind it is a real client, which had better come again (AWS does so).
    if (!probe.begun && parseProxyHeader(bytes).is === 'header') take({ text: reply.noSystemResources, over: true, misuse: 'header' })
    probe.begun = true
  }
  for (const read of reads(bytes)) {
    if (probe.over) break
    const result = readLines(probe, read, probeLineLimit, (line) => take(answerLine(probe, lineContent(line).text)))
    if (result === 'tooLong') take({ text: probe.rules.host.tryAgainLater, over: true })
  }
  return {
    text: answers.map(({ text }) => text).join(''),
    over: probe.over,
    misuse: answers.find(({ misuse }) => misuse !== undefined)?.misuse,
  }
}

function answerLine(probe: Probe, line: string): LineAnswer {
  const [verb, args] = splitCommand(line)
  const name = verb.toUpperCase()
  const { host } = probe.rules
  if (++probe.commandCount > probeCommandLimit && name !== 'QUIT') return { text: host.tryAgainLater, over: true }
  const unnamed = /^ *$/.test(args)
  switch (name) {
    case 'HELO':
      return { text: unnamed ? reply.heloSyntax : host.helo }
    case 'EHLO':
      return { text: unnamed ? reply.ehloSyntax : ehlo(probe.rules) }
    case 'NOOP':
    case 'RSET':
      return { text: reply.ok }
    // Whoever says this is a client whose address stands in the wrong place. Its mail must stay with it until somebody has noticed.
    case 'MAIL':
    case 'RCPT':
    case 'DATA':
    case 'BDAT':
      return { text: probe.reason === 'network' ? reply.probeNetworkMail : reply.probeUnnamedMail, misuse: 'mail' }
    case 'QUIT':
      return { text: reply.bye, over: true }
    default:
      return { text: reply.notRecognized }
  }
}

/** Announces what a client hears, lest a client that is here by mistake give its mail up for want of SMTPUTF8 or 8BITMIME; but STARTTLS is not to be had. */
function ehlo({ hostname, smtp }: Rules): string {
  const { messageSizeLimit, announceVRFY: vrfy, utf8: smtpUTF8, discard } = smtp
  return ehloReply({ hostname, messageSizeLimit, vrfy, starttls: false, smtpUTF8 }, discard)
}
