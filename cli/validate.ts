// `postscreen validate`: checks policy files and reports every problem with its file, its path and what is allowed.
import { readFile } from 'node:fs/promises'
import { readPolicyText } from '../crds/policy.ts'
import { readArguments, wrongArguments } from './arguments.ts'

const name = 'postscreen validate'

const help = `Usage: ${name} FILE…

Checks PostscreenPolicy manifests. Prints every problem as FILE: PATH: what is allowed.
Exits with 0 when all are good, 1 when one is not, 2 for wrong arguments.
`

/** @returns the exit code */
export async function validate(args: readonly string[]): Promise<number> {
  const options = { help: { type: 'boolean', short: 'h' } } as const
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const files = read.run.positionals
  if (files.length === 0) return wrongArguments(name, 'name at least one file')
  let bad = false
  for (const file of files) bad = !(await isGood(file)) || bad
  return bad ? 1 : 0
}

async function isGood(file: string): Promise<boolean> {
  let text: string
  try {
    text = await readFile(file, 'utf8')
  } catch (error) {
    console.error(`${file}: ${error instanceof Error ? error.message : String(error)}`)
    return false
  }
  const read = readPolicyText(text)
  if ('policy' in read) {
    console.log(`${file}: PostscreenPolicy ${read.policy.metadata.name} is valid`)
    return true
  }
  for (const { path, why } of read.problems) console.error(`${file}: ${path === '' ? '' : `${path}: `}${why}`)
  return false
}
