// Reads and compiles large access tables in a thread of their own, while the gateway continues to serve clients.
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { messageOf } from '../../runtime/caught.ts'
import { readTable, sizeOf, type TableFiles, type TableReading } from './table-file.ts'

/**
 * The size of plain text, and four times the size of a gzip file: about 5,000 networks, which would block the gateway
 * for 5 ms.
 */
const largeBytes = 128 * 1024

/** The thread's task, by which this file knows that it runs in the thread. */
interface Task {
  readonly accessTable: string
  readonly found: TableFiles
}

/** Whether a table is read in a thread. */
export function isLarge(file: string, found: TableFiles): boolean {
  return sizeOf(found) >= (file.endsWith('.gz') ? largeBytes / 4 : largeBytes)
}

/** Reads a table as `readTable` does. 100,000 networks block the gateway for a few milliseconds instead of ninety. */
export function readTableInThread(file: string, found: TableFiles): Promise<TableReading> {
  const task: Task = { accessTable: file, found }
  const { promise, resolve } = Promise.withResolvers<TableReading>()
  const thread = new Worker(new URL(import.meta.url), { workerData: task, execArgv: [] })
  thread.unref()
  thread.once('message', resolve).once('error', (error) => resolve({ error: messageOf(error) }))
  // Without a message before that, it has run out of memory.
  thread.once('exit', (code) => resolve({ error: `its thread ended with ${code}` }))
  return promise
}

function isTask(data: unknown): data is Task {
  return typeof data === 'object' && data !== null && 'accessTable' in data
}

if (isTask(workerData)) {
  const reading = readTable(workerData.accessTable, workerData.found)
  const buffers = 'table' in reading ? [reading.table.starts4.buffer, reading.table.rules4.buffer, reading.table.rules6.buffer] : []
  parentPort?.postMessage(reading, buffers as ArrayBuffer[])
}
