// Runs a real rbldnsd (Debian package rbldnsd) on a free port for live tests and the bench.

import { type ChildProcess, spawn } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Endpoint } from '../../../crds/values/endpoint.ts'

export interface Rbldnsd {
  readonly endpoint: Endpoint
  readonly pid: number
  stop(): Promise<void>
}

/** A zone: its name, a dataset type of rbldnsd, and the lines of its file. */
export interface Zone {
  readonly name: string
  readonly type: 'ip4set' | 'ip4trie' | 'ip6trie' | 'generic'
  readonly lines: readonly string[]
}

/** Starts it and waits until it has loaded its zones. `port` as that of an earlier one that was stopped. */
export async function startRbldnsd(zones: readonly Zone[], port?: number): Promise<Rbldnsd> {
  const directory = await mkdtemp(join(tmpdir(), 'rbldnsd-'))
  await chmod(directory, 0o755)
  for (const zone of zones) await writeFile(join(directory, zone.name), `${zone.lines.join('\n')}\n`)
  for (let i = 0; i < 20; i++) {
    const endpoint = { address: '127.0.0.1', port: port ?? (await freePort()) }
    const child = await run(endpoint, directory, zones)
    if (child === undefined) continue
    const stop = async () => {
      await ended(child)
      await rm(directory, { recursive: true, force: true })
    }
    return { endpoint, pid: child.pid ?? 0, stop }
  }
  throw new Error('rbldnsd did not start')
}

async function run(endpoint: Endpoint, directory: string, zones: readonly Zone[]): Promise<ChildProcess | undefined> {
  const options = ['-n', '-b', `${endpoint.address}/${endpoint.port}`, '-w', directory, '-t', '2100']
  const asRoot = process.getuid?.() === 0 ? ['-u', 'rbldns'] : []
  const specs = zones.map((zone) => `${zone.name}:${zone.type}:${zone.name}`)
  const child = spawn('rbldnsd', [...options, ...asRoot, ...specs], { stdio: ['ignore', 'pipe', 'pipe'] })
  const started = await new Promise<boolean>((resolve) => {
    let output = ''
    const read = (text: Buffer) => {
      output += text.toString()
      if (output.includes('started (')) resolve(true)
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('error', () => resolve(false))
    child.once('exit', () => resolve(false))
  })
  return started ? child : undefined
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const exit = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await exit
}

/** Below the ports that the kernel deals out (32,768 and up): a server that is stopped finds its port free when it comes back. */
async function freePort(): Promise<number> {
  for (;;) {
    const port = 10_000 + Math.floor(Math.random() * 20_000)
    const socket = createSocket('udp4')
    const isFree = await new Promise<boolean>((resolve) => {
      socket.once('error', () => resolve(false))
      socket.bind(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise<void>((resolve) => socket.close(resolve))
    if (isFree) return port
  }
}
