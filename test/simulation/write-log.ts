// node test/simulation/write-log.ts --sessions N --addresses N FILE
// Writes a JSON log of that many sessions, of clients with that many addresses, to try `postscreen simulate` with it.
import { parseArgs } from 'node:util'
import { writeLogOfDay } from './log-of-day.ts'

const options = { sessions: { type: 'string', default: '1000000' }, addresses: { type: 'string', default: '500000' } } as const
const { values, positionals } = parseArgs({ options, allowPositionals: true })
const [file] = positionals
if (file === undefined) throw new Error('expected the file to write')
writeLogOfDay(file, Number(values.sessions), Number(values.addresses))
