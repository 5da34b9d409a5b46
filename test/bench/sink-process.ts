// The mail sink behind a relay in a process of its own, so that its time is neither the relay's nor the clients'.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { startMailSink } from '../load/mail-sink.ts'
import { cpuMicros } from '../load/process-use.ts'

export interface SinkProcess {
  readonly port: number
  readonly cpu: () => number
  stop(): Promise<void>
}

const program = fileURLToPath(import.meta.url)

/** Starts it on a free port; it ends with this process at the latest. */
export async function startSinkProcess(): Promise<SinkProcess> {
  const child = fork(program, ['serve'], { execArgv: [] })
  const [port] = (await once(child, 'message')) as [number]
  return {
    port,
    cpu: () => cpuMicros(child.pid ?? 0),
    stop: async () => {
      child.kill()
      await once(child, 'exit')
    },
  }
}

if (process.argv[1] === program && process.argv[2] === 'serve') {
  const { port } = await startMailSink('header')
  process.on('disconnect', () => process.exit())
  process.send?.(port)
}
