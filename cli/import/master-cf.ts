// Reads master.cf (master(5)): its services and the parameters that each of them overrides with -o.
import { type LogicalLine, logicalLines } from './logical-lines.ts'
import { splitNameValue } from './main-cf.ts'
import { insideBraces } from './word-list.ts'

/** One service with the parameters that it overrides. */
export interface Service {
  /** The name, such as `smtp/inet`, as postconf(1) writes it. */
  readonly id: string
  /** The program; undefined if the input has only overrides (`postconf -P`). */
  readonly program: string | undefined
  /** The last value of each name. */
  readonly overrides: ReadonlyMap<string, string>
}

export interface MasterCf {
  readonly services: readonly Service[]
  /** Mistakes with which Postfix does not start. */
  readonly errors: readonly string[]
}

const types = '(?:inet|unix|unix-dgram|fifo|pass)'
/**
 * Words separated by white space; `{…}` is one word, without its braces (mystrtokq and extpar with EXTPAR_FLAG_STRIP,
 * master_ent.c).
 */
function words(text: string): readonly string[] | { readonly why: string } {
  const found: string[] = []
  for (let at = 0; at < text.length;) {
    if (/\s/.test(text.charAt(at))) {
      at++
      continue
    }
    let level = 0
    const start = at
    for (; at < text.length && (level > 0 || !/\s/.test(text.charAt(at))); at++) {
      if (text[at] === '{') level++
      else if (text[at] === '}' && level > 0) level--
    }
    const word = text.slice(start, at)
    const braced = word.startsWith('{') ? insideBraces(word) : { inside: word }
    if ('why' in braced) return braced
    found.push(braced.inside)
  }
  return found
}

/** Options of Postfix's daemons that take an argument (single_server(3), event_server(3)). */
const withArgument = 'imnorstu'

/** The arguments of each `-o`, found like getopt(3): `-o x`, `-ox` and `-vox`. */
function overrideArguments(args: readonly string[]): readonly string[] {
  const found: string[] = []
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? ''
    if (!word.startsWith('-') || word === '-' || word === '--') break
    const letter = [...word.slice(1)].findIndex((one) => withArgument.includes(one))
    if (letter < 0) continue
    const attached = word.slice(letter + 2)
    const argument = attached === '' ? args[++at] : attached
    if (word.charAt(letter + 1) === 'o') found.push(argument ?? '')
  }
  return found
}

function readService({ line, text }: LogicalLine, file: string): Service | { readonly error: string } {
  const split = words(text)
  if ('why' in split) return { error: `${file}, line ${line}: ${split.why}` }
  const [name = '', type = '', , , , , , program, ...args] = split
  if (program === undefined) return { error: `${file}, line ${line}: a service must have eight fields, and the last field is the program` }
  const overrides = new Map<string, string>()
  for (const argument of overrideArguments(args)) {
    const pair = splitNameValue(argument)
    if ('why' in pair) {
      const form = 'expected -o name=value, or -o { name = value } for a value with blanks'
      return { error: `${file}, line ${line}: ${name}/${type}: -o ${JSON.stringify(argument)}: ${pair.why}; ${form}` }
    }
    overrides.set(pair.name, pair.value)
  }
  return { id: `${name}/${type}`, program: program.split('/').at(-1), overrides }
}

/** The services of logical lines. If a service occurs twice, the last entry counts. */
export function readServices(lines: readonly LogicalLine[], file: string): MasterCf {
  const services = new Map<string, Service>()
  const errors: string[] = []
  for (const line of lines) {
    const service = readService(line, file)
    if ('error' in service) errors.push(service.error)
    else services.set(service.id, service)
  }
  return { services: [...services.values()], errors }
}

/** Parses the text of a master.cf, or the output of `postconf -M`. */
export function parseMasterCf(text: string, file: string): MasterCf {
  const { lines, stray } = logicalLines(text.replace(/^\uFEFF/, ''))
  const { services, errors } = readServices(lines, file)
  const lost = stray.map(({ line }) => `${file}, line ${line}: starts with white space, but does not follow an entry`)
  return { services, errors: [...errors, ...lost] }
}

const dotted = new RegExp(`^(.+/${types})/([A-Za-z0-9_-]+)$`)
const fieldNames = ['service', 'type', 'private', 'unprivileged', 'chroot', 'wakeup', 'process_limit']

/** Separates the `smtp/inet/name = value` lines of `postconf -P` and `postconf -F` from the settings of an input. */
export function takeServiceSettings<T extends { readonly value: string; readonly line: number }>(
  settings: ReadonlyMap<string, T>,
  file: string,
): { readonly rest: ReadonlyMap<string, T>; readonly services: readonly Service[]; readonly errors: readonly string[] } {
  const rest = new Map<string, T>()
  const overrides = new Map<string, Map<string, string>>()
  const commands = new Map<string, Service>()
  const errors: string[] = []
  for (const [name, setting] of settings) {
    const [, id = '', parameter = ''] = dotted.exec(name) ?? []
    if (id === '') rest.set(name, setting)
    else if (parameter === 'command') {
      const [service, type] = [id.slice(0, id.lastIndexOf('/')), id.slice(id.lastIndexOf('/') + 1)]
      const read = readService({ line: setting.line, text: `${service} ${type} - - - - - ${setting.value}` }, file)
      if ('error' in read) errors.push(read.error)
      else commands.set(id, read)
    } else if (!fieldNames.includes(parameter)) {
      const own = overrides.get(id) ?? new Map<string, string>()
      overrides.set(id, own.set(parameter, setting.value))
    }
  }
  const services = [...new Set([...commands.keys(), ...overrides.keys()])].map((id): Service => ({
    id,
    program: commands.get(id)?.program,
    overrides: new Map([...(commands.get(id)?.overrides ?? []), ...(overrides.get(id) ?? [])]),
  }))
  return { rest, services, errors }
}
