// What a gateway says on its page /live, as far as `postscreen top` shows it. A pod is not trusted: texts are made one
// line, and what has another form is left out.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { HourAndDay } from '../../gateway/observability/live/minute-counts.ts'
import { oneLine } from '../../operator/gateways/one-line.ts'
import { outcomes } from '../log/outcome.ts'
import { type Fault, faultsOf } from './live-faults.ts'
import { readStatusPage, type StatusPage } from '../../operator/overview/status-page.ts'

/** The minute that is not over, and sixty before it. */
export const minutesKept = 61

export interface LivePolicy {
  readonly mode: string
  readonly generation: number | undefined
  readonly hash: string
  /** Epoch milliseconds. */
  readonly loadedAt: number
  readonly greetWaitMs: number
  readonly threshold: number
  /** The DNS lists of the policy, each once. */
  readonly lists: readonly string[]
  /** 0: no limit. */
  readonly limits: { readonly preQueue: number; readonly postQueue: number; readonly connectionsPerClient: number }
}

/** How fast a DNS list or a mail server has answered in the last five minutes. */
export interface Answers {
  readonly name: string
  readonly lastMinute: number
  readonly answers: number
  readonly listed: number
  readonly medianMs: number | undefined
  readonly slowMs: number | undefined
}

export interface RefusedNetwork {
  readonly network: string
  readonly sessions: number
  readonly mostly: string
}

/** Times are epoch milliseconds. */
export interface LivePage {
  readonly at: number
  readonly status: StatusPage
  /** Counts in the order of `outcomes`; undefined before the first report. */
  readonly hour: HourAndDay | undefined
  /** Undefined: no policy yet. */
  readonly policy: LivePolicy | undefined
  readonly lists: readonly Answers[]
  readonly mailServers: readonly Answers[]
  readonly networks: readonly RefusedNetwork[]
  readonly reconnects: { readonly told: number; readonly came: number; readonly medianMs: number | undefined }
  /** The most connections that one client has. */
  readonly busiest: number
  readonly queues: { readonly check: number; readonly post: number }
  readonly notReadySince: number | undefined
  /** What needs attention, by DNS list, mail server and others. */
  readonly faults: readonly Fault[]
}

type Fields = Readonly<Record<string, unknown>>

const most = 1000
const text = (value: unknown): string => (typeof value === 'string' ? oneLine(value) : '')
const count = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) ? value : 0)
const maybe = (value: unknown): number | undefined => (typeof value === 'number' && Number.isFinite(value) ? value : undefined)
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.slice(0, most).filter(isObject) : [])

/** The page; undefined if it is not the live page of a gateway. */
export function readLivePage(value: unknown): LivePage | undefined {
  const fields = fieldsOf(value)
  const status = readStatusPage(fields['status'])
  if (status === undefined || typeof fields['at'] !== 'number') return undefined
  const queues = fieldsOf(fieldsOf(fields['status'])['queues'])
  const reconnects = fieldsOf(fields['reconnects'])
  return {
    at: count(fields['at']),
    status,
    hour: hourOf(fieldsOf(fields['hour']), Array.isArray(fields['outcomes']) ? fields['outcomes'] : []),
    policy: isObject(fields['policy']) ? policyOf(fields['policy']) : undefined,
    lists: answersOf(fields['lists']),
    mailServers: answersOf(fields['mailServers']),
    networks: listOf(fields['networks']).map(networkOf),
    reconnects: { told: count(reconnects['told']), came: count(reconnects['came']), medianMs: maybe(reconnects['medianMs']) },
    busiest: Math.max(0, ...listOf(fields['busiest']).map(({ connections }) => count(connections))),
    queues: { check: count(queues['check']), post: count(queues['post']) },
    notReadySince: maybe(fieldsOf(fields['since'])['notReady']),
    faults: faultsOf(fieldsOf(fields['status'])),
  }
}

/** Rows in the order of our outcomes. A newer gateway may have others: they count as those of the last one. */
function hourOf(hour: Fields, names: readonly unknown[]): HourAndDay | undefined {
  const { minutes, today } = hour
  if (!Array.isArray(minutes) || !Array.isArray(today)) return undefined
  const places = names.slice(0, most).map((name) => {
    const place = outcomes.findIndex((outcome) => outcome === name)
    return place === -1 ? outcomes.length - 1 : place
  })
  const inOrder = (row: unknown): readonly number[] => {
    const sums = outcomes.map(() => 0)
    for (const [at, place] of places.entries()) sums[place] = (sums[place] ?? 0) + count(Array.isArray(row) ? row[at] : 0)
    return sums
  }
  const rows = minutes.slice(-minutesKept).map(inOrder)
  const empty = Array.from({ length: minutesKept - rows.length }, () => outcomes.map(() => 0))
  return { lastMinute: count(hour['lastMinute']), minutes: [...empty, ...rows], today: inOrder(today), since: count(hour['since']) }
}

function policyOf(fields: Fields): LivePolicy {
  const limits = fieldsOf(fields['limits'])
  return {
    ...{ mode: text(fields['mode']), generation: maybe(fields['generation']), hash: text(fields['hash']) },
    ...{ loadedAt: count(fields['loadedAt']), greetWaitMs: count(fields['greetWaitMs']), threshold: count(fields['threshold']) },
    lists: [...new Set(listOf(fields['lists']).map(({ list }) => text(list)))],
    limits: {
      preQueue: count(limits['preQueue']),
      postQueue: count(limits['postQueue']),
      connectionsPerClient: count(limits['connectionsPerClient']),
    },
  }
}

const answersOf = (value: unknown): readonly Answers[] =>
  listOf(value).map(({ name, lastMinute, answers, listed, medianMs, slowMs }) => ({
    ...{ name: text(name), lastMinute: count(lastMinute), answers: count(answers), listed: count(listed) },
    ...{ medianMs: maybe(medianMs), slowMs: maybe(slowMs) },
  }))

function networkOf({ network, sessions, outcomes: counts }: Fields): RefusedNetwork {
  const [mostly] = Object.entries(fieldsOf(counts)).toSorted((a, b) => count(b[1]) - count(a[1]))
  return { network: text(network), sessions: count(sessions), mostly: text(mostly?.[0]) }
}
