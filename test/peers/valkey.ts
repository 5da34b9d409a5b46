// Private Valkey or Redis servers, sentinels and clusters, each with a folder and a port of its own.

import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Child, startChild, untilReady } from './child.ts'
import { untilHolds } from '../support/until-holds.ts'

/** The family of programs: the variable VALKEY_BIN names a folder to take them from; else valkey before redis, wherever it is found. */
export function valkeyProgram(part: 'server' | 'cli'): string | undefined {
  const folders = [process.env['VALKEY_BIN'] ?? '', ...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin'].filter((f) => f !== '')
  for (const folder of folders) {
    for (const family of ['valkey', 'redis']) if (existsSync(`${folder}/${family}-${part}`)) return `${folder}/${family}-${part}`
  }
  return undefined
}

export interface ValkeyOptions {
  /** Lines of the configuration. */
  readonly config?: readonly string[]
  /** A port to take again; a free one where left out. */
  readonly port?: number
  readonly sentinel?: boolean
  /** Lines for redis-cli to log in or to speak TLS. */
  readonly cliArguments?: readonly string[]
}

export interface Valkey {
  readonly port: number
  /** 127.0.0.1:PORT */
  readonly address: string
  /** One command as an operator would type it; gives what redis-cli prints. */
  cli(...args: string[]): Promise<string>
  /** STOP: the process holds still, its sockets stay open. CONT: it goes on. */
  signal(name: 'SIGSTOP' | 'SIGCONT'): void
  /** Ends it at once. */
  kill(): Promise<void>
  /** Starts it again on the same port, empty. */
  restart(): Promise<void>
  log(): string
  /** Kills it and removes its folder. */
  stop(): Promise<void>
}

/** A port that is free now, and another one 10,000 above it for the bus of a cluster. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await portOf(0)
    if (port + 10_000 <= 65_535 && (await portOf(port + 10_000).catch(() => 0)) !== 0) return port
  }
}

function portOf(port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = net.createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => {
      const { port: taken } = server.address() as net.AddressInfo
      server.close(() => resolve(taken))
    })
  })
}

/** Starts a server that keeps nothing on disk; waits until it takes connections. */
export async function startValkey(options: ValkeyOptions = {}): Promise<Valkey> {
  const folder = mkdtempSync(join(tmpdir(), 'valkey-'))
  const port = options.port ?? (await freePort())
  const file = join(folder, 'valkey.conf')
  // A sentinel rewrites its file, so it is written again for each start.
  const start = async (): Promise<Child> => {
    const common = [`dir ${folder}`, 'bind 127.0.0.1', 'protected-mode no', 'daemonize no']
    const own = options.sentinel === true ? [] : ['save ""', 'appendonly no']
    const ports = (options.config ?? []).some((line) => line.startsWith('tls-port')) ? [] : [`port ${port}`]
    const lines = [...common, ...own, ...ports, ...(options.config ?? []).map((line) => line.replaceAll('$PORT', String(port)))]
    writeFileSync(file, `${lines.join('\n')}\n`)
    const child = startChild(valkeyProgram('server') ?? 'valkey-server', [file, ...(options.sentinel === true ? ['--sentinel'] : [])])
    const ready = /[Rr]eady to accept connections|\+monitor master|Sentinel ID is/
    await untilReady(child, 'the Valkey', () => ready.test(child.output()))
    return child
  }
  let child = await start()
  return {
    port,
    address: `127.0.0.1:${port}`,
    cli: (...args) => valkeyCli(port, [...(options.cliArguments ?? []), ...args]),
    signal: (name) => void child.process.kill(name),
    kill: () => child.stop(),
    restart: async () => {
      await child.stop()
      child = await start()
    },
    log: () => child.output(),
    stop: async () => {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** Runs redis-cli against a port; rejects with what it prints when it fails. */
export async function valkeyCli(port: number, args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(valkeyProgram('cli') ?? 'valkey-cli', ['-p', String(port), ...args], { timeout: 60_000 })
  return stdout.trimEnd()
}

export interface Replicated {
  /** The first one begins as the primary. */
  readonly servers: readonly Valkey[]
  readonly sentinels: readonly Valkey[]
  stop(): Promise<void>
}

/** A primary with one replica and three sentinels that call it `mymaster`; a primary that says nothing for a second is given up. */
export async function startReplicated(config: readonly string[] = []): Promise<Replicated> {
  const primary = await startValkey({ config })
  const replica = await startValkey({ config: [...config, `replicaof 127.0.0.1 ${primary.port}`, 'repl-diskless-sync-delay 0'] })
  const watch = [
    `sentinel monitor mymaster 127.0.0.1 ${primary.port} 2`,
    'sentinel down-after-milliseconds mymaster 1000',
    'sentinel failover-timeout mymaster 5000',
  ]
  const sentinels: Valkey[] = []
  for (let i = 0; i < 3; i++) sentinels.push(await startValkey({ sentinel: true, config: watch }))
  await untilHolds('the sentinels know each other and the replica', async () => {
    const seen = await Promise.all(sentinels.map((sentinel) => sentinel.cli('sentinel', 'master', 'mymaster')))
    return seen.every((text) => /num-other-sentinels\s+2\b/.test(text) && /num-slaves\s+1\b/.test(text))
  })
  await untilHolds('the replica follows', async () => (await replica.cli('info', 'replication')).includes('master_link_status:up'))
  const servers = [primary, replica]
  return {
    servers,
    sentinels,
    stop: async () => {
      await Promise.all([...sentinels, ...servers].map((one) => one.stop()))
    },
  }
}

export interface ValkeyCluster {
  readonly nodes: readonly Valkey[]
  stop(): Promise<void>
}

/** Three primaries, each with a third of the slots and with so many replicas, which come behind the primaries. */
export async function startCluster(replicas = 0): Promise<ValkeyCluster> {
  const nodes: Valkey[] = []
  const config = ['cluster-enabled yes', 'cluster-config-file nodes-$PORT.conf', 'cluster-node-timeout 1500']
  const size = 3 * (1 + replicas)
  for (let i = 0; i < size; i++) nodes.push(await startValkey({ config }))
  const [first] = nodes
  if (first === undefined) throw new Error('no node')
  await valkeyCli(first.port, [
    '--cluster',
    'create',
    ...nodes.map(({ address }) => address),
    '--cluster-replicas',
    String(replicas),
    '--cluster-yes',
  ])
  await untilHolds('every node sees the whole cluster', async () => {
    const seen = await Promise.all(nodes.map((node) => node.cli('cluster', 'info')))
    return seen.every((text) => text.includes('cluster_state:ok') && text.includes(`cluster_known_nodes:${size}`))
  })
  return {
    nodes,
    stop: async () => {
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

/** A key and certificate for 127.0.0.1 and its authority, made by openssl in `folder`: ca.crt, tls.crt, tls.key. */
export async function makeCertificates(folder: string): Promise<void> {
  const run = promisify(execFile)
  const at = (name: string): string => join(folder, name)
  const ec = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  await run('openssl', ['req', '-x509', ...ec, '-days', '30', '-subj', '/CN=test authority', '-keyout', at('ca.key'), '-out', at('ca.crt')])
  await run('openssl', ['req', ...ec, '-subj', '/CN=valkey.test', '-keyout', at('tls.key'), '-out', at('tls.csr')])
  writeFileSync(at('names'), 'subjectAltName=DNS:valkey.test,IP:127.0.0.1\n')
  const sign = ['-req', '-days', '30', '-CA', at('ca.crt'), '-CAkey', at('ca.key'), '-CAcreateserial', '-extfile', at('names')]
  await run('openssl', ['x509', ...sign, '-in', at('tls.csr'), '-out', at('tls.crt')])
  if (!readFileSync(at('tls.crt'), 'utf8').includes('BEGIN CERTIFICATE')) throw new Error('openssl made no certificate')
}
