// Prints sessions of the log: one line each, or with all of their lines.
import { visibleText } from '../../crds/values/visible-text.ts'
import { coloured, signOf, type Style, type Tone } from '../terminal/style.ts'
import { wrapped } from '../terminal/wrap.ts'
import type { LogLine } from './log-record.ts'
import type { Outcome } from './outcome.ts'
import type { SessionStory } from './sessions.ts'
import { outcomeWords, whyOf } from './why.ts'

const tones: Readonly<Record<Outcome, Tone>> = {
  known: 'in',
  new: 'in',
  comeBack: 'back',
  hangup: 'mute',
  pregreet: 'bad',
  dnsbl: 'bad',
  deepTests: 'bad',
  accessList: 'bad',
  banned: 'bad',
  limits: 'bad',
  noBackend: 'warn',
  backendRefused: 'bad',
  shutdown: 'mute',
}

const two = (number: number): string => String(number).padStart(2, '0')

/** In local time, `HH:MM:SS` or with milliseconds. */
export function clockText(epochMs: number, hasMilliseconds = false): string {
  const date = new Date(epochMs)
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
  return hasMilliseconds ? `${time}.${String(date.getMilliseconds()).padStart(3, '0')}` : time
}

/** `mx-gateway-7c9d4b-x2k4p` as `…-x2k4p`. */
const shortName = (pod: string, { hasUtf8 }: Style): string => visibleText(`${hasUtf8 ? '…' : '..'}-${pod.split('-').at(-1)}`)

const addressWidth = { narrow: 16, wide: 22 }
const outcomeWidth = 'handed off'.length
const whyWidth = 48

/** One line. @param isWide with milliseconds, the gateway, how long it took, sender and recipient */
export function sessionLine(story: SessionStory, isWide: boolean, style: Style): string {
  const { client, outcome, isAudit, gateway, began, decidedAt } = story
  const tone = isAudit ? 'in' : tones[outcome]
  const sign = signOf(tone, style)
  const word = outcomeWords[isAudit ? 'known' : outcome].padEnd(outcomeWidth)
  const why = visibleText(isAudit ? `would be ${outcomeWords[outcome]}: ${whyOf(story)}` : whyOf(story))
  const shown = coloured(`${sign} ${word}`, tone, style)
  const address = visibleText(client).padEnd(isWide ? addressWidth.wide : addressWidth.narrow)
  if (!isWide) {
    const head = `${clockText(decidedAt)}  ${address} `
    return `${head}${shown}  ${cut(why, head.length + sign.length + 1 + outcomeWidth + 2, style)}`.trimEnd()
  }
  const took = tookText(decidedAt - began).padStart(7)
  const head = `${clockText(decidedAt, true)}  ${shortName(gateway, style)}  ${address} `
  const used = head.length + sign.length + 1 + outcomeWidth + 2 + took.length + 2
  return `${head}${shown}  ${took}  ${cut(`${why.padEnd(whyWidth)}  ${envelopeOf(story)}`, used, style)}`.trimEnd()
}

const tookText = (ms: number): string => (ms < 1000 ? `${Math.max(0, Math.round(ms))} ms` : `${(ms / 1000).toFixed(1)} s`)

function cut(text: string, used: number, { width, hasUtf8 }: Style): string {
  const room = width === undefined ? Number.POSITIVE_INFINITY : Math.max(1, width - used)
  return text.length > room ? `${text.slice(0, room - 1)}${hasUtf8 ? '…' : '.'}` : text
}

const fieldOf = ({ fields }: LogLine, name: string, otherwise = ''): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : otherwise
}

function envelopeOf({ lines }: SessionStory): string {
  const rejected = lines.find(({ event }) => event === 'RCPT REJECTED')
  return rejected === undefined ? '' : visibleText(`<${fieldOf(rejected, 'from')}> <${fieldOf(rejected, 'to')}>`)
}

const eventWidth = 14

/** All records of a session, each with its time since the first. */
export function sessionStory({ lines, client, session, gateway, began }: SessionStory, style: Style): readonly string[] {
  const head = `${clockText(began, true)}  ${visibleText(client)}  session ${visibleText(session)}  gateway ${visibleText(gateway)}`
  const indent = ' '.repeat('    0.00 s  '.length + eventWidth + 1)
  return [
    head,
    ...lines.flatMap((line) => {
      const after = ((line.time - began) / 1000).toFixed(2).padStart(8)
      const event = (line.event === '' ? 'WARNING' : line.event).padEnd(eventWidth)
      return wrapped(visibleText(`${after} s  ${event} ${detailOf(line)}`), style.width, indent)
    }),
  ]
}

/** The line without what stands before it: its event and the address of the client. */
function detailOf(line: LogLine): string {
  const { event, msg, fields, client } = line
  switch (event) {
    case 'RCPT REJECTED':
      return `<${fieldOf(line, 'from')}> to <${fieldOf(line, 'to')}>: ${fieldOf(line, 'reply')}`
    case 'TESTS':
      return `${Array.isArray(fields['tests']) ? fields['tests'].join(', ') || 'none' : ''}; next: ${fieldOf(line, 'next', '-')}`
    case 'HANDED OFF':
      return `to ${fieldOf(line, 'backend', 'a mail server')}, at ${fieldOf(line, 'at', 'the greeting')}`
    case 'AUDIT':
      return `Enforce mode would ${fieldOf(line, 'would')}: ${fieldOf(line, 'reply')}`
    case 'SAME SESSION FAILED':
      return `at ${fieldOf(line, 'goal')}: ${fieldOf(line, 'why')} ${fieldOf(line, 'reply')}`
    default:
      return msg
        .replace(event, '')
        .replaceAll(new RegExp(` ?(from|for)? ?\\[${escaped(client)}\\](:\\d+)?`, 'gu'), '')
        .replace(/^[ :]+/, '')
  }
}

/** For a regular expression: the address comes from a log. */
const escaped = (text: string): string => text.replaceAll(/[^\w:]/g, (one) => `\\u{${(one.codePointAt(0) ?? 0).toString(16)}}`)

/** A line that belongs to no session, such as a warning about a DNS list. */
export function noticeLine(gateway: string, { time, msg, isWarning }: LogLine, style: Style): string {
  const tone = isWarning ? 'warn' : 'none'
  const head = `${clockText(time)}  `
  const shown = visibleText(`${gateway}: ${msg}`)
  return `${head}${coloured(signOf(tone, style), tone, style)} ${cut(shown, head.length + 2, style)}`
}

/** For programs: everything about a session. */
export function sessionData(story: SessionStory): object {
  const { gateway, session, client, outcome, isAudit, began, decidedAt, lines } = story
  return {
    time: new Date(decidedAt).toISOString(),
    ...{ gateway, session, client, outcome, isAudit, seconds: (decidedAt - began) / 1000, why: whyOf(story) },
    records: lines.map(({ time, event, fields, msg, isJson }) => (isJson ? fields : { time: new Date(time).toISOString(), event, msg })),
  }
}
