// The record of a client in the temporary allowlist, as lines of text.
import type { AllowlistExplanation } from '../../gateway/core/explain/explanation.ts'
import { localTime, timeLeft } from '../allowlist/table.ts'
import { inColumns } from '../columns.ts'
import type { GatewayAnswer } from './answer.ts'

type Lines = readonly string[]

export const problemLines = (problem: string | null): Lines => (problem === null ? [] : [`problem: ${problem}`])

/** What one gateway knows of a client, for `postscreen allowlist get`. */
export function answerLines({ gateway, page, error }: GatewayAnswer): Lines {
  const records = [page?.address?.allowlist, ...(page?.network?.allowlist ?? [])].filter((record) => record !== undefined)
  const lines = error === undefined ? records.flatMap(recordLines) : [error]
  const all = [...(lines.length === 0 ? ['no records'] : lines), ...problemLines(page?.allowlist.problem ?? null)]
  return [`  ${gateway}`, ...all.map((line) => `    ${line}`)]
}

/** The tests that it has passed, each with its time. */
export function recordLines({ key, hasRecord, fromMemory, tests }: AllowlistExplanation): Lines {
  if (tests.length === 0) return [`no record under ${key}`]
  const now = Date.now() / 1000
  const rows = tests.map(({ test, enabled, state, until }) => {
    const time =
      until === undefined
        ? ''
        : state === 'passed'
          ? `until ${localTime(until)} (${timeLeft(until - now)} left)`
          : `since ${localTime(until)}`
    return ['', test, state === 'off' ? 'disabled when the record was written' : state, time, enabled ? '' : 'test disabled now']
  })
  const from = fromMemory ? 'another connection of it is being tested; its results so far' : 'record'
  return [`${from} under ${key}${fromMemory && !hasRecord ? ' (no record yet)' : ''}`, ...inColumns(rows)]
}
