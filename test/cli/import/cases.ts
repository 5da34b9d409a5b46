// Runs an import on files that a test writes down.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { load } from 'js-yaml'
import { type CommandOutcome, importPostfixCommand, importZimbraCommand } from '../../../cli/import/command.ts'

export interface Imported extends CommandOutcome {
  /** spec of the policy, from standard output. */
  readonly spec: Readonly<Record<string, unknown>> | undefined
  /** spec.dnsbl; empty where there is none. */
  readonly dnsbl: Readonly<Record<string, unknown>>
  readonly errors: readonly string[]
  readonly notes: readonly string[]
  readonly commands: readonly string[]
}

const linesOf = (text: string, start: string): readonly string[] =>
  text
    .split('\n')
    .filter((line) => line.startsWith(start))
    .map((line) => line.slice(start.length))

/** Writes the files into a folder of their own and imports the first one. The folder is there while `use` runs. */
export function importFiles<T>(
  system: 'postfix' | 'zimbra',
  files: Readonly<Record<string, string | Buffer>>,
  options: readonly string[],
  use: (imported: Imported, folder: string) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), 'import-'))
  try {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true })
      writeFileSync(join(folder, name), text)
    }
    const [first = ''] = Object.keys(files)
    const command = system === 'postfix' ? importPostfixCommand : importZimbraCommand
    const outcome = command([join(folder, first), ...options.map((word) => word.replaceAll('FOLDER', folder))])
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the tests compare what is in it
    const manifest = (outcome.stdout.includes('kind:') ? load(outcome.stdout) : {}) as {
      readonly spec?: Record<string, unknown> & { readonly dnsbl?: Record<string, unknown> }
    }
    return use(
      {
        ...outcome,
        spec: manifest.spec,
        dnsbl: manifest.spec?.dnsbl ?? {},
        errors: linesOf(outcome.stderr, 'error: '),
        notes: linesOf(outcome.stderr, 'note: '),
        commands: linesOf(outcome.stderr, '  '),
      },
      folder,
    )
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same for main.cf's text alone, with a master.cf that says nothing. */
export const importMain = (text: string, ...options: readonly string[]): Imported =>
  importFiles('postfix', { 'main.cf': text }, options, (imported) => imported)
