// `postscreen allowlist`: looks into a temporary allowlist, changes it, and moves it between data directories, Valkeys and Postfix.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { epochSeconds } from '../runtime/clock.ts'
import { visibleLines, visibleText } from '../crds/values/visible-text.ts'
import { canonicalKey, keysOfAddress } from '../gateway/core/allowlist-key.ts'
import { testNames } from '../gateway/core/vocabulary.ts'
import { cleanupKey } from '../gateway/allowlist/allowlist-store.ts'
import { exportAllowlist, importAllowlist } from '../gateway/allowlist/allowlist-text.ts'
import { codeOf, messageOf } from '../runtime/caught.ts'
import { type Flags, type Opened, openPlace, options, secondsOf, WrongOptions } from './allowlist/options.ts'
import { type Place, textOf } from './allowlist/place.ts'
import { localTime, tableHead, tableRows } from './allowlist/table.ts'
import { readArguments, wrongArguments } from './arguments.ts'

const name = 'postscreen allowlist'

const help = `Usage: ${name} list PLACE                  who is on it: which tests they passed, and until when
       ${name} get PLACE ADDRESS…          the entries that hold for an address
       ${name} add PLACE ADDRESS… [--for 30d]
       ${name} remove PLACE ADDRESS…
       ${name} export PLACE                as text, one line a client: what postmap -s prints
       ${name} import PLACE [FILE]         such lines, from a file or standard input

An ADDRESS may be a network where the policy has networks: 192.0.2.0/24. A PLACE is one of
  --data-dir DIR          the data directory of a gateway, which may run meanwhile
  --policy FILE           the Valkey of a policy, with its secrets beside it; import, add and remove then go by the policy's prefix lengths
                          (without a policy: each IPv4 address for itself, IPv6 by /64)
  --policy FILE --data-dir DIR   the same for a policy that keeps the allowlist local
  --valkey URL            redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS
  --valkey-url-file FILE  the same in a file, so that no password is seen in the list of processes
  --text FILE             what postmap -s has printed, or - ; for list, get and export

With a URL:  --ca-file FILE  --key-prefix TEXT (postscreen:)  --retention TIME, how long entries are kept after they have expired (7d)

From a Postfix:  postmap -s lmdb:/var/lib/postfix/postscreen_cache | ${name} import --data-dir DIR
To a Postfix:    ${name} export --data-dir DIR > cache; postmap -f lmdb:cache
`

const warn = (text: string): void => console.error(`${name}: warning: ${text}`)
const now = (): number => epochSeconds()

interface Task extends Opened {
  readonly words: readonly string[]
  readonly flags: Flags
}

interface Action {
  /** How many words may follow. */
  readonly words: 'none' | 'at most one' | 'some'
  readonly writes: boolean
  /** @returns the exit code */
  readonly run: (task: Task) => Promise<number>
}

const actions: Readonly<Record<string, Action>> = {
  list: { words: 'none', writes: false, run: list },
  get: { words: 'some', writes: false, run: get },
  add: { words: 'some', writes: true, run: add },
  remove: { words: 'some', writes: true, run: remove },
  export: { words: 'none', writes: false, run: writeOut },
  import: { words: 'at most one', writes: true, run: readIn },
}

/** @returns the exit code: 1 when something was not found or left out, or the place cannot be used; 2 when the arguments are wrong */
export async function allowlist(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [verb = '', ...words] = read.run.positionals
  const flags: Flags = read.run.values
  const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined
  if (action === undefined) return wrongArguments(name, `say one of ${Object.keys(actions).join(', ')}`)
  const problem = wordsProblem(action, words) ?? flagsProblem(verb, action, flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  try {
    const opened = await openPlace({ flags, mayMake: verb === 'import', warn })
    try {
      return await action.run({ ...opened, words, flags })
    } finally {
      await opened.place.close()
    }
  } catch (error) {
    if (codeOf(error) === 'EPIPE') return 0
    if (error instanceof WrongOptions) return wrongArguments(name, error.message)
    console.error(visibleLines(`${name}: ${messageOf(error)}`))
    return 1
  }
}

function wordsProblem({ words: wanted }: Action, words: readonly string[]): string | undefined {
  if (wanted === 'some') return words.length === 0 ? 'name an address' : undefined
  const tooMuch = words[wanted === 'none' ? 0 : 1]
  return tooMuch === undefined ? undefined : `${tooMuch} is too much`
}

function flagsProblem(verb: string, { writes }: Action, flags: Flags): string | undefined {
  if (writes && flags.text !== undefined) return 'a text can only be read; name another place'
  return flags.for !== undefined && verb !== 'add' ? '--for goes with add only' : undefined
}

async function print(lines: Iterable<string> | AsyncIterable<string>): Promise<void> {
  await pipeline(Readable.from(lines), process.stdout, { end: false })
}

async function list({ place }: Task): Promise<number> {
  await print(tableOf(place))
  return 0
}

async function* tableOf(place: Place): AsyncGenerator<string, void> {
  yield `${tableHead}\n`
  const at = now()
  for await (const entry of place.entries()) if (entry[0] !== cleanupKey) yield `${tableRows(entry, at).join('\n')}\n`
}

/** Also the entries of networks that the address lies in, whichever prefix length the policy has or had. */
async function get({ place, words }: Task): Promise<number> {
  let missing = 0
  const rows: string[] = []
  for (const word of words) {
    const keys = keysOfAddress(word) ?? [keyOfWord(word)]
    const found = await Promise.all(keys.map(async (key) => [key, await place.get(key)] as const))
    const there = found.flatMap(([key, record]) => (record === undefined ? [] : [...tableRows([key, record], now())]))
    rows.push(...there)
    if (there.length > 0) continue
    missing++
    console.error(`${word} is not on the allowlist`)
  }
  if (rows.length > 0) await print([tableHead, ...rows].map((line) => `${line}\n`))
  return missing === 0 ? 0 : 1
}

/** An address or network in canonical text. Throws WrongOptions for anything else. */
function keyOfWord(word: string): string {
  const key = canonicalKey(word)
  if (key === undefined) throw new WrongOptions(`${JSON.stringify(word)} is no address, and no network such as 192.0.2.0/24`)
  return key
}

const defaultTime = 30 * 86_400

/** As if every test had been passed. */
async function add({ place, keyOf, words, flags }: Task): Promise<number> {
  const until = now() + (secondsOf('for', flags.for) ?? defaultTime)
  const keys = words.map(keyOfWord).map(keyOf)
  for (const key of keys) place.put(key, testNames.map(() => until).join(';'))
  await place.flush()
  for (const key of keys) console.error(`${key} counts as having passed every test until ${localTime(until)}`)
  return 0
}

async function remove({ place, keyOf, words }: Task): Promise<number> {
  let missing = 0
  for (const word of words.map(keyOfWord)) {
    const key = keyOf(word)
    // An address may have an entry of its own from before its network was the key.
    const there = (await place.remove(key)) || (key !== word && (await place.remove(word)))
    if (!there) missing++
    console.error(there ? `${key} is removed` : `${key} is not on the allowlist`)
  }
  await place.flush()
  return missing === 0 ? 0 : 1
}

async function writeOut({ place }: Task): Promise<number> {
  await print(exportAllowlist(place))
  return 0
}

/** Bad lines are named and left out; the good ones are taken all the same, and the exit code tells. */
async function readIn({ place, keyOf, words: [file] }: Task): Promise<number> {
  const onBadLine = ({ line, why }: { readonly line: number; readonly why: string }): void =>
    console.error(visibleText(`${file ?? 'standard input'}: line ${line}: ${why}`))
  const { imported, leftOut } = await importAllowlist({ store: place, pieces: textOf(file), onBadLine, keyOf })
  console.error(`${imported} imported, ${leftOut} left out`)
  return leftOut === 0 ? 0 : 1
}
