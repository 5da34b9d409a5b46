// Runs a program of the bench in its own process, so that its CPU time is measured alone: a server, or one round of a timed operation.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { cpuMicros, residentBytes } from '../laboratory/process-use.ts'
import type { Round } from './bench-case.ts'
import type { Server } from './servers.ts'

export interface ForkedServer extends Server {
  stop(): Promise<void>
}

/** Starts a server, which sends its port as its first message; it ends with this process at the latest. */
export async function forkServer(program: string, words: readonly string[], execArgv: readonly string[] = []): Promise<ForkedServer> {
  const child = fork(program, words, { execArgv: [...execArgv] })
  const [port] = (await once(child, 'message')) as [number]
  const pid = child.pid ?? 0
  return {
    port,
    words: program,
    cpu: () => cpuMicros(pid),
    resident: () => residentBytes(pid),
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}

/** Runs a program that sends its figures as one message and ends. */
export async function forkRound(program: string, words: readonly string[], execArgv: readonly string[] = []): Promise<Round> {
  const child = fork(program, words, { execArgv: [...execArgv] })
  const [round] = (await once(child, 'message')) as [Round]
  await once(child, 'exit')
  return round
}
