// One line about a session, for the list of the live page: what decided about it, in a few words.
import type { Outcome } from '../../core/outcome-names.ts'

/** A session in the list. Times are epoch milliseconds. */
export interface SessionLine {
  readonly session: string
  /** The address of the client. */
  readonly client: string
  readonly began: number
  readonly decidedAt: number
  readonly outcome: Outcome
  /** It was handed off in Audit mode; the outcome is what Enforce mode would have done. */
  readonly audit: boolean
  readonly why: string
  /** The number of the process, where there are workers. */
  readonly worker?: number
}

type Rewrite = readonly [RegExp, (match: RegExpExecArray) => string]

const handedOff: Rewrite = [/^HANDED OFF .*?backend=(\S+)/, ([, backend = '']) => `to ${backend}`]

/** What a text of the session says, by outcome. The first that matches is used; of `known` and `new` all are. */
const words: Readonly<Record<Outcome, readonly Rewrite[]>> = {
  known: [[/^PASS OLD/, () => 'Remembered'], [/^ALLOWLISTED by (.*)/, ([, rule = '']) => `On the access list: ${rule}`], handedOff],
  new: [[/^PASS NEW/, () => 'Passed every test'], handedOff],
  comeBack: [
    [/^ALLOWLIST VETO/, () => 'At a backup address; asked to come to the first one'],
    [/^(?:NOQUEUE: reject: RCPT|AUDIT).*?(\d{3})\b/, ([, code = '450']) => `Passed, and asked to come back (${code})`],
  ],
  hangup: [
    [/^HANGUP after (\S+) in tests before/, ([, after = '']) => `Hung up after ${after} s, before the greeting`],
    [/^HANGUP after (\S+) in tests after/, ([, after = '']) => `Hung up after ${after} s, behind the greeting`],
  ],
  pregreet: [
    [/^PREGREET \d+ after ([^:]+): (.*)/s, ([, after = '', data = '']) => `Spoke after ${after} s: ${data}`],
    [/^PREGREET \d+ after (\S+)/, ([, after = '']) => `Spoke after ${after} s`],
  ],
  dnsbl: [[/^DNSBL rank (-?\d+)(?: \((.*)\))?/, ([, rank = '', hits = '']) => `Rank ${rank}: ${hits.replace(/ -?\d+(?=,|$)/g, '')}`]],
  deepTests: [
    [/^NON-SMTP COMMAND.*/, ([text]) => text],
    [/^COMMAND PIPELINING.*/, ([text]) => text],
    [/^BARE NEWLINE.*/, ([text]) => text],
  ],
  accessList: [[/^DENYLISTED by (.*)/, ([, rule = '']) => `On the access list, to be rejected: ${rule}`]],
  banned: [[/^NOQUEUE: reject: CONNECT: (.*)/, ([, why = '']) => why]],
  limits: [
    [/reject: CONNECT: (.*)/i, ([, why = '']) => `Limit: ${why}`],
    [/^COMMAND (\w+) LIMIT/, ([, which = '']) => `Limit: command ${which.toLowerCase()}`],
  ],
  noBackend: [
    [/^SAME SESSION FAILED.*/, ([text]) => text],
    [/^cannot .* to service smtpd: (.*)/, ([, why = '']) => `Clean, but no mail server took it: ${why}`],
  ],
  backendRefused: [[/^SAME SESSION FAILED[^:]*: (.*)/, ([, reply = '']) => `The mail server said ${reply}`]],
  shutdown: [],
}

const otherwise: Readonly<Record<Outcome, string>> = {
  known: 'Passed before',
  new: 'Passed',
  comeBack: 'Passed, and asked to come back',
  hangup: 'Left before it was decided',
  pregreet: 'Spoke too early',
  dnsbl: 'On DNS lists',
  deepTests: 'Failed a test behind the greeting',
  accessList: 'On the access list',
  banned: 'Its network is banned',
  limits: 'A limit was reached',
  noBackend: 'Clean, but no mail server took it',
  backendRefused: 'The mail server refused it',
  shutdown: 'The gateway was stopped',
}

const longest = 200

/** @param texts the session's events in their order, see record-text.ts */
export function whyOf(outcome: Outcome, texts: readonly string[]): string {
  const found: string[] = []
  for (const [pattern, say] of words[outcome]) {
    const match = texts.map((text) => pattern.exec(text)).find((one) => one !== null)
    if (match !== undefined) found.push(say(match))
  }
  const isPass = outcome === 'known' || outcome === 'new'
  const why = (isPass ? found.join('; ') : found[0]) ?? ''
  const text = why === '' ? otherwise[outcome] : why
  return text.length > longest ? `${text.slice(0, longest)}…` : text
}
