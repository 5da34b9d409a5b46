// A reporter for `node --test`: what the closing words of a run are made of (node-tests.sh). How many tests there were, which were left out and why, and
// which failed: these with what they said, in so few lines that they fit the end of a log of which only the end is kept.
// Also which test files failed, so that they can be run again, and how long each file took.
//   took TAB SECONDS TAB FILE, tests TAB NUMBER, left-out TAB WHY TAB NAME, failed TAB LINE, failed-file TAB FILE TAB TEST
import { relative, resolve } from 'node:path'
import type { TestEvent } from 'node:test/reporters'
import { inspect } from 'node:util'

/** CI shows its last 60 lines or so. */
const allLines = 50
const mostLines = 40
const fewestLines = 4
const longestLine = 400
const mostFrames = 6

interface Failure {
  /** Of the test, after those of the suites around it. */
  readonly name: string
  readonly where: string
  readonly seconds: string
  readonly said: readonly string[]
}

const cut = (line: string): string => (line.length > longestLine ? `${line.slice(0, longestLine)}…` : line)
const isFrame = (line: string): boolean => /^ +at /.test(line)

/** Node wraps what was thrown; `cause` within that is the thrown one's own. */
function* chain(wrapper: Error): Generator {
  let error: unknown = wrapper.cause ?? wrapper
  for (let depth = 0; depth < 5 && error !== undefined && error !== null; depth++) {
    yield error
    error = error instanceof Error ? error.cause : undefined
  }
}

/** The message, and of the stack what is ours, before node's inner workings. */
function wordsOf(error: unknown): readonly string[] {
  if (!(error instanceof Error)) return (typeof error === 'string' ? error : inspect(error)).split('\n').map(cut)
  const lines = (error.stack ?? String(error)).split('\n').map(cut)
  const frames = lines.filter((line) => isFrame(line) && !/\bnode:/.test(line)).slice(0, mostFrames)
  return [...lines.filter((line) => !isFrame(line)), ...frames]
}

/** At most `most` lines; what was left out is in the middle, since assertions begin with the message and end with the place. */
function shortened(lines: readonly string[], most: number): readonly string[] {
  if (lines.length <= most) return lines
  const head = Math.ceil((most - 1) * 0.7)
  const tail = most - 1 - head
  const left = `… ${lines.length - head - tail} lines …`
  return [...lines.slice(0, head), left, ...(tail > 0 ? lines.slice(-tail) : [])]
}

const saidBy = (error: Error): readonly string[] =>
  [...chain(error)].flatMap((one, index) => {
    const [first = '', ...rest] = wordsOf(one)
    return [index === 0 ? first : `because of: ${first}`, ...rest]
  })

/** Each with its share of the lines. */
function inWords(failures: readonly Failure[]): readonly string[] {
  if (failures.length === 0) return []
  const shown = failures.slice(0, Math.floor(allLines / fewestLines))
  const each = Math.max(fewestLines, Math.min(mostLines, Math.floor(allLines / shown.length)))
  return [
    `${failures.length === 1 ? 'One test' : `${failures.length} tests`} failed:`,
    ...shown.flatMap(({ name, where, seconds, said }) => [
      `✖ ${cut(name)} (${where}, after ${seconds} s)`,
      ...shortened(said, each - 1).map((line) => `    ${line}`),
    ]),
    ...(shown.length < failures.length ? [`… and ${failures.length - shown.length} more`] : []),
  ]
}

/** A suite fails with its tests; those are told of. */
const isOnlyAround = (error: Error): boolean => 'failureType' in error && error.failureType === 'subtestsFailed'

const inOneLine = (text: string): string => text.replace(/\s+/g, ' ').trim()

/** Why a test was skipped, or counts as not done yet; undefined: it was not left out. */
function whyLeftOut({ skip, todo }: { readonly skip?: string | boolean; readonly todo?: string | boolean }): string | undefined {
  const why = skip ?? todo
  if (why === undefined || why === false) return undefined
  return typeof why === 'string' && why.trim() !== '' ? inOneLine(why) : 'no reason given'
}

/** A file that breaks off is reported as one test that has the file's name, and has no summary. */
const isWholeFile = (name: string, file: string | undefined): boolean => file !== undefined && resolve(name) === file

const failedFile = (file: string, name: string): string => `failed-file\t${relative('', file)}\t${inOneLine(name)}\n`

/** What is known of the test files under way: of one, or of several that share a process. A test's own `file` is where it was defined, which may be a helper. */
class FilesUnderWay {
  readonly #failures = new Map<string, string[]>()
  readonly #seconds = new Map<string, number>()
  /** Where the outermost test or suite under way was defined. */
  #outermost = ''

  begins(file: string | undefined): void {
    this.#outermost = file ?? ''
  }

  failed(name: string): void {
    this.#failures.set(this.#outermost, [...(this.#failures.get(this.#outermost) ?? []), name])
  }

  took(file: string | undefined, ms: number): void {
    this.#seconds.set(file ?? '', (this.#seconds.get(file ?? '') ?? 0) + ms / 1000)
  }

  /** The end of a file that has a process of its own. It can fail without a failed test, for example in a hook at its top. */
  *ended(file: string, success: boolean, ms: number): Generator<string> {
    const failures = [...this.#failures.values()].flat()
    if (!success && failures.length === 0) failures.push(relative('', file))
    for (const name of failures) yield failedFile(file, name)
    yield tookSeconds(file, ms / 1000)
    this.#failures.clear()
    this.#seconds.clear()
  }

  /** The end of files that shared a process. */
  *allEnded(): Generator<string> {
    for (const [file, names] of this.#failures) for (const name of names) yield failedFile(file, name)
    for (const [file, seconds] of this.#seconds) yield tookSeconds(file, seconds)
  }
}

const tookSeconds = (file: string, seconds: number): string => `took\t${seconds.toFixed(1)}\t${relative('', file)}\n`

async function* results(source: AsyncIterable<TestEvent>): AsyncGenerator<string, void> {
  const failures: Failure[] = []
  const names: string[] = []
  const files = new FilesUnderWay()
  let tests = 0
  for await (const { type, data } of source) {
    if (type === 'test:start') {
      names.splice(data.nesting, names.length, data.name)
      if (data.nesting === 0) files.begins(data.file)
    }
    if (type === 'test:summary' && data.file !== undefined) yield* files.ended(data.file, data.success, data.duration_ms)
    if (type !== 'test:pass' && type !== 'test:fail') continue
    if (data.nesting === 0) files.took(data.file, data.details.duration_ms)
    if (data.details.type !== 'suite') tests += 1
    const why = whyLeftOut(data)
    if (why !== undefined) yield `left-out\t${why}\t${inOneLine(data.name)}\n`
    else if (type === 'test:fail' && !isOnlyAround(data.details.error)) {
      const name = [...names.slice(0, data.nesting), data.name].join(' > ')
      if (data.file !== undefined && isWholeFile(data.name, data.file)) yield failedFile(data.file, name)
      else files.failed(name)
      failures.push({
        name,
        where: data.file === undefined ? 'in no file' : `${relative('', data.file)}:${data.line ?? 1}`,
        seconds: (data.details.duration_ms / 1000).toFixed(1),
        said: saidBy(data.details.error),
      })
    }
  }
  yield* files.allEnded()
  yield `tests\t${tests}\n`
  for (const line of inWords(failures)) yield `failed\t${line}\n`
}

// oxlint-disable-next-line import/no-default-export -- a reporter is what its module exports by default
export { results as default }
