// The gateway as users run it: a process of its own, started through the CLI with a policy file, its log in a file.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import type { BuiltProgram } from '../laboratory/built-program.ts'
import { type MailLog, openMailLog } from './mail-log.ts'

const command = fileURLToPath(new URL('../../cli/main.ts', import.meta.url))

export interface GatewayOptions {
  /** The spec as YAML or JSON; `backend` may be left out when a flag names one. */
  readonly spec: string | object
  /** Further arguments, such as `--resolver`. `--policy`, `--listen 127.0.0.1:0`, `--admin 127.0.0.1:0` are there already. */
  readonly flags?: readonly string[]
  readonly logFormat?: 'postfix' | 'json'
  readonly nodeFlags?: readonly string[]
  /** Instead of the sources. */
  readonly program?: BuiltProgram
  /** Its limit of open files, as `ulimit -n` sets it. */
  readonly openFiles?: number
  /** What it says when it has started; `listening on ` where left out. */
  readonly until?: string
}

export interface GatewayProcess {
  readonly pid: number
  readonly port: number
  /** http://127.0.0.1:PORT */
  readonly admin: string
  /** Its own folder, with policy.yaml in it; removed by `stop`. */
  readonly folder: string
  readonly policyFile: string
  readonly log: MailLog
  /** Everything that it has printed. */
  output(): string
  /** Waits until the output holds a text; throws with the output when it does not within half a minute, or so many. */
  said(text: string | RegExp, seconds?: number): Promise<void>
  signal(name: NodeJS.Signals): void
  /** The exit code, when it has ended. */
  readonly exit: Promise<number | null>
  stop(): Promise<void>
}

/**
 * Without tests of DNS lists, unless the spec says otherwise: lists of tests have no test points, and what a session does must not
 * depend on whether a test has ended before it.
 */
function withoutListTests(spec: object): object {
  const { dnsbl } = spec as { readonly dnsbl?: object }
  return dnsbl === undefined ? spec : { ...spec, dnsbl: { selfTest: '0s', ...dnsbl } }
}

/** Clients of tests have loopback addresses, which mail servers are told as they are, unless the spec says otherwise. */
const expected = { internal: ['127.0.0.0/8', '::1/128'] }

/** A manifest around a spec; JSON is YAML. */
export function manifest(spec: string | object): string {
  const head = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\n'
  if (typeof spec !== 'string')
    return `${head}spec: ${JSON.stringify({ backend: { addresses: ['127.0.0.1:1'] }, clientAddress: expected, ...withoutListTests(spec) })}\n`
  const first = /^clientAddress:/m.test(spec) ? '' : `  clientAddress: ${JSON.stringify(expected)}\n`
  return `${head}spec:\n${first}${spec.replace(/^/gm, '  ')}\n`
}

/** Starts it and waits until it listens. */
export async function startGatewayProcess(options: GatewayOptions): Promise<GatewayProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-'))
  const policyFile = join(folder, 'policy.yaml')
  const logFile = join(folder, 'log')
  writeFileSync(policyFile, manifest(options.spec))
  const out = openSync(logFile, 'a')
  const flags = ['--policy', policyFile, '--log-format', options.logFormat ?? 'postfix', ...(options.flags ?? [])]
  if (!flags.includes('--listen')) flags.push('--listen', '127.0.0.1:0')
  if (!flags.includes('--admin')) flags.push('--admin', '127.0.0.1:0')
  const { file, environment } = options.program ?? { file: command, environment: {} }
  const args = [...(options.nodeFlags ?? []), file, 'gateway', ...flags]
  // Should this process die, the kernel kills the gateway too.
  const limited = options.openFiles === undefined ? [] : ['prlimit', `--nofile=${options.openFiles}`]
  const env = { ...process.env, ...environment }
  const child = spawn('setpriv', ['--pdeathsig', 'KILL', ...limited, process.execPath, ...args], { stdio: ['ignore', out, out], env })
  closeSync(out)
  const exit = once(child, 'exit').then(([code]) => code as number | null)
  const output = (): string => readFileSync(logFile, 'utf8')
  const said = async (text: string | RegExp, seconds = 30): Promise<void> => {
    const end = performance.now() + seconds * 1000
    const holds = (): boolean => (typeof text === 'string' ? output().includes(text) : text.test(output()))
    while (!holds()) {
      if (child.exitCode !== null || performance.now() > end) throw new Error(`the gateway did not say ${text}:\n${output()}`)
      await sleep(10)
    }
  }
  // A machine that does many things at once may take its time.
  await said(options.until ?? 'listening on ', 60)
  const admin = /admin server on (\S+:\d+)/.exec(output())?.[1]
  const log = openMailLog(logFile)
  return {
    pid: child.pid ?? 0,
    get port() {
      return Number(/listening on \S+:(\d+)/.exec(output())?.[1])
    },
    admin: `http://${admin}`,
    folder,
    policyFile,
    log,
    output,
    said,
    signal: (name) => void child.kill(name),
    exit,
    stop: async () => {
      child.kill('SIGKILL')
      await exit
      log.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
