// Reads and compiles large access tables in a thread of their own, while the gateway continues to serve clients.
import { Worker } from 'node:worker_threads'
import { messageOf } from '../../runtime/caught.ts'
import { programBeside } from '../../runtime/program-beside.ts'
import { sizeOf, type TableFiles, type TableReading } from './table-file.ts'

/**
 * The size of plain text, and four times the size of a gzip file: about 5,000 networks, which would block the gateway
 * for 5 ms.
 */
const largeBytes = 128 * 1024

/** What table-thread-main.ts is given. */
export interface TableTask {
  readonly accessTable: string
  readonly found: TableFiles
}

/** Whether a table is read in a thread. */
export function isLarge(file: string, found: TableFiles): boolean {
  return sizeOf(found) >= (file.endsWith('.gz') ? largeBytes / 4 : largeBytes)
}

/** Reads a table as `readTable` does. 100,000 networks block the gateway for a few milliseconds instead of ninety. */
export function readTableInThread(file: string, found: TableFiles): Promise<TableReading> {
  const task: TableTask = { accessTable: file, found }
  const { promise, resolve } = Promise.withResolvers<TableReading>()
  const thread = new Worker(programBeside(import.meta.url, 'table-thread-main'), { workerData: task, execArgv: [] })
  thread.unref()
  thread.once('message', resolve).once('error', (error) => resolve({ error: messageOf(error) }))
  // Without a message before that, it has run out of memory.
  thread.once('exit', (code) => resolve({ error: `its thread ended with ${code}` }))
  return promise
}
