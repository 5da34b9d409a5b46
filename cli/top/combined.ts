// The live pages of all gateways of a policy as those of one.
import type { HourAndDay } from '../../gateway/observability/live/minute-counts.ts'
import type { Fault } from '../cluster/live-faults.ts'
import { type Answers, type LivePage, type LivePolicy, minutesKept, type RefusedNetwork } from '../cluster/live-page.ts'
import { outcomes } from '../log/outcome.ts'

/** A gateway that was asked: its page, or why there is none. */
export interface AskedGateway {
  readonly name: string
  readonly page?: LivePage
  readonly error?: string
}

export interface ServerLine {
  readonly name: string
  readonly state: string
  readonly sessions: number
  readonly medianMs: number | undefined
}

export interface TopView {
  readonly namespace: string
  readonly policy: string
  /** Gateways that have answered, and those that have not, with the reason. */
  readonly gateways: number
  readonly silent: readonly { readonly name: string; readonly error: string }[]
  readonly draining: number
  /** The reasons of gateways that are not ready. */
  readonly notReady: readonly { readonly name: string; readonly reasons: readonly string[]; readonly since: number | undefined }[]
  /** One for each gateway that has one; the oldest first. */
  readonly policies: readonly LivePolicy[]
  /** Counts by outcome of 61 minutes, the last one not over, and since midnight. */
  readonly minutes: readonly (readonly number[])[]
  readonly lastMinute: number
  readonly today: readonly number[]
  readonly phases: Readonly<Record<string, number>>
  readonly lists: readonly (Answers & { readonly fault: Fault | undefined })[]
  readonly mailServers: readonly ServerLine[]
  readonly networks: readonly RefusedNetwork[]
  readonly reconnects: LivePage['reconnects']
  readonly limits: { readonly underTest: Used; readonly wait: Used; readonly oneAddress: Used }
  readonly stress: boolean
  readonly faults: readonly Fault[]
}

/** `of`: 0 without a limit. */
export interface Used {
  readonly now: number
  readonly of: number
}

/** @param now epoch milliseconds, for the time of a plot without numbers */
export function combined(
  place: { readonly namespace: string; readonly policy: string },
  asked: readonly AskedGateway[],
  now: number,
): TopView {
  const named = asked.flatMap(({ name, page }) => (page === undefined ? [] : [{ name, page }]))
  const pages = named.map(({ page }) => page)
  const policies = pages.flatMap(({ policy }) => (policy === undefined ? [] : [policy])).toSorted((a, b) => a.loadedAt - b.loadedAt)
  const hours = pages.flatMap((page) => (page.hour === undefined ? [] : [page.hour]))
  const lastMinute = hours.length === 0 ? Math.floor(now / minuteMs) * minuteMs : Math.max(...hours.map((hour) => hour.lastMinute))
  const faults = [...new Map(pages.flatMap((page) => page.faults).map((fault) => [fault.sentence, fault])).values()]
  return {
    ...place,
    gateways: pages.length,
    silent: asked.flatMap(({ name, error }) => (error === undefined ? [] : [{ name, error }])),
    draining: pages.filter(({ status }) => status.draining).length,
    notReady: named.flatMap(({ name, page }) => {
      const reasons = page.status.draining ? [] : page.status.notReady
      return reasons.length === 0 ? [] : [{ name, reasons, since: page.notReadySince }]
    }),
    policies,
    minutes: minutesOf(hours, lastMinute),
    lastMinute,
    today: sumOfRows(hours.map(({ today }) => today)),
    phases: sumOf(pages.map(({ status }) => status.phases)),
    lists: listsOf(pages, policies.at(-1)?.lists ?? [], faults),
    mailServers: mailServersOf(pages),
    networks: networksOf(pages),
    reconnects: reconnectsOf(pages),
    limits: limitsOf(pages),
    stress: pages.some(({ status }) => status.stress),
    faults,
  }
}

const minuteMs = 60_000

/** A gateway that was asked at the end of a minute has its rows one place later. */
function minutesOf(hours: readonly HourAndDay[], lastMinute: number): readonly (readonly number[])[] {
  return Array.from({ length: minutesKept }, (_, row) =>
    sumOfRows(hours.map((hour) => hour.minutes[row + (lastMinute - hour.lastMinute) / minuteMs] ?? [])),
  )
}

const sumOfRows = (rows: readonly (readonly number[])[]): readonly number[] =>
  outcomes.map((_, place) => rows.reduce((sum, row) => sum + (row[place] ?? 0), 0))

const total = <Item>(items: readonly Item[], of: (item: Item) => number): number => items.reduce((sum, item) => sum + of(item), 0)

function sumOf(parts: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, number>> {
  const sums: Record<string, number> = {}
  for (const [name, number] of parts.flatMap((part) => Object.entries(part))) sums[name] = (sums[name] ?? 0) + number
  return sums
}

/**
 * Medians of several gateways cannot be added. This is the one of the gateway in the middle, if each counts as often
 * as it was answered: near that of all answers together.
 */
function middle(parts: readonly Answers[]): number | undefined {
  const known = parts.flatMap(({ medianMs, answers }) => (medianMs === undefined ? [] : [{ medianMs, weight: Math.max(1, answers) }]))
  const half = total(known, ({ weight }) => weight) / 2
  let sum = 0
  return known.toSorted((a, b) => a.medianMs - b.medianMs).find(({ weight }) => (sum += weight) >= half)?.medianMs
}

const slowest = (parts: readonly Answers[]): number | undefined =>
  parts.reduce<number | undefined>((most, { slowMs }) => (slowMs === undefined ? most : Math.max(most ?? 0, slowMs)), undefined)

function listsOf(pages: readonly LivePage[], names: readonly string[], faults: readonly Fault[]): TopView['lists'] {
  const parts = Map.groupBy(
    pages.flatMap(({ lists }) => lists),
    ({ name }) => name,
  )
  return names.map((name) => {
    const some = parts.get(name) ?? []
    const [lastMinute, answers, listed] = [
      total(some, (one) => one.lastMinute),
      total(some, (one) => one.answers),
      total(some, (one) => one.listed),
    ]
    const fault = faults.find(({ is, about }) => is === 'list' && about === name)
    return { name, lastMinute, answers, listed, medianMs: middle(some), slowMs: slowest(some), fault }
  })
}

/** A mail server works if one of the gateways says so. */
function mailServersOf(pages: readonly LivePage[]): readonly ServerLine[] {
  const servers = Map.groupBy(
    pages.flatMap(({ status }) => status.mailServers),
    ({ name }) => name,
  )
  const greetings = pages.flatMap(({ mailServers }) => mailServers)
  return [...servers].map(([name, some]) => ({
    name,
    state: (some.find(({ state }) => state === 'working') ?? some[0])?.state ?? '',
    sessions: total(some, ({ sessions }) => sessions),
    medianMs: middle(greetings.filter((one) => one.name === name)),
  }))
}

function networksOf(pages: readonly LivePage[]): readonly RefusedNetwork[] {
  const found = Map.groupBy(
    pages.flatMap(({ networks }) => networks),
    ({ network }) => network,
  )
  return [...found]
    .map(([network, some]) => ({
      network,
      sessions: total(some, ({ sessions }) => sessions),
      mostly: some.toSorted((a, b) => b.sessions - a.sessions)[0]?.mostly ?? '',
    }))
    .toSorted((a, b) => b.sessions - a.sessions || (a.network < b.network ? -1 : 1))
}

/** The median is that of the gateway to which most have come back. */
function reconnectsOf(pages: readonly LivePage[]): LivePage['reconnects'] {
  const most = pages.map(({ reconnects }) => reconnects).toSorted((a, b) => b.came - a.came)[0]
  return {
    told: total(pages, ({ reconnects }) => reconnects.told),
    came: total(pages, ({ reconnects }) => reconnects.came),
    medianMs: most?.medianMs,
  }
}

/** Each gateway has limits of its own. From one address, the gateway with the most counts. */
function limitsOf(pages: readonly LivePage[]): TopView['limits'] {
  const most = pages.toSorted((a, b) => b.busiest - a.busiest)[0]
  return {
    underTest: {
      now: total(pages, ({ queues }) => Math.max(0, queues.check - queues.post)),
      of: total(pages, ({ policy }) => policy?.limits.preQueue ?? 0),
    },
    wait: { now: total(pages, ({ queues }) => queues.post), of: total(pages, ({ policy }) => policy?.limits.postQueue ?? 0) },
    oneAddress: { now: most?.busiest ?? 0, of: most?.policy?.limits.connectionsPerClient ?? 0 },
  }
}
