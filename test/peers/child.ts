// Child processes of tests: they never outlive the test process, and what they said is at hand when they fail.

import { spawn } from 'node:child_process'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { setTimeout as sleep } from 'node:timers/promises'

/** What a child has printed so far is kept up to this size; more falls off the front. */
const outputLimit = 64 * 1024

export interface Child {
  readonly process: ChildProcess
  /** Both outputs, in the order they came, the last 64 kB. */
  output(): string
  /** Ends it at once and waits until it is gone. */
  stop(): Promise<void>
}

/** Starts `command`. Should this process die, the kernel kills the child too. Linux only: setpriv(1) is of util-linux. */
export function startChild(command: string, args: readonly string[], env: NodeJS.ProcessEnv = process.env): Child {
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', command, ...args], { stdio: ['ignore', 'pipe', 'pipe'], env })
  let output = ''
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString('latin1')).slice(-outputLimit)
  }
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  child.on('error', (error) => keep(Buffer.from(`${error.message}\n`)))
  return {
    process: child,
    output: () => output,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
      child.kill('SIGKILL')
      await once(child, 'exit')
    },
  }
}

/** Waits until `ready` says so; throws with the child's words when it dies first or `seconds` are over. */
export async function untilReady(child: Child, what: string, ready: () => boolean, seconds = 60): Promise<void> {
  const end = performance.now() + seconds * 1000
  while (!ready()) {
    const dead = child.process.exitCode !== null || child.process.signalCode !== null
    if (dead || performance.now() > end) {
      await child.stop()
      throw new Error(`${what} ${dead ? 'ended before it was ready' : 'did not get ready'}:\n${child.output()}`)
    }
    await sleep(20)
  }
}
