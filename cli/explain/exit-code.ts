// The exit code of `postscreen explain`, for scripts.
import type { GatewayAnswer } from './answer.ts'

export const exitCodes = { handedOff: 0, notExplained: 1, wrongArguments: 2, refused: 3, deferred: 4, differ: 5 } as const

/** The code for one subject. A network has no verdict: it counts as handed off. */
export function exitCodeOf(answers: readonly GatewayAnswer[]): number {
  const pages = answers.flatMap(({ page }) => (page === undefined ? [] : [page]))
  if (pages.length === 0) return exitCodes.notExplained
  const outcomes = new Set(pages.map(({ address }) => address?.verdict.outcome ?? 'handedOff'))
  if (outcomes.size > 1) return exitCodes.differ
  if (outcomes.has('refused')) return exitCodes.refused
  return outcomes.has('handedOff') ? exitCodes.handedOff : exitCodes.deferred
}

/** Of several subjects: what needs attention most. */
export function worstOf(codes: readonly number[]): number {
  const order = [exitCodes.notExplained, exitCodes.differ, exitCodes.refused, exitCodes.deferred]
  return order.find((code) => codes.includes(code)) ?? exitCodes.handedOff
}
