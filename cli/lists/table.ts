// Prints the result of `postscreen lists check` as a table, with what to do below it.
import { inColumns } from '../columns.ts'
import type { Checked, CheckedList } from './check.ts'

const head = ['LIST', 'WEIGHT', 'STATE', 'REASON', 'ANSWER'] as const

function rowOf({ list, weights, state, family, reason, answer }: CheckedList): readonly string[] {
  const ofFamily = family === undefined ? '' : ` (${family})`
  return [list, weights.length === 0 ? '-' : weights.join(','), `${state}${ofFamily}`, reason ?? '-', answer ?? '-']
}

const resolverLines: Readonly<Record<Checked['resolver'], readonly string[]>> = {
  works: [],
  down: ['The DNS resolver does not answer: nothing can be said about the lists. Check the network, or set --resolver or dnsbl.resolvers.'],
  rewrites: ['The DNS resolver answers with addresses for names that do not exist: no list can be used with it.'],
}

/** The lines of the table. */
export function tableOf({ resolver, lists }: Checked): readonly string[] {
  const table = inColumns([head, ...lists.map(rowOf)])
  const advice = lists.flatMap(({ list, advice: text }) => (text === undefined ? [] : [`${list}: ${text}`]))
  return [...resolverLines[resolver], ...table, ...(advice.length > 0 ? ['', ...advice] : [])]
}
