// kubectl as a person uses it, and waiting for what Kubernetes does in its own time.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'

export interface Outcome {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

const patienceMs = 180_000

/** Runs a command to its end; `input` is its standard input. */
export function attempt(command: string, args: readonly string[], input = ''): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'], timeout: patienceMs * 2 })
    const out = { stdout: '', stderr: '' }
    child.stdout.setEncoding('utf8').on('data', (text: string) => (out.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (out.stderr += text))
    child.on('error', reject)
    child.on('close', (code) => resolve({ code: code ?? -1, ...out }))
    child.stdin.on('error', () => undefined).end(input)
  })
}

/** Runs a command that must succeed; gives its output. */
export async function run(command: string, args: readonly string[], input = ''): Promise<string> {
  const { code, stdout, stderr } = await attempt(command, args, input)
  assert.equal(code, 0, `${command} ${args.join(' ')}: ${stderr || stdout}`)
  return stdout
}

export const kubectl = (...args: readonly string[]): Promise<string> => run('kubectl', args)

/** `kubectl apply -f -`. */
export const apply = (manifest: object | string, ...args: readonly string[]): Promise<string> =>
  run('kubectl', ['apply', '-f', '-', ...args], typeof manifest === 'string' ? manifest : JSON.stringify(manifest))

// oxlint-disable-next-line typescript/no-explicit-any -- objects of any kind, looked at by tests
export type Anything = any

/** An object of the cluster, or undefined. */
export async function get(kind: string, inside: string, name: string): Promise<Anything> {
  const { code, stdout, stderr } = await attempt('kubectl', ['get', kind, '-n', inside, name, '-o', 'json'])
  if (code === 0) return JSON.parse(stdout)
  assert.match(stderr, /NotFound|not found/, stderr)
  return undefined
}

export async function list(kind: string, inside: string, ...args: readonly string[]): Promise<Anything[]> {
  return JSON.parse(await kubectl('get', kind, '-n', inside, '-o', 'json', ...args)).items
}

/** Looks until `look` gives something other than undefined, null or false, and gives that. What it throws counts as not yet. */
export async function eventually<T>(what: string, look: () => Promise<T | undefined | null | false>, withinMs = patienceMs): Promise<T> {
  const end = performance.now() + withinMs
  let last: unknown
  for (;;) {
    try {
      const found = await look()
      if (found !== undefined && found !== null && found !== false) return found
      last = found
    } catch (error) {
      last = error
    }
    if (performance.now() > end) throw new Error(`${what}: not within ${withinMs / 1000} s`, { cause: last })
    await sleep(100)
  }
}

/** A namespace for one file of stories, removed with all that is in it at the end. */
export async function namespace(name: string, labels: Readonly<Record<string, string>> = {}): Promise<void> {
  await kubectl('delete', 'namespace', name, '--ignore-not-found', '--wait')
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } })
}
