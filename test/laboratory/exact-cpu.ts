// CPU time of a process with one thread, in more digits than /proc/PID/stat has, which counts in steps of 10 ms.
import { readFileSync } from 'node:fs'

/** Microseconds; proc(5), /proc/PID/schedstat: the first field, in nanoseconds, of the main thread. NaN where the kernel does not have it. */
export function mainThreadMicros(pid: number): number {
  try {
    return Number(readFileSync(`/proc/${pid}/schedstat`, 'latin1').split(' ')[0]) / 1000
  } catch {
    return Number.NaN
  }
}
