// The remarks that are accepted: accepted.yaml lists each with its reason, and one that no longer occurs is a fault of that list.
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import type { Finding } from './finding.ts'

export interface Acceptance {
  /** `LINTER RULE`. */
  readonly remarks: readonly string[]
  /** Patterns of the objects or files that may have it; without them, all may. */
  readonly where?: readonly string[]
  /** A pattern that its text must match. */
  readonly message?: string
  readonly reason: string
}

export interface Judgement {
  readonly refused: readonly Finding[]
  readonly accepted: number
  /** What the list accepts and no linter remarks, in words. */
  readonly unused: readonly string[]
}

/** The list of the project. */
export const acceptedRemarks = (): readonly Acceptance[] =>
  load(readFileSync(new URL('accepted.yaml', import.meta.url), 'utf8')) as readonly Acceptance[]

const whole = (pattern: string, text: string): boolean => new RegExp(`^(?:${pattern})$`, 's').test(text)

function covers({ remarks, where, message }: Acceptance, finding: Finding): boolean {
  if (!remarks.includes(`${finding.linter} ${finding.rule}`)) return false
  if (where !== undefined && !where.some((pattern) => whole(pattern, finding.where))) return false
  return message === undefined || new RegExp(message).test(finding.message)
}

/** Sorts findings by the list. `ran` names the linters that ran: what is accepted of others is not expected to occur. */
export function judge(findings: readonly Finding[], list: readonly Acceptance[], ran: ReadonlySet<string>): Judgement {
  const refused = findings.filter((finding) => !list.some((one) => covers(one, finding)))
  const unused = list.flatMap((one) => {
    const remarks = one.remarks.filter((remark) => ran.has(remark.split(' ')[0] ?? ''))
    const occurs = (part: Partial<Acceptance>): boolean => findings.some((finding) => covers({ ...one, ...part }, finding))
    return [
      ...remarks.filter((remark) => !occurs({ remarks: [remark] })),
      ...(remarks.length === 0
        ? []
        : (one.where ?? []).filter((pattern) => !occurs({ where: [pattern] })).map((pattern) => `${remarks.join(', ')} at ${pattern}`)),
    ]
  })
  return { refused, accepted: findings.length - refused.length, unused }
}
