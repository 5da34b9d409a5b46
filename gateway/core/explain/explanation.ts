// Everything that decides about a client, as plain data: what `postscreen explain` prints and /explain answers.
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import type { Endpoint } from '../../../crds/values/endpoint.ts'
import { decodeRecord, disabledStamp, isDue, newStamp, type Stamps } from '../allowlist-record.ts'
import type { Screening } from '../clients.ts'
import { bit, indexOf } from '../tests.ts'
import { type TestName, testNames } from '../vocabulary.ts'
import type { Rules } from '../rules.ts'
import { type AccessPlace, accessPlace } from './access-place.ts'
import { type AddressExplanation, explainAddress } from './address-explanation.ts'
import { type BanExplanation, explainBan } from './ban-explanation.ts'
import { type DnsblExplanation, explainDnsbl } from './dnsbl-explanation.ts'
import { type LimitExplanation, limitsOf } from './limits.ts'
import { rehearse, type RehearsalInput, type TimedAnswer } from './rehearsal.ts'
import { type Verdict, verdictOf } from './verdict.ts'

/** One test in the client's record. `until`: epoch seconds, for a pass that holds or has expired. */
export interface TestExplanation {
  readonly test: TestName
  readonly enabled: boolean
  /** `off`: the test was disabled when the record was written. */
  readonly state: 'passed' | 'expired' | 'never passed' | 'off'
  readonly until?: number
}

export interface AllowlistExplanation {
  /** The key of the client: its address, or its network. */
  readonly key: string
  readonly hasRecord: boolean
  /** Another connection of the client is being tested now; its results are in memory. */
  readonly fromMemory: boolean
  readonly tests: readonly TestExplanation[]
}

/** What a gateway knows about an address. */
export interface ExplanationInput extends Omit<RehearsalInput, 'client' | 'answers'> {
  readonly address: string
  readonly spec: PolicySpec
  readonly rules: Rules
  readonly screening: Screening
  readonly answers: readonly TimedAnswer[]
  /** Whether the address is in probes.networks. */
  readonly isHealthCheck: boolean
  /** Whether all connections of the gateway are in use. */
  readonly isFull: boolean
}

export interface Explanation {
  readonly address: string
  readonly server: string
  readonly access: AccessPlace
  readonly denylistAction: string
  readonly clientAddress: AddressExplanation
  readonly isHealthCheck: boolean
  readonly allowlist: AllowlistExplanation
  readonly dnsbl: DnsblExplanation
  readonly limits: readonly LimitExplanation[]
  /** Left out when the policy has no bans. */
  readonly ban?: BanExplanation
  readonly stress: boolean
  readonly verdict: Verdict
}

/** The client's port has no meaning for any test. */
const anyPort = 1

/** Explains what happens to a client at this address that behaves well. */
export function explain(input: ExplanationInput): Explanation {
  const { address, rules, screening, spec } = input
  const client: Endpoint = { address, port: anyPort }
  const access = accessPlace(spec.access, rules.access.find(address), address)
  const limits = limitsOf(rules, screening, address)
  const ban = explainBan(rules, screening, address, input.now)
  const context = { address, access, limits, isHealthCheck: input.isHealthCheck, isFull: input.isFull }
  return {
    address,
    server: input.server.address,
    access,
    denylistAction: rules.deniedAction,
    clientAddress: explainAddress(rules, screening, address),
    isHealthCheck: input.isHealthCheck,
    allowlist: explainStamps({ ...input, key: rules.allowlistKey(address) }),
    dnsbl: explainDnsbl(rules, address, input.answers, screening.stress),
    limits,
    ...(ban !== undefined && { ban }),
    stress: screening.stress,
    verdict: verdictOf({ ...input, client }, context, rehearse),
  }
}

/** A client's record, and what is needed to explain it. `now` in epoch milliseconds. */
export interface RecordInput {
  readonly key: string
  readonly record: string | undefined
  readonly rules: Rules
  readonly screening: Screening
  readonly now: number
}

/** The client's record, test by test. */
export function explainStamps({ key, rules, screening, record, now }: RecordInput): AllowlistExplanation {
  const memory = screening.clients.get(key)?.stamps
  const fromMemory = memory !== undefined && memory[0] >= 0
  const stamps = fromMemory ? memory : record === undefined ? undefined : decodeRecord(record)
  const second = Math.floor(now / 1000)
  const tests = stamps === undefined ? [] : testNames.map((test) => explainStamp(test, stamps, rules, second))
  return { key, hasRecord: record !== undefined, fromMemory, tests }
}

function explainStamp(test: TestName, stamps: Readonly<Stamps>, { enabled }: Rules, second: number): TestExplanation {
  const stamp = stamps[indexOf[test]] ?? newStamp
  const about = { test, enabled: (enabled & bit[test]) !== 0 }
  if (stamp === newStamp) return { ...about, state: 'never passed' }
  if (stamp === disabledStamp) return { ...about, state: 'off' }
  return { ...about, state: isDue(stamp, second) ? 'expired' : 'passed', until: stamp }
}
