// Asks a gateway under test what it holds; self-report.ts in that process answers.
import { readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

/** After a full garbage collection; bytes. */
export interface SelfReport {
  readonly rss: number
  readonly heapUsed: number
  readonly external: number
  /** What keeps the event loop alive, by kind: TCPSocketWrap, Timeout… */
  readonly resources: Readonly<Record<string, number>>
}

/** Node's options for a process that can be asked. V8 would drop 5 MB of bytecode at some moment, and what grows meanwhile would not be seen. */
export const reportingFlags = ['--expose-gc', '--no-flush-bytecode', '--import', new URL('self-report.ts', import.meta.url).href]

export function reportFile(pid: number): string {
  return join(tmpdir(), `gateway-report-${pid}.json`)
}

/** The longest that the event loop stood still since it was last asked, in milliseconds. */
export interface PauseReport {
  readonly longestPauseMs: number
}

/** Node's options for a process that can be asked about its pauses instead. */
export const pauseFlags = ['--import', new URL('pause-report.ts', import.meta.url).href]

/** Throws when the process does not answer within a minute. */
export const askReport = (pid: number): Promise<SelfReport> => ask(pid)
export const askPause = (pid: number): Promise<PauseReport> => ask(pid)

async function ask<Report>(pid: number): Promise<Report> {
  const file = reportFile(pid)
  rmSync(file, { force: true })
  process.kill(pid, 'SIGUSR2')
  for (const end = performance.now() + 60_000; performance.now() < end;) {
    await sleep(20)
    try {
      const report = JSON.parse(readFileSync(file, 'utf8')) as Report
      rmSync(file)
      return report
    } catch {
      // Not written yet.
    }
  }
  throw new Error(`process ${pid} has not told what it holds`)
}
