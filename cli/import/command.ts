// The commands `postscreen import postfix` and `postscreen import zimbra`: arguments in, texts for the terminal and an
// exit code out.
import { copyFileSync, existsSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { Target } from './beside-policy.ts'
import type { ImportOptions, ImportResult } from './import-policy.ts'
import { importPostfix } from './postfix.ts'
import { ownProgram, shellQuote } from './shell-words.ts'
import type { TableStyle } from './source.ts'
import { readStandardInput, readTextFile, tableFilesBeside } from './table-files.ts'
import { importZimbra } from './zimbra.ts'

/** The result of a command. */
export interface CommandOutcome {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: 0 | 1
}

const optionLines = `  --name NAME              metadata.name of the policy (postscreen)
  --namespace NAMESPACE    metadata.namespace
  --backend HOST:PORT      the mail server that receives clean clients
  --for WHERE              kubernetes: refer to Secrets and ConfigMaps, and print the commands that create them;
                           host: refer to files of this host, and check that they exist
  --output FILE            write the policy to FILE, and its tables to the same folder (default: standard output)
  --tables WHEN            where long cidr: tables go: inline (in the policy), files (outside the policy),
                           or auto (in files if they have more than 1,000 networks) (auto)
  --allow-missing-tables[=NAME]
                           omit tables that cannot be read, with a note: all tables, or the table NAME
                           (type:path as in the message, path, file name or parameter; may be repeated)
  --keep-interfaces        keep the server addresses of postscreen_allowlist_interfaces, which belong to the old host
  --print-key NAME         print only the key of a DNS list, for the Secret or file NAME
`

export const importPostfixUsage = `Usage: postscreen import postfix MAIN.CF [options]

Converts the postscreen configuration of a Postfix to a PostscreenPolicy on standard output. MAIN.CF is a main.cf file,
or the output of "postconf -n", with that of "postconf -P" if master.cf contains options; - reads standard
input. Tables are searched in the folder of MAIN.CF, then at their own path.

  --master-cf FILE         master.cf, for the options of the service (-o name=value); default: the one in the folder of MAIN.CF
  --service NAME           the service of master.cf to import, such as smtp or 10025; default: the only postscreen service
${optionLines}`

export const importZimbraUsage = `Usage: postscreen import zimbra FILE [options]

Converts the postscreen settings of Zimbra or Carbonio to a PostscreenPolicy on standard output. FILE contains the
output of "zmprov gacf" or "zmprov gs HOST"; - reads standard input. Tables are searched in the folder of FILE,
then at their own path.

${optionLines}`

const failure = (text: string): CommandOutcome => ({ stdout: '', stderr: text, exitCode: 1 })

interface Arguments extends ImportOptions {
  readonly file: string
  readonly masterCf: string | undefined
  readonly service: string | undefined
  readonly output: string | undefined
  readonly printKey: string | undefined
}

const isStyle = (word: string): word is TableStyle => word === 'auto' || word === 'inline' || word === 'files'
const isTarget = (word: string): word is Target => word === 'kubernetes' || word === 'host'

const options = {
  name: { type: 'string' },
  namespace: { type: 'string' },
  backend: { type: 'string' },
  for: { type: 'string' },
  output: { type: 'string' },
  tables: { type: 'string' },
  'allow-missing-tables': { type: 'string', multiple: true },
  'keep-interfaces': { type: 'boolean' },
  'print-key': { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

const postfixOptions = { 'master-cf': { type: 'string' }, service: { type: 'string' } } as const

export const importOptions = { ...options, ...postfixOptions } as const

/** Stands for the option without a name; no table has this name. */
const everyTable = '*'

/** The arguments, or the problem with them. */
function parseArguments(argv: readonly string[], system: System): Arguments | { readonly help: true } | { readonly why: string } {
  try {
    const { values, positionals } = parseArgs({
      args: argv.map((word) => (word === '--allow-missing-tables' ? `${word}=${everyTable}` : word)),
      allowPositionals: true,
      options: importOptions,
    })
    if (values.help === true) return { help: true }
    const [file, ...more] = positionals
    if (file === undefined) return { why: 'expected a file, or - for standard input' }
    if (more.length > 0) return { why: `expected one file; unexpected ${more.join(' ')}` }
    const { name, namespace, backend, tables, output, for: target, service, 'master-cf': masterCf } = values
    if (system === 'zimbra' && (service ?? masterCf) !== undefined)
      return { why: '--service and --master-cf can be used only with import postfix' }
    if (tables !== undefined && !isStyle(tables)) return { why: `--tables must be one of auto, inline, files` }
    if (target !== undefined && !isTarget(target)) return { why: `--for must be one of kubernetes, host` }
    const missing = values['allow-missing-tables'] ?? []
    return {
      ...{ file, name, namespace, backend, tables, target, output, service, masterCf },
      allowMissingTables: missing.includes(everyTable) ? 'all' : missing,
      keepInterfaces: values['keep-interfaces'] ?? false,
      printKey: values['print-key'],
      ownCommand: ownCommand(system, argv, file),
    }
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) }
  }
}

/**
 * The command as it was typed, without the options that only affect its output; undefined for standard input, which
 * cannot be read again.
 */
function ownCommand(system: System, argv: readonly string[], file: string): string | undefined {
  if (file === '-') return undefined
  const kept = argv.filter((word, at) => !/^--output(=|$)/.test(word) && argv[at - 1] !== '--output')
  return [ownProgram(), 'import', system, ...kept.map(shellQuote)].join(' ')
}

type System = 'postfix' | 'zimbra'

/** The text of an input, and its name in messages. */
function readInput(file: string): { readonly text: string; readonly file: string } | { readonly why: string } {
  const read = file === '-' ? readStandardInput() : readTextFile(file)
  if ('why' in read) return { why: `${file}: ${read.why}` }
  return { text: read.text, file: file === '-' ? 'standard input' : (file.split('/').at(-1) ?? file) }
}

/** The master.cf that was given, or the one beside the input. */
function readMasterCf({ file, masterCf }: Arguments): ReturnType<typeof readInput> | undefined {
  if (masterCf !== undefined) return readInput(masterCf)
  const beside = join(dirname(file), 'master.cf')
  return file !== '-' && existsSync(beside) && resolve(beside) !== resolve(file) ? readInput(beside) : undefined
}

function importInput(system: System, given: Arguments): ImportResult | { readonly why: string } {
  const { file, masterCf: _, ...rest } = given
  const input = readInput(file)
  if ('why' in input) return input
  const files = tableFilesBeside(file === '-' ? '.' : dirname(file), { onHost: given.target === 'host' })
  if (system === 'zimbra') return importZimbra({ ...rest, ...input, files })
  const masterCf = readMasterCf(given)
  if (masterCf !== undefined && 'why' in masterCf) return masterCf
  return importPostfix({ ...rest, ...input, files, masterCf })
}

function run(argv: readonly string[], usage: string, system: System): CommandOutcome {
  const parsed = parseArguments(argv, system)
  if ('help' in parsed) return { stdout: usage, stderr: '', exitCode: 0 }
  if ('why' in parsed) return failure(`${parsed.why}\n\n${usage}`)
  const result = importInput(system, parsed)
  if ('why' in result) return failure(`error: ${result.why}\n`)
  if (parsed.printKey !== undefined) return printKey(parsed.printKey, result)
  const { yaml, errors, notes, commands } = result
  const steps =
    commands.length === 0
      ? ''
      : `commands that create the objects and files that the policy refers to:\n${commands.map((line) => `  ${line}\n`).join('')}`
  const messages = [...errors.map((text) => `error: ${text}\n`), ...notes.map((text) => `note: ${text}\n`)].join('')
  if (yaml === undefined) return failure(messages)
  if (parsed.output === undefined) return { stdout: yaml, stderr: messages + steps, exitCode: 0 }
  const problem = writeOutput(parsed.output, yaml, result.copies)
  return problem === undefined ? { stdout: '', stderr: messages + steps, exitCode: 0 } : failure(`${messages}error: ${problem}\n`)
}

function printKey(name: string, { keys }: ImportResult): CommandOutcome {
  const key = keys.get(name)
  if (key !== undefined) return { stdout: key, stderr: '', exitCode: 0 }
  const known = [...keys.keys()].join(', ')
  return failure(`error: --print-key ${name}: the input does not contain this key; expected one of ${known === '' ? 'none' : known}\n`)
}

/** Writes the policy and, beside it, the tables that it names. @returns the files that could not be written */
function writeOutput(path: string, yaml: string, copies: ReadonlyMap<string, string>): string | undefined {
  try {
    for (const [name, from] of copies) {
      const to = join(dirname(path), name)
      if (resolve(to) !== resolve(from)) copyFileSync(from, to)
    }
    writeFileSync(path, yaml)
    return undefined
  } catch (error) {
    return `--output ${path}: cannot be written: ${error instanceof Error ? error.message : String(error)}`
  }
}

/** `postscreen import postfix …`; `argv` contains the words after these. */
export const importPostfixCommand = (argv: readonly string[]): CommandOutcome => run(argv, importPostfixUsage, 'postfix')

/** `postscreen import zimbra …`; `argv` contains the words after these. */
export const importZimbraCommand = (argv: readonly string[]): CommandOutcome => run(argv, importZimbraUsage, 'zimbra')
