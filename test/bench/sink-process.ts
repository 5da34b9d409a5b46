// The mail sink behind a relay in a process of its own, so that its time is neither the relay's nor the clients'.
import { fileURLToPath } from 'node:url'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { type ForkedServer, forkServer } from './forked.ts'

const program = fileURLToPath(import.meta.url)

/** Starts it on a free port. */
export const startSinkProcess = (): Promise<ForkedServer> => forkServer(program, ['serve'])

if (process.argv[1] === program && process.argv[2] === 'serve') {
  const { port } = await startMailSink('header')
  process.on('disconnect', () => process.exit())
  process.send?.(port)
}
