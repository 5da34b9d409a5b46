// The state of the DNS lists, as the log and the status page show it. A list is called by its public name.
import type { Log } from '../observability/log.ts'
import { type FaultReason, faultText } from './list-faults.ts'
import type { Standing } from './list-health.ts'
import type { ListMonitor } from './list-monitor.ts'
import type { ResolverState } from './list-verdict.ts'
import type { StandingChange, WatchedList } from './watched-list.ts'

/** One list on the status page. */
export interface ListReport {
  readonly list: string
  readonly state: Standing
  /** When this state began, in milliseconds since 1970. */
  readonly since: number
  /** Clients of this family only. */
  readonly family: 'IPv6' | undefined
  readonly reason: FaultReason | undefined
  /** What the list has answered at its test. */
  readonly answer: string | undefined
  /** What it means, and what to do. */
  readonly advice: string | undefined
  /** Whether it is used nevertheless. */
  readonly used: boolean
  readonly note: string | undefined
}

export interface ListsReport {
  readonly resolver: ResolverState
  readonly lists: readonly ListReport[]
}

const isKeyed = ({ list, known }: WatchedList): boolean => list.key !== undefined || known.facts?.keyed === true

const advice = (watched: WatchedList, reason: FaultReason): string => faultText(reason, isKeyed(watched), watched.known.facts?.closed)

/** @param nameOf the public name of a domain. @param suspends whether a list with a fault is not used */
export function reportOf(monitor: ListMonitor, nameOf: (domain: string) => string, suspends: boolean): ListsReport {
  const lists = monitor.lists().map((watched): ListReport => {
    const { standing, since, fault, note } = watched.shown
    const onlyIPv6 = !watched.isOnlyIPv6 && watched.shown === watched.IPv6
    return {
      list: nameOf(watched.list.domain),
      state: standing,
      since,
      family: onlyIPv6 ? 'IPv6' : undefined,
      reason: fault?.reason,
      answer: fault?.answer,
      advice: fault === undefined ? undefined : advice(watched, fault.reason),
      used: standing !== 'suspended' || !suspends,
      note,
    }
  })
  return { resolver: monitor.resolverState, lists }
}

const consequence = (suspends: boolean): string =>
  suspends ? 'It is not used until it is healthy again' : 'It is still used (dnsbl.whenUnhealthy: Keep)'

/** Logs that a list is no longer healthy, or is healthy again. Its first good test is not logged. */
export function logChange(
  log: Log,
  watched: WatchedList,
  change: StandingChange,
  context: { readonly list: string; readonly suspends: boolean },
): void {
  const { list, suspends } = context
  const { before, after, family } = change
  const clients = family === 'IPv6' && !watched.isOnlyIPv6 ? ' for IPv6 clients' : ''
  if (after.fault !== undefined) {
    // The resolver is reported once, not for each list.
    if (after.fault.reason === 'ResolverRewrites') return
    const { reason, answer } = after.fault
    const text = `DNS list ${list} is not healthy${clients}: ${reason} (answer: ${answer}): ${advice(watched, reason)}. ${consequence(suspends)}`
    log.warning(text, { event: 'DNS LIST UNHEALTHY', list, family, reason, answer, suspended: suspends })
  } else if (before.standing === 'suspended') {
    const seconds = Math.round((after.since - before.since) / 1000)
    const text = `DNS list ${list} is healthy again${clients} after ${seconds} s`
    log.info(text, { event: 'DNS LIST HEALTHY', list, family, reason: before.fault?.reason, seconds })
  }
}

/** Logs what the test of the DNS resolver has found. */
export function logResolver(log: Log, state: ResolverState, rewritten: readonly string[]): void {
  const event = 'DNS RESOLVER'
  switch (state) {
    case 'works':
      return log.info('the DNS resolver works again', { event, state })
    case 'down':
      return log.warning('the DNS resolver does not answer, so the DNS lists cannot be tested; their states stay as they are', {
        event,
        state,
      })
    case 'rewrites':
      return log.warning(
        `all DNS lists are not healthy: ResolverRewrites (answer: ${rewritten.join(' ')}): ${faultText('ResolverRewrites', false)}`,
        {
          event,
          state,
          answer: rewritten.join(' '),
        },
      )
  }
}
