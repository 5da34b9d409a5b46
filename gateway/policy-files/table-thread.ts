// Reads and compiles large access tables in a thread of their own, while the gateway goes on.
import { parentPort, Worker, workerData } from 'node:worker_threads'
import { messageOf } from '../../runtime/caught.ts'
import { readTable, sizeOf, type TableFiles, type TableReading } from './table-file.ts'

/** Plain text, and what is packed to a quarter of it: some 5,000 networks, with which service would stand still for 5 ms. */
const largeBytes = 128 * 1024

/** What tells the thread that this file is its program. */
interface Task {
  readonly accessTable: string
  readonly found: TableFiles
}

/** Whether a table is worth a thread. */
export function isLarge(file: string, found: TableFiles): boolean {
  return sizeOf(found) >= (file.endsWith('.gz') ? largeBytes / 4 : largeBytes)
}

/** Reads a table as `readTable` does. 100,000 networks: service stands still for a few milliseconds instead of ninety. */
export function readTableInThread(file: string, found: TableFiles): Promise<TableReading> {
  const task: Task = { accessTable: file, found }
  const { promise, resolve } = Promise.withResolvers<TableReading>()
  const thread = new Worker(new URL(import.meta.url), { workerData: task, execArgv: [] })
  thread.unref()
  thread.once('message', resolve).once('error', (error) => resolve({ error: messageOf(error) }))
  // Without a message before, it was too much for it.
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
