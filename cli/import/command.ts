// The commands `postscreen import postfix` and `postscreen import zimbra`: arguments in, texts for the terminal and an exit code out.
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import type { ImportOptions, ImportResult } from './import-policy.ts'
import { importPostfix } from './postfix.ts'
import type { TableStyle } from './source.ts'
import { readStandardInput, readTextFile, tableFilesBeside } from './table-files.ts'
import { importZimbra } from './zimbra.ts'

/** What a command leaves behind. */
export interface CommandOutcome {
  readonly stdout: string
  readonly stderr: string
  readonly exitCode: 0 | 1
}

const optionLines = `  --name NAME              metadata.name of the policy (postscreen)
  --namespace NAMESPACE    metadata.namespace
  --backend HOST:PORT      the mail server that clean clients are handed on to
  --tables WHEN            long cidr: tables: inline (in the policy), files (beside it),
                           or auto: more than 1,000 networks stay in their file (auto)
  --allow-missing-tables   leave out tables that cannot be read, with a note
`

export const importPostfixUsage = `Usage: postscreen import postfix MAIN.CF [options]

Writes a PostscreenPolicy for the postscreen of a Postfix to standard output. MAIN.CF is its main.cf,
or the output of "postconf -n"; - reads standard input. Tables that it names are looked for beside it,
then under their path. Options of master.cf (-o name=value) are not seen.

${optionLines}`

export const importZimbraUsage = `Usage: postscreen import zimbra FILE [options]

Writes a PostscreenPolicy for the postscreen of a Zimbra or Carbonio to standard output. FILE has the output
of "zmprov gacf" or "zmprov gs HOST"; - reads standard input. Tables that it names are looked for beside it,
then under their path.

${optionLines}`

const failure = (text: string): CommandOutcome => ({ stdout: '', stderr: text, exitCode: 1 })

interface Arguments extends ImportOptions {
  readonly file: string
}

const isStyle = (word: string): word is TableStyle => word === 'auto' || word === 'inline' || word === 'files'

/** The arguments, or what is wrong with them. */
function parseArguments(argv: readonly string[]): Arguments | { readonly help: true } | { readonly why: string } {
  try {
    const { values, positionals } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        name: { type: 'string' },
        namespace: { type: 'string' },
        backend: { type: 'string' },
        tables: { type: 'string' },
        'allow-missing-tables': { type: 'boolean' },
        help: { type: 'boolean', short: 'h' },
      },
    })
    if (values.help === true) return { help: true }
    const [file, ...more] = positionals
    if (file === undefined) return { why: 'name a file, or - for standard input' }
    if (more.length > 0) return { why: `one file at a time; ${more.join(' ')} is too much` }
    const { name, namespace, backend, tables } = values
    if (tables !== undefined && !isStyle(tables)) return { why: `--tables must be one of auto, inline, files` }
    return { file, name, namespace, backend, tables, allowMissingTables: values['allow-missing-tables'] ?? false }
  } catch (error) {
    return { why: error instanceof Error ? error.message : String(error) }
  }
}

type Import = (
  input: ImportOptions & { readonly text: string; readonly file: string; readonly files: ReturnType<typeof tableFilesBeside> },
) => ImportResult

function run(argv: readonly string[], usage: string, importText: Import): CommandOutcome {
  const parsed = parseArguments(argv)
  if ('help' in parsed) return { stdout: usage, stderr: '', exitCode: 0 }
  if ('why' in parsed) return failure(`${parsed.why}\n\n${usage}`)
  const { file, ...options } = parsed
  const input = file === '-' ? readStandardInput() : readTextFile(file)
  if ('why' in input) return failure(`error: ${file}: ${input.why}\n`)
  const folder = file === '-' ? '.' : dirname(file)
  const shown = file === '-' ? 'standard input' : (file.split('/').at(-1) ?? file)
  const { yaml, errors, notes } = importText({ ...options, text: input.text, file: shown, files: tableFilesBeside(folder) })
  const messages = [...errors.map((text) => `error: ${text}\n`), ...notes.map((text) => `note: ${text}\n`)].join('')
  return yaml === undefined ? failure(messages) : { stdout: yaml, stderr: messages, exitCode: 0 }
}

/** `postscreen import postfix …`; `argv` begins behind these words. */
export const importPostfixCommand = (argv: readonly string[]): CommandOutcome => run(argv, importPostfixUsage, importPostfix)

/** `postscreen import zimbra …`; `argv` begins behind these words. */
export const importZimbraCommand = (argv: readonly string[]): CommandOutcome => run(argv, importZimbraUsage, importZimbra)
