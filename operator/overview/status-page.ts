// What a gateway says on its page /status, as far as people are shown it. A pod is not trusted: texts are made one
// line, and what has another form is left out.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { oneLine } from '../gateways/one-line.ts'

export interface MailServer {
  readonly name: string
  /** `working`, `failing`, `misconfigured`, or a newer word. */
  readonly state: string
  readonly sessions: number
  readonly error: string | undefined
  readonly restMs: number | undefined
}

export interface DnsList {
  readonly name: string
  /** The result of the tests: `healthy`, `unknown`, `faulty`, … */
  readonly state: string
  readonly used: boolean
}

export interface StatusPage {
  readonly version: string
  readonly ready: boolean
  readonly notReady: readonly string[]
  readonly draining: boolean
  readonly generation: number | undefined
  readonly hash: string
  readonly mode: string
  readonly loadedAt: string
  /** Sessions in each phase. */
  readonly phases: Readonly<Record<string, number>>
  readonly stress: boolean
  readonly mailServers: readonly MailServer[]
  readonly lists: readonly DnsList[]
}

type Fields = Readonly<Record<string, unknown>>

const most = 1000
const text = (value: unknown): string => (typeof value === 'string' ? oneLine(value) : '')
const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.slice(0, most).filter(isObject) : [])

/** The page; undefined if it is not the status page of a gateway. */
export function readStatusPage(value: unknown): StatusPage | undefined {
  const fields = fieldsOf(value)
  if (typeof fields['version'] !== 'string' || typeof fields['ready'] !== 'boolean') return undefined
  const policy = fieldsOf(fields['policy'])
  const generation = policy['generation']
  return {
    version: text(fields['version']),
    ready: fields['ready'],
    notReady: Array.isArray(fields['notReady']) ? fields['notReady'].slice(0, most).map(text) : [],
    draining: fields['draining'] === true,
    generation: typeof generation === 'number' ? generation : undefined,
    ...{ hash: text(policy['hash']), mode: text(policy['mode']), loadedAt: text(policy['loadedAt']) },
    phases: Object.fromEntries(
      Object.entries(fieldsOf(fields['sessions']))
        .slice(0, most)
        .map(([name, number]) => [oneLine(name), count(number)]),
    ),
    stress: fieldsOf(fields['queues'])['stress'] === true,
    mailServers: listOf(fields['backends']).flatMap(mailServersOf),
    lists: listOf(fieldsOf(fields['dnsbl'])['lists']).map(({ list, state, used }) => ({
      ...{ name: text(list), state: text(state), used: used !== false },
    })),
  }
}

/** A name without addresses is a mail server that cannot be found. */
function mailServersOf({ backend, addresses, lookupError }: Fields): readonly MailServer[] {
  const found = listOf(addresses).map(({ label, state, sessions, lastError, restMs }) => ({
    name: text(label),
    state: text(state),
    sessions: count(sessions),
    error: typeof lastError === 'string' ? oneLine(lastError) : undefined,
    restMs: typeof restMs === 'number' ? restMs : undefined,
  }))
  if (found.length > 0) return found
  const error = typeof lookupError === 'string' ? oneLine(lookupError) : undefined
  return [{ name: text(backend), state: 'not found', sessions: 0, error, restMs: undefined }]
}
