// `npm run bench -- system-calls`: counts the system calls of the gateway for one bot and for one relayed message, and writes them into docs/performance.md. Needs root and strace.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loopbackAddress } from '../laboratory/clients.ts'
import { mail } from '../laboratory/scripts.ts'
import { pregreetLoad, pregreetSpec } from './cases/pregreet.ts'
import { relaySpec } from './cases/relay.ts'
import { measuredCommit } from './commit.ts'
import { replacePart } from './page.ts'
import { type GatewayServer, gatewayServer } from './servers.ts'
import { type SessionLoad, sessionRound } from './session-load.ts'
import { startSinkProcess } from './sink-process.ts'

const pageFile = fileURLToPath(new URL('../../docs/performance.md', import.meta.url))
const sessions = 1000
const setting = { scale: 1, logFormat: 'json' } as const
/** Calls that are rarer than this for each session belong to the process: timers, garbage collection, writes of the log. */
const fewest = 0.2

/** The calls of the gateway's main thread for each session, most frequent first. */
async function callsOf({ process: { pid }, ...server }: GatewayServer, load: SessionLoad): Promise<readonly (readonly [string, number])[]> {
  const folder = mkdtempSync(join(tmpdir(), 'system-calls-'))
  const file = join(folder, 'counts')
  const strace = spawn('strace', ['-c', '-p', String(pid), '-o', file], { stdio: ['ignore', 'ignore', 'pipe'] })
  // It says that it is attached.
  await once(strace.stderr, 'data')
  const { wrong } = await sessionRound(server, load)
  strace.kill('SIGINT')
  await once(strace, 'exit')
  const counts = countsIn(readFileSync(file, 'utf8'))
  rmSync(folder, { recursive: true })
  if (wrong !== 0) throw new Error(`${wrong} % of the sessions had another result`)
  const each = counts.map(([name, count]) => [name, count / load.sessions] as const)
  return each.filter(([, count]) => count >= fewest).toSorted(([, a], [, b]) => b - a)
}

/** The rows of `strace -c`: share, seconds, µs for each call, calls, perhaps errors, name. */
function countsIn(table: string): readonly (readonly [name: string, count: number])[] {
  const rows = [...table.matchAll(/^\s*[\d.]+\s+[\d.]+\s+\d+\s+(\d+)\s+(?:\d+\s+)?(\w+)$/gm)]
  return rows.map(([, count = '', name = '']) => [name, Number(count)] as const).filter(([name]) => name !== 'total')
}

async function callsOfBot(): Promise<readonly (readonly [string, number])[]> {
  const gateway = await gatewayServer(setting, { spec: pregreetSpec })
  const counts = await callsOf(gateway, { ...pregreetLoad, sessions, atOnce: 20 })
  await gateway.stop()
  return counts
}

async function callsOfMessage(): Promise<readonly (readonly [string, number])[]> {
  const sink = await startSinkProcess()
  const gateway = await gatewayServer(setting, { spec: relaySpec, flags: ['--backend', `127.0.0.1:${sink.port}`] })
  const script = mail(4096)
  const client = (index: number) => ({ from: loopbackAddress(70, index), script })
  const counts = await callsOf(gateway, { sessions, atOnce: 20, client, heard: /^250 2\.0\.0 Ok: queued[^]*^221 /m })
  await gateway.stop()
  await sink.stop()
  return counts
}

const row = (what: string, counts: readonly (readonly [string, number])[]): string =>
  `| ${what} | ${sum(counts).toFixed(1)} | ${counts.map(([name, each]) => `${name} ${each.toFixed(1)}`).join(', ')} |`
const sum = (counts: readonly (readonly [string, number])[]): number => counts.reduce((all, [, each]) => all + each, 0)

if (spawnSync('strace', ['-V']).status !== 0) {
  console.error('Missing: strace: apt-get install --no-install-recommends strace')
  process.exit(2)
}
const text = [
  `| Session | Calls | Of which (commit ${measuredCommit() ?? 'unknown'}) |`,
  '| --- | --- | --- |',
  row('Bot that speaks before the greeting, dropped', await callsOfBot()),
  row('Relayed message of 4 KiB', await callsOfMessage()),
].join('\n')
console.log(text)
if (!process.argv.includes('--keep')) writeFileSync(pageFile, replacePart(readFileSync(pageFile, 'utf8'), 'system calls', text))
// Connections of clients may still be open.
process.exit(0)
