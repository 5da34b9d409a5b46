// One DNS list of the policy with its state, for each family of clients.
import type { KnownList } from '../../crds/dns-lists/known-list.ts'
import type { DnsblList, DnsblRules } from '../core/dnsbl.ts'
import type { DnsblAnswer } from '../core/vocabulary.ts'
import { afterTest, type HealthRules, type HealthState, newHealth, type Standing } from './list-health.ts'
import type { Suspicion } from './list-share.ts'
import { listName } from './list-sharing.ts'
import type { ListVerdicts } from './list-test.ts'
import type { ListVerdict } from './list-verdict.ts'

/** What happened to the standing of a list, for the log. */
export interface StandingChange {
  readonly family: 'IPv4' | 'IPv6'
  readonly before: HealthState
  readonly after: HealthState
}

export class WatchedList {
  readonly name: string
  readonly list: DnsblList
  readonly known: KnownList
  /** Some of its weights are negative. */
  readonly isAllow: boolean
  IPv4: HealthState
  IPv6: HealthState | undefined
  /** How many tests there were. */
  turn = 0
  isRunning = false
  /** The client whose answer should be checked with the next test. */
  doubt: string | undefined
  /** Why its share of clients is suspicious, and when it became so, as a time of the monotonic clock. */
  suspicion: (Suspicion & { readonly at: number }) | undefined
  /** How often a share that may be usual caused a test. */
  unfounded = 0
  /** When the last test was, and when the next one is due, as times of the monotonic clock. */
  testedAt = Number.NEGATIVE_INFINITY
  dueAt = Number.POSITIVE_INFINITY
  /** The addresses that it listed for clients show that it is not empty, although it has no test point. */
  hasListed = false

  constructor(list: DnsblList, { sites, known }: DnsblRules, now: number) {
    this.name = listName(list)
    this.list = list
    const found = known.get(list.domain)
    if (found === undefined) throw new Error(`nothing is known about ${list.domain}`)
    this.known = found
    this.isAllow = sites.some((site) => site.domain === list.domain && site.account === list.account && site.weight < 0)
    this.IPv4 = newHealth(now)
    this.IPv6 = found.IPv6 === undefined ? undefined : newHealth(now)
  }

  /** A list of IPv6 clients only has one state. */
  get isOnlyIPv6(): boolean {
    const { listed, notListed } = this.known.IPv4
    return listed.length + notListed.length === 0 && this.known.IPv6 !== undefined
  }

  /** Whether answers about this client count. */
  standingFor(client: string): DnsblAnswer['standing'] {
    if (this.IPv4.standing === 'healthy' && this.IPv6 === undefined) return undefined
    const six = client.includes(':') ? this.IPv6 : undefined
    if (this.#isLeftOut(this.IPv4) || (six !== undefined && this.#isLeftOut(six))) return 'suspended'
    const state = this.isOnlyIPv6 ? (this.IPv6 ?? this.IPv4) : this.IPv4
    return state.standing === 'unknown' && this.isAllow ? 'unproven' : undefined
  }

  /** The worse standing of its families. */
  get standing(): Standing {
    return this.shown.standing
  }

  /** The state that people should see: that of IPv6 clients if only they have a fault. */
  get shown(): HealthState {
    const six = this.IPv6
    if (six === undefined) return this.IPv4
    return this.isOnlyIPv6 || (six.standing === 'suspended' && this.IPv4.standing !== 'suspended') ? six : this.IPv4
  }

  /** @returns what changed, and how long to wait for the next test */
  tested(verdicts: ListVerdicts, now: number, everyMs: number): { readonly changes: readonly StandingChange[]; readonly nextMs: number } {
    const rules: HealthRules = { everyMs, isAllow: this.isAllow }
    const changes: StandingChange[] = []
    const step = (family: 'IPv4' | 'IPv6', before: HealthState, verdict: ListVerdict): number => {
      const { state, nextMs } = afterTest(before, this.#suspected(this.#lenient(verdict)), now, rules)
      this[family] = state
      changes.push({ family, before, after: state })
      return nextMs
    }
    const nextMs = [step('IPv4', this.IPv4, verdicts.IPv4)]
    if (this.IPv6 !== undefined && verdicts.IPv6 !== undefined) nextMs.push(step('IPv6', this.IPv6, verdicts.IPv6))
    return { changes: changes.filter(isChange), nextMs: Math.min(...nextMs) }
  }

  /** Takes the states that another process has found. @returns what changed */
  learn(IPv4: HealthState, IPv6: HealthState | undefined): readonly StandingChange[] {
    const changes: StandingChange[] = [{ family: 'IPv4', before: this.IPv4, after: IPv4 }]
    this.IPv4 = IPv4
    if (this.IPv6 !== undefined && IPv6 !== undefined) {
      changes.push({ family: 'IPv6', before: this.IPv6, after: IPv6 })
      this.IPv6 = IPv6
    }
    return changes.filter(isChange)
  }

  /**
   * A list without an entry in the catalogue may have no test point. While it lists clients it is not empty, so that a
   * missing test point is not a fault.
   */
  #lenient(verdict: ListVerdict): ListVerdict {
    const isExcused = verdict.is === 'faulty' && verdict.reason === 'NoTestEntry' && this.known.pointsAreAssumed && this.hasListed
    return isExcused ? { is: 'untested' } : verdict
  }

  /**
   * A block list of which nothing is known but that its test point is missing is still asked: an empty list does
   * no harm, and a private one may have no test point. An answer that lists a client shows which of the two it is.
   */
  #isLeftOut({ standing, fault }: HealthState): boolean {
    if (standing !== 'suspended') return false
    return this.isAllow || !this.known.pointsAreAssumed || fault?.reason !== 'NoTestEntry'
  }

  /** A fault that the test has found explains the share better. */
  #suspected(verdict: ListVerdict): ListVerdict {
    if (this.suspicion?.isSudden !== true || verdict.is === 'faulty' || verdict.is === 'unclear') return verdict
    return { is: 'faulty', kind: 'hard', reason: 'SuspiciousShare', answer: this.suspicion.text }
  }
}

/** A new reason while a list is suspended is a change too. */
function isChange({ before, after }: StandingChange): boolean {
  return before.standing !== after.standing || before.fault?.reason !== after.fault?.reason
}
