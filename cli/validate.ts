// `postscreen validate`: checks policy files and reports every problem with its file, its path and what is allowed.
import { visibleText } from '../crds/values/visible-text.ts'
import { noticesOf } from '../crds/notices.ts'
import { rejectsSome } from '../gateway/core/access-list.ts'
import { policyPatchProblems } from '../operator/desired/patch/policy-problems.ts'
import type { Problem } from '../crds/problems.ts'
import { loadPolicy } from '../gateway/policy-files/policy-file.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'

const name = commandName('validate')

const help = `Usage: ${name} FILE…

Checks PostscreenPolicy manifests, and the table, key and TLS files that they refer to. Secrets and ConfigMaps of a cluster are not checked.
Prints every problem as FILE: PATH: what is allowed.
Exit codes: 0 if all files are valid, 1 if one is not, 2 for wrong arguments.
`

const options = { help: { type: 'boolean', short: 'h' } } as const

/** @returns the exit code */
export async function validate(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const files = read.run.positionals
  if (files.length === 0) return wrongArguments(name, 'expected at least one file')
  let bad = false
  for (const file of files) bad = !isGood(file) || bad
  return bad ? 1 : 0
}

function isGood(file: string): boolean {
  const reading = loadPolicy(file, 'elsewhere')
  if ('loaded' in reading) {
    for (const { table, lines, first } of reading.loaded.skipped) {
      for (const { line, why } of first) console.error(`${file}: warning: ${table}, line ${line}: ${why}: this line is skipped`)
      if (lines > first.length) console.error(`${file}: warning: ${table}: ${lines - first.length} more such lines are skipped`)
    }
    const { metadata, spec } = reading.loaded.policy
    const patches = policyPatchProblems(reading.loaded.policy)
    if (patches.length > 0) return refused(file, patches)
    const tablesReject = [...reading.loaded.tables.values()].some(rejectsSome)
    console.log(`${file}: PostscreenPolicy ${metadata.name} is valid`)
    for (const notice of noticesOf(spec, tablesReject)) console.error(`${file}: warning: ${notice}`)
    return true
  }
  return refused(file, reading.problems)
}

function refused(file: string, problems: readonly Problem[]): false {
  for (const { path, why } of problems) console.error(visibleText(`${file}: ${path}: ${why}`))
  return false
}

export const validateCommand: LoadedCommand = { run: validate, options, takes: 'file' }
