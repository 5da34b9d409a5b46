// A scenario as a text file: what it shows, under which policy, what the client does, what it must see and what must be logged.
//
//   # A client that talks before its turn is refused at RCPT with the pregreet reply.        the first line: what it shows
//   shows T3 T4                                              pitfalls of the behaviour notes that it covers
//   policy enforce                                           sessions/policies/enforce.yaml
//   remembered 127.50.0.2 -1h;+1h;0;1;1                      the allowlist's record of an address, stamps relative to the start
//   differs gateway: why                                     not played against `gateway` (or `core`, `postscreen`)
//   client 127.50.9.13                                       a client that only a PROXY header names
//   alone                                                    plays alone, and log lines that name no client count too
//
//   connect [NAME] [from ADDRESS] [to ADDRESS]               names the connection (1, 2, … by default); the log shows NAME for its port
//   on NAME                                                  goes on with another connection
//   > TEXT                                                   sends TEXT and CRLF; with lines below it, reads one whole reply
//       250 2.1.0 Ok                                         what came: indented by four
//   >> TEXT                                                  sends TEXT as it is: \r \n \t \0 \\ \xHH, \(TEXT*COUNT) repeats
//   banner | reply [SECONDS] | line [SECONDS]                reads one whole reply, or one line
//   replies COUNT [SECONDS]                                  reads so many whole replies
//   quiet SECONDS | end SECONDS                              reads what comes in that time | all, until the server closes
//   sleep SECONDS | half | close | reset | tls               waits | ends sending | leaves | leaves with a reset | starts TLS
//   log                                                      what postscreen logs about these clients
//   remembers                                                what the allowlist holds of these clients at the end
//
// A `?` as the only line below a step stands for what is not known yet; UPDATE=1 with a real postscreen fills it in.

/** A driver that plays scenarios; `postscreen` is the real one. */
export const driverNames = ['core', 'gateway', 'postscreen'] as const
export type DriverName = (typeof driverNames)[number]

export type Step = { /** Its line in the file, from 0. */ readonly at: number; readonly on: string } & (
  | { readonly do: 'connect'; readonly from: string; readonly to: string }
  | { readonly do: 'send'; readonly text: string }
  | {
      readonly do: 'replies' | 'line' | 'quiet' | 'end' | 'tls'
      readonly seconds: number
      /** Of `replies`: how many. */
      readonly count: number
      readonly want: readonly string[]
    }
  | { readonly do: 'sleep'; readonly seconds: number }
  | { readonly do: 'half' | 'close' | 'reset' }
)

/** A step that reads lines. */
export type Reading = Extract<Step, { readonly want: readonly string[] }>

export interface SessionFile {
  readonly what: string
  readonly shows: readonly string[]
  readonly policy: string
  /** Address -> record whose stamps are `+1h`, `-90s` (relative to the start) or numbers as they are. */
  readonly remembered: ReadonlyMap<string, string>
  /** Driver -> why it does not play this. */
  readonly differs: ReadonlyMap<DriverName, string>
  readonly clients: readonly string[]
  readonly alone: boolean
  readonly steps: readonly Step[]
  readonly log: readonly string[]
  /** The line `log` and the line `remembers`, from 0. */
  readonly logAt: number
  readonly remembersAt: number | undefined
  readonly remembers: readonly string[]
  readonly lines: readonly string[]
}

const replySeconds = 12

interface Draft {
  what: string
  shows: string[]
  policy: string
  remembered: Map<string, string>
  differs: Map<DriverName, string>
  clients: string[]
  alone: boolean
  steps: Step[]
  on: string
  connections: number
  lines: readonly string[]
  logAt: number | undefined
  remembersAt: number | undefined
}

/** Reads a scenario; throws an Error that names the line. */
export function parseSession(text: string): SessionFile {
  const lines = text.replace(/\n+$/, '').split('\n')
  const draft: Draft = {
    what: /^# (.+)/.exec(lines[0] ?? '')?.[1] ?? '',
    shows: [],
    policy: '',
    remembered: new Map(),
    differs: new Map(),
    clients: [],
    alone: false,
    steps: [],
    on: '',
    connections: 0,
    lines,
    logAt: undefined,
    remembersAt: undefined,
  }
  for (const [at, line] of lines.entries()) {
    if (line === '' || line.startsWith('#') || line.startsWith('    ')) continue
    if (!header(draft, line) && !section(draft, line, at) && !step(draft, line, at)) throw new Error(`line ${at + 1}: what is "${line}"?`)
  }
  if (draft.what === '') throw new Error('line 1: must be "# " and a sentence')
  if (draft.policy === '' || draft.logAt === undefined) throw new Error('no policy, or no log')
  const { on: _, connections: __, ...file } = draft
  const remembers = draft.remembersAt === undefined ? [] : below(lines, draft.remembersAt)
  return { ...file, logAt: draft.logAt, log: below(lines, draft.logAt), remembers }
}

function header(draft: Draft, line: string): boolean {
  const [word = '', ...rest] = line.split(' ')
  const [first = '', second = ''] = rest
  switch (word) {
    case 'shows':
      draft.shows.push(...rest)
      return true
    case 'policy':
      draft.policy = first
      return true
    case 'client':
      draft.clients.push(first)
      return true
    case 'alone':
      draft.alone = true
      return true
    case 'remembered':
      draft.remembered.set(first, second)
      return true
    case 'differs': {
      const [driver, why = ''] = rest.join(' ').split(': ')
      const known = driverNames.find((name) => name === driver)
      if (known === undefined || why === '') return false
      draft.differs.set(known, why)
      return true
    }
    default:
      return false
  }
}

function section(draft: Draft, line: string, at: number): boolean {
  if (line === 'log') draft.logAt = at
  else if (line === 'remembers') draft.remembersAt = at
  else return false
  return true
}

function step(draft: Draft, line: string, at: number): boolean {
  const want = below(draft.lines, at)
  const sent = /^(>>?) (.*)$/.exec(line)
  if (sent !== null) {
    draft.steps.push({ at, on: draft.on, do: 'send', text: unescape(sent[2] ?? '') + (sent[1] === '>' ? '\r\n' : '') })
    if (want.length > 0) draft.steps.push({ at, on: draft.on, do: 'replies', count: 1, seconds: replySeconds, want })
    return true
  }
  const [word = '', ...words] = line.split(' ')
  if (word === 'connect') return connect(draft, words, at)
  if (word === 'on') {
    draft.on = words[0] ?? ''
    return draft.on !== ''
  }
  const count = word === 'replies' ? Number(words.shift()) : 1
  const made = simple(word, { at, on: draft.on, count, seconds: Number(words[0] ?? replySeconds), want })
  if (made !== undefined) draft.steps.push(made)
  return made !== undefined
}

function simple(word: string, common: Omit<Reading, 'do'>): Step | undefined {
  const { at, on, seconds } = common
  if (!(seconds >= 0 && common.count >= 1)) return undefined
  switch (word) {
    case 'banner':
    case 'reply':
      return { ...common, do: 'replies' }
    case 'replies':
    case 'line':
    case 'quiet':
    case 'end':
    case 'tls':
      return { ...common, do: word }
    case 'sleep':
      return { at, on, seconds, do: 'sleep' }
    case 'half':
    case 'close':
    case 'reset':
      return { at, on, do: word }
    default:
      return undefined
  }
}

/** `[NAME] [from ADDRESS] [to ADDRESS]`; the client's address is that of the connection before where none is given. */
function connect(draft: Draft, words: readonly string[], at: number): boolean {
  const own = words[0] !== undefined && words[0] !== 'from' && words[0] !== 'to'
  draft.connections++
  draft.on = own ? (words[0] ?? '') : String(draft.connections)
  const options = new Map<string, string>()
  for (let index = own ? 1 : 0; index < words.length; index += 2) options.set(words[index] ?? '', words[index + 1] ?? '')
  const before = draft.steps.findLast((made) => made.do === 'connect')
  const from = options.get('from') ?? before?.from
  if (from === undefined) return false
  draft.steps.push({ at, on: draft.on, do: 'connect', from, to: options.get('to') ?? '127.0.0.1' })
  return true
}

/** The indented lines that follow line `at`. */
function below(lines: readonly string[], at: number): string[] {
  const found: string[] = []
  for (let index = at + 1; lines[index]?.startsWith('    ') === true; index++) found.push((lines[index] ?? '').slice(4))
  return found
}

/** Bytes, one a character, from their written form. */
function unescape(text: string): string {
  const repeated = text.replace(/\\\((.*?)\*(\d+)\)/g, (_, piece: string, count: string) => piece.repeat(Number(count)))
  return repeated.replace(/\\(?:x([0-9a-fA-F]{2})|(.))/g, (_, hex: string | undefined, other: string | undefined) => {
    if (hex !== undefined) return String.fromCharCode(Number.parseInt(hex, 16))
    return escapes.get(other ?? '') ?? other ?? ''
  })
}

const escapes: ReadonlyMap<string, string> = new Map([
  ['r', '\r'],
  ['n', '\n'],
  ['t', '\t'],
  ['0', '\0'],
])

/** The written form of bytes, one a character: what `>` and `>>` take. */
export function escapeBytes(bytes: string): string {
  const written = bytes.replace(/[^ -[\]-~]/g, (byte) => {
    const letter = [...escapes].find(([, meant]) => meant === byte)?.[0]
    if (byte === '\\' || (letter !== undefined && letter !== '0')) return `\\${letter ?? byte}`
    return `\\x${byte.charCodeAt(0).toString(16).padStart(2, '0')}`
  })
  // `\\(` would look like the start of a repetition.
  return written.replaceAll('\\(', '\\\\x28')
}

/** What was seen in a run, by the line of the step that read it. */
export interface Seen {
  readonly views: ReadonlyMap<number, readonly string[]>
  readonly log: readonly string[]
  readonly remembers: readonly string[]
}

/** The file's text as it would be if what was seen were right: equal to the file when it was. */
export function withSeen(file: SessionFile, seen: Seen): string {
  const out: string[] = []
  const indented = (lines: readonly string[]): string[] => lines.map((line) => `    ${shown(line)}`)
  for (const [at, line] of file.lines.entries()) {
    if (line.startsWith('    ')) continue
    out.push(line)
    if (at === file.logAt) out.push(...indented(seen.log))
    else if (at === file.remembersAt) out.push(...indented(seen.remembers))
    else out.push(...indented(seen.views.get(at) ?? []))
  }
  return `${out.join('\n')}\n`
}

/** Bytes that are not printable ASCII in their written form, all others unchanged. */
function shown(line: string): string {
  return line.replace(/[^ -~]/g, escapeBytes)
}

/** Every client address that the scenario uses, presets or names. */
export function addressesOf(file: SessionFile): string[] {
  const connecting = file.steps.flatMap((made) => (made.do === 'connect' ? [made.from] : []))
  return [...new Set([...connecting, ...file.clients, ...file.remembered.keys()])]
}
