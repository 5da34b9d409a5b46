// `postscreen allowlist`: shows a temporary allowlist, changes it, and copies it between data directories, Valkey
// servers and Postfix.
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { epochSeconds } from '../runtime/clock.ts'
import { visibleLines, visibleText } from '../crds/values/visible-text.ts'
import { canonicalKey, keysOfAddress } from '../gateway/core/allowlist-key.ts'
import { testNames } from '../gateway/core/vocabulary.ts'
import { cleanupKey } from '../gateway/allowlist/allowlist-store.ts'
import { exportAllowlist, importAllowlist } from '../gateway/allowlist/allowlist-text.ts'
import { codeOf, messageOf } from '../runtime/caught.ts'
import { type Flags, type Opened, openPlace, options, placesOf, secondsOf, WrongOptions } from './allowlist/options.ts'
import { type Place, textOf } from './allowlist/place.ts'
import { localTime, tableHead, tableRows } from './allowlist/table.ts'
import { listInPods, recordsInCluster, recordsText } from './allowlist/in-cluster.ts'
import { failed } from './cluster/failed.ts'
import { atPolicy, meansCluster, placeHelp, placeProblem } from './cluster/policy-place.ts'
import { formatted, readOutput } from './output.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'

const name = commandName('allowlist')

const help = `Usage: ${name} list PLACE                  show all clients, the tests that they passed, and until when
       ${name} get PLACE ADDRESS…          show the entries that apply to an address
       ${name} add PLACE ADDRESS… [--for 30d]
       ${name} remove PLACE ADDRESS…
       ${name} export PLACE                print the list as text, one line for each client, as postmap -s does
       ${name} import PLACE [FILE]         read such lines from a file or standard input

An ADDRESS may be a network, such as 192.0.2.0/24, if the policy groups clients by network. A PLACE is one of
  --data-dir DIR          the data directory of a gateway; the gateway may be running
  --policy FILE           the Valkey server of a policy, with its secrets next to the policy file. import, add and remove use the prefix
                          lengths of the policy (without a policy: 32 for IPv4, 64 for IPv6)
  --policy FILE --data-dir DIR   the same for a policy with a local allowlist
  --valkey URL            redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS
  --valkey-url-file FILE  a file with the URL, so that the password does not appear in the process list
  --text FILE             the output of postmap -s, or - for standard input; only for list, get and export
  -n NAMESPACE --policy-name NAME   all gateways of a policy in a cluster (the default of kubectl postscreen): get asks them; for the others it
                          prints what to run in the pods
${placeHelp}  -o, --output text|wide|json|yaml   of get in a cluster

With a URL:  --ca-file FILE  --key-prefix TEXT (postscreen:)  --retention TIME, the time that expired entries are kept (7d)

From a Postfix:  postmap -s lmdb:/var/lib/postfix/postscreen_cache | ${name} import --data-dir DIR
To a Postfix:    ${name} export --data-dir DIR > cache; postmap -f lmdb:cache
`

const warn = (text: string): void => console.error(`${name}: warning: ${text}`)
const now = (): number => epochSeconds()

const forms = ['text', 'wide', 'json', 'yaml'] as const

interface Task extends Opened {
  readonly words: readonly string[]
  readonly flags: Flags
}

interface Action {
  /** The number of words that may follow. */
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

/**
 * @returns the exit code: 1 if something was not found or skipped, or the place cannot be used; 2 if the arguments are
 * wrong
 */
export async function allowlist(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [verb = '', ...words] = read.run.positionals
  const flags: Flags = read.run.values
  const action = Object.hasOwn(actions, verb) ? actions[verb] : undefined
  if (action === undefined) return wrongArguments(name, `expected one of ${Object.keys(actions).join(', ')}`)
  const problem = wordsProblem(action, words) ?? flagsProblem(verb, action, flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  if (meansCluster(flags, placesOf(flags).length > 0)) return inCluster(verb, words, flags)
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

async function inCluster(verb: string, words: readonly string[], flags: Flags): Promise<number> {
  try {
    return await atPolicy(flags, 'allowlist', async (place) => {
      if (verb !== 'get') {
        const length = flags.for === undefined ? [] : ['--for', flags.for]
        throw await listInPods(place, [verb, ...words, ...length])
      }
      const found = await recordsInCluster(place, words)
      const { output } = flags
      const text =
        output === 'json' || output === 'yaml' ? formatted({ records: found }, output) : visibleLines(`${recordsText(found).join('\n')}\n`)
      process.stdout.write(text)
      return found.every(({ hasRecord }) => hasRecord) ? 0 : 1
    })
  } catch (error) {
    return failed(name, error)
  }
}

function wordsProblem({ words: wanted }: Action, words: readonly string[]): string | undefined {
  if (wanted === 'some') return words.length === 0 ? 'expected an address' : undefined
  const tooMuch = words[wanted === 'none' ? 0 : 1]
  return tooMuch === undefined ? undefined : `unexpected argument ${tooMuch}`
}

function flagsProblem(verb: string, { writes }: Action, flags: Flags): string | undefined {
  if (writes && flags.text !== undefined) return 'a text is read-only; use another place'
  if (flags.for !== undefined && verb !== 'add') return '--for can be used only with add'
  const form = readOutput(flags.output, forms)
  if ('why' in form) return form.why
  if (flags.output !== undefined && (verb !== 'get' || placesOf(flags).length > 0)) return '--output can be used only with get in a cluster'
  return placeProblem(flags, placesOf(flags))
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

/** Includes the entries of networks that contain the address, for every prefix length that the policy has or had. */
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
  if (key === undefined) throw new WrongOptions(`${JSON.stringify(word)} is not an address, and not a network such as 192.0.2.0/24`)
  return key
}

const defaultTime = 30 * 86_400

/** All tests count as passed. */
async function add({ place, keyOf, words, flags }: Task): Promise<number> {
  const until = now() + (secondsOf('for', flags.for) ?? defaultTime)
  const keys = words.map(keyOfWord).map(keyOf)
  for (const key of keys) place.put(key, testNames.map(() => until).join(';'))
  await place.flush()
  for (const key of keys) console.error(`${key} counts as having passed all tests until ${localTime(until)}`)
  return 0
}

async function remove({ place, keyOf, words }: Task): Promise<number> {
  let missing = 0
  for (const word of words.map(keyOfWord)) {
    const key = keyOf(word)
    // An address may still have its own entry from the time before its network was the key.
    const there = (await place.remove(key)) || (key !== word && (await place.remove(word)))
    if (!there) missing++
    console.error(there ? `${key} was removed` : `${key} is not on the allowlist`)
  }
  await place.flush()
  return missing === 0 ? 0 : 1
}

async function writeOut({ place }: Task): Promise<number> {
  await print(exportAllowlist(place))
  return 0
}

/**
 * Bad lines are reported and skipped. The good lines are imported, and the exit code shows whether any line was
 * skipped.
 */
async function readIn({ place, keyOf, words: [file] }: Task): Promise<number> {
  const onBadLine = ({ line, why }: { readonly line: number; readonly why: string }): void =>
    console.error(visibleText(`${file ?? 'standard input'}: line ${line}: ${why}`))
  const { imported, leftOut } = await importAllowlist({ store: place, pieces: textOf(file), onBadLine, keyOf })
  console.error(`${imported} imported, ${leftOut} skipped`)
  return leftOut === 0 ? 0 : 1
}

export const allowlistCommand: LoadedCommand = {
  run: allowlist,
  options,
  verbs: Object.keys(actions),
  values: { 'data-dir': 'folder', policy: 'file', text: 'file', 'ca-file': 'file', 'valkey-url-file': 'file', output: forms },
}
