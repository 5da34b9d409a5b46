// What a process uses, as Linux counts it: CPU time, resident memory, open files.
import { readdirSync, readFileSync } from 'node:fs'

/** USER_HZ is 100 on every Linux that Node runs on. */
const microsPerTick = 10_000
const pageSize = 4096

interface Stat {
  readonly parent: number
  readonly own: number
  /** Of children that have ended. */
  readonly reaped: number
}

/** proc(5), /proc/PID/stat: fields 4 and 14 to 17. Times in microseconds. */
function stat(pid: number | string): Stat | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ').at(-1)?.split(' ') ?? []
    const [user = 0, system = 0, childUser = 0, childSystem = 0] = fields.slice(11, 15).map(Number)
    return { parent: Number(fields[1]), own: (user + system) * microsPerTick, reaped: (childUser + childSystem) * microsPerTick }
  } catch {
    return undefined
  }
}

/** User and system time of all its threads in microseconds, to 10 ms. */
export function cpuMicros(pid: number): number {
  return stat(pid)?.own ?? 0
}

/**
 * CPU time of all processes below those whose command line holds `words`, themselves included, and of those children that have ended.
 * For servers of many processes, known by the folder that they were started with.
 */
export function cpuMicrosOfTree(words: string): number {
  let sum = 0
  for (const { own, reaped } of tree(words).values()) sum += own + reaped
  return sum
}

/** CPU time of each thread of such a tree, by `PID/TID`: the busiest one is what keeps a server from doing more. */
export function threadMicrosOfTree(words: string): ReadonlyMap<string, number> {
  const threads = new Map<string, number>()
  for (const pid of tree(words).keys()) {
    for (const thread of threadsOf(pid)) threads.set(`${pid}/${thread}`, stat(`${pid}/task/${thread}`)?.own ?? 0)
  }
  return threads
}

/** Resident memory of all processes of such a tree. What they share counts for each. */
export function residentBytesOfTree(words: string): number {
  let sum = 0
  for (const pid of tree(words).keys()) sum += residentBytes(pid)
  return sum
}

function tree(words: string): ReadonlyMap<number, Stat> {
  const all = new Map(pids().map((pid) => [pid, stat(pid)]))
  const within = (pid: number): boolean => {
    if (commandLine(pid).includes(words)) return true
    const parent = all.get(pid)?.parent ?? 0
    return parent > 1 && within(parent)
  }
  return new Map([...all].filter((entry): entry is [number, Stat] => entry[1] !== undefined && within(entry[0])))
}

function threadsOf(pid: number): readonly string[] {
  try {
    return readdirSync(`/proc/${pid}/task`)
  } catch {
    return []
  }
}

function pids(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger)
}

function commandLine(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'latin1')
  } catch {
    return ''
  }
}

/** Processes whose command line holds `words` (arguments are divided by NUL). */
export function pidsOf(words: string): number[] {
  return pids().filter((pid) => commandLine(pid).includes(words))
}

/** 0 when the process has ended. */
export function residentBytes(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/statm`, 'latin1').split(' ')[1]) * pageSize
  } catch {
    return 0
  }
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
