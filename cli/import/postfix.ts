// Imports main.cf, or the output of `postconf -n`, as a policy.
import { Configuration } from './configuration.ts'
import { Findings } from './findings.ts'
import { buildPolicy, type ImportOptions, type ImportResult } from './import-policy.ts'
import { LookupTables, type TableFiles } from './lookup-table.ts'
import { parseMainCf } from './main-cf.ts'
import type { Source } from './source.ts'

export interface PostfixInput extends ImportOptions {
  /** Text of main.cf or of `postconf -n`. */
  readonly text: string
  /** Its name in messages and in the comment at the head of the policy. */
  readonly file: string
  readonly files: TableFiles
}

/** Turns the parameters of postscreen, and those that it inherits from smtpd, into a policy. Never throws for what the input says. */
export function importPostfix(input: PostfixInput): ImportResult {
  const findings = new Findings()
  const { settings, errors, notes } = parseMainCf(input.text, input.file)
  for (const error of errors) findings.error(error)
  for (const note of notes) findings.note(note)
  if (settings.size === 0 && errors.length === 0) findings.error(`${input.file}: has no parameters`)
  if (settings.size === 0) return { yaml: undefined, errors: findings.errors, notes: findings.notes }
  const source: Source = {
    configuration: new Configuration(settings),
    findings,
    tables: new LookupTables(input.files, findings, { allowMissing: input.allowMissingTables ?? false }),
    tableStyle: input.tables ?? 'auto',
    nameFor: (parameter) => parameter,
  }
  return buildPolicy(source, input, input.file)
}
