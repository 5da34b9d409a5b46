// Reads a log in a fresh process: by `postscreen simulate`, or only its lines with JSON.parse.
import { createReadStream, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { simulate } from '../../cli/simulate.ts'
import type { Round } from './bench-case.ts'
import { forkRound } from './forked.ts'

const program = fileURLToPath(import.meta.url)

/** CPU time in seconds, of the process with its compiler and collector; the most memory in MB; and the duration in seconds. */
export const readLog = (how: 'simulate' | 'parse', log: string, policy: string): Promise<Round> => forkRound(program, [how, log, policy])

async function parse(log: string): Promise<void> {
  let rest = ''
  for await (const chunk of createReadStream(log, 'utf8')) {
    const lines = (rest + (chunk as string)).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) JSON.parse(line)
  }
}

async function simulated(log: string, policy: string): Promise<void> {
  // The report is not a figure.
  process.stdout.write = () => true
  const code = await simulate(['--policy', policy, log])
  if (code !== 0) throw new Error(`postscreen simulate has ended with ${code}`)
}

const [how, log = '', policy = ''] = process.argv.slice(2)
if (process.send !== undefined && (how === 'simulate' || how === 'parse')) {
  const [cpu, began] = [process.cpuUsage(), performance.now()]
  await (how === 'simulate' ? simulated(log, policy) : parse(log))
  const { user, system } = process.cpuUsage(cpu)
  const seconds = (performance.now() - began) / 1000
  process.send({ cpu: (user + system) / 1e6, seconds, memory: peakMB() } satisfies Round)
}

/** getrusage of a forked process begins with the size of its parent; this does not. */
function peakMB(): number {
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return Number(kilobytes) / 1000
}
