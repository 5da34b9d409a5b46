// Operators as processes of this machine, for what cannot be done to a pod: SIGKILL at a chosen moment.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
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

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) return
    const ended = once(this.#child, 'exit')
    this.#child.kill(signal)
    await ended
  }
}
