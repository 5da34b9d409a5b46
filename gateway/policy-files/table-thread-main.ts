// The thread that reads a large access table; table-thread.ts starts it.
import { parentPort, workerData } from 'node:worker_threads'
import { readTable } from './table-file.ts'
import type { TableTask } from './table-thread.ts'

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- table-thread.ts passes nothing else
const { accessTable, found } = workerData as TableTask
const reading = readTable(accessTable, found)
const buffers = 'table' in reading ? [reading.table.starts4.buffer, reading.table.rules4.buffer, reading.table.rules6.buffer] : []
parentPort?.postMessage(reading, buffers as ArrayBuffer[])
