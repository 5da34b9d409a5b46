// `postscreen allowlist`: moves the temporary allowlist between a data directory and the text that `postmap -s` prints.
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { pipeline } from 'node:stream/promises'
import { openLmdbAllowlist } from '../gateway/io/allowlist/allowlist-lmdb.ts'
import type { AllowlistStore } from '../gateway/io/allowlist/allowlist-store.ts'
import { exportAllowlist, importAllowlist } from '../gateway/io/allowlist/allowlist-text.ts'
import { messageOf } from '../gateway/io/caught.ts'
import { readArguments, wrongArguments } from './arguments.ts'

const name = 'postscreen allowlist'

const help = `Usage: ${name} export --data-dir DIR
       ${name} import --data-dir DIR [FILE]

export writes the temporary allowlist of a gateway's data directory to standard output, one line a client:
ADDRESS<TAB>pregreet;dnsbl;pipelining;nonSMTPCommand;bareNewline, each the epoch second until which a pass holds.
import puts such lines into it; FILE or standard input. The gateway may run meanwhile.

From a Postfix:  postmap -s lmdb:/var/lib/postfix/postscreen_cache | ${name} import --data-dir DIR
To a Postfix:    ${name} export --data-dir DIR > cache; postmap -f lmdb:cache
`

const warn = (text: string): void => console.error(`${name}: warning: ${text}`)
/** @returns the exit code */
export async function allowlist(args: readonly string[]): Promise<number> {
  const options = { 'data-dir': { type: 'string' }, help: { type: 'boolean', short: 'h' } } as const
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [action, file, ...more] = read.run.positionals
  const directory = read.run.values['data-dir']
  if (action !== 'export' && action !== 'import') return wrongArguments(name, 'say export or import')
  if (directory === undefined) return wrongArguments(name, 'name the data directory: --data-dir DIR')
  if (more.length > 0 || (action === 'export' && file !== undefined)) return wrongArguments(name, `${more[0] ?? file} is too much`)
  try {
    if (action === 'export') await stat(directory)
    const store = await openLmdbAllowlist({ directory, warn })
    try {
      return action === 'export' ? await writeOut(store) : await readIn(store, file)
    } finally {
      await store.close()
    }
  } catch (error) {
    console.error(`${name}: ${messageOf(error)}`)
    return 1
  }
}

async function writeOut(store: AllowlistStore): Promise<number> {
  await pipeline(exportAllowlist(store), process.stdout, { end: false })
  return 0
}

/** Bad lines are named and left out; the good ones are taken all the same, and the exit code tells. */
async function readIn(store: AllowlistStore, file: string | undefined): Promise<number> {
  const pieces = file === undefined || file === '-' ? process.stdin.setEncoding('utf8') : createReadStream(file, 'utf8')
  const onBadLine = ({ line, why }: { readonly line: number; readonly why: string }): void =>
    console.error(`${file ?? 'standard input'}: line ${line}: ${why}`)
  const { imported, leftOut } = await importAllowlist({ store, pieces, onBadLine })
  console.error(`${imported} imported, ${leftOut} left out`)
  return leftOut === 0 ? 0 : 1
}
