// Operators as processes of this machine, for what cannot be done to a pod: SIGKILL at a chosen moment, and measuring one.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { image } from './surroundings.ts'

const command = fileURLToPath(new URL('../../../../cli/postscreen.js', import.meta.url))

export class OperatorProcess {
  readonly #child: ChildProcess
  readonly lines: string[] = []

  constructor(namespace: string, ...flags: readonly string[]) {
    const args = [
      'operator',
      '--namespaces',
      namespace,
      '--lease-namespace',
      namespace,
      '--gateway-image',
      image(),
      '--admin',
      '127.0.0.1:0',
      ...flags,
    ]
    this.#child = spawn(process.execPath, [command, ...args], { stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => this.lines.push(...text.split('\n').filter((line) => line !== '')))
    }
  }

  /** Whether it has said that it leads. */
  get leads(): boolean {
    return this.lines.some((line) => line.includes('"leading"'))
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null
  }

  get exitCode(): number | null {
    return this.#child.exitCode
  }

  /** Resident memory in bytes, as the kernel counts it. */
  get residentBytes(): number {
    const [, kilobytes = '0'] = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${this.#child.pid}/status`, 'utf8')) ?? []
    return Number(kilobytes) * 1024
  }

  /** What its metrics say, by the name with its labels. */
  async metrics(): Promise<ReadonlyMap<string, number>> {
    const [, address] = /admin server on (\S+?)"/.exec(this.lines.join('\n')) ?? []
    const text = await (await fetch(`http://${address}/metrics`)).text()
    return new Map(
      text
        .split('\n')
        .flatMap((line): [string, number][] =>
          /^[a-z]/.test(line) ? [[line.slice(0, line.lastIndexOf(' ')), Number(line.split(' ').at(-1))]] : [],
        ),
    )
  }

  /** Requests to the API server so far, by verb; watches apart. */
  async requests(): Promise<Readonly<Record<string, number>>> {
    const counts: Record<string, number> = {}
    for (const [name, value] of await this.metrics()) {
      const [, verb] = /^rest_client_requests_total\{verb="(\w+)"/.exec(name) ?? []
      if (verb !== undefined) counts[verb] = (counts[verb] ?? 0) + value
    }
    return counts
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }
}
