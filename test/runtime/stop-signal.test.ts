// How both programs are told to stop: once gently, twice at once, also as process 1 of a container.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const module = fileURLToPath(new URL('../../runtime/stop-signal.ts', import.meta.url))
/** A program that says which signal asked it to stop, and then never stops. */
const program = `
  const { stopSignal } = await import(${JSON.stringify(module)})
  const asked = stopSignal()
  setInterval(() => undefined, 1000)
  console.log('runs')
  console.log(await asked)
`
const node = [process.execPath, '--input-type=module', '--eval', program]

/** As process 1 of a PID namespace of its own, as in a container; `$!` is its number outside. */
const asProcessOne = ['unshare', '--pid', '--fork', '--kill-child', ...node]

async function start(command: readonly string[]) {
  const [file = '', ...args] = command
  const child = spawn(file, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  let said = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (said += text))
  const says = async (text: string): Promise<void> => {
    while (!said.includes(text)) await once(child.stdout, 'data')
  }
  await says('runs')
  return { child, says, exit: once(child, 'exit') }
}

const pairs = [
  ['SIGTERM', 'SIGTERM', 143],
  ['SIGTERM', 'SIGINT', 130],
  ['SIGINT', 'SIGTERM', 143],
] as const

describe('a program is told to stop', () => {
  for (const [first, second, code] of pairs) {
    test(`by ${first}, and ends at once with ${code} at a ${second} after that`, async (t) => {
      const { child, says, exit } = await start(node)
      t.after(() => child.kill('SIGKILL'))
      child.kill(first)
      await says(first)
      child.kill(second)
      assert.deepEqual(await exit, [code, null])
    })
  }

  test('by a second SIGTERM as process 1 too', { skip: process.getuid?.() !== 0 && 'needs root' }, async (t) => {
    const { child, says, exit } = await start(asProcessOne)
    t.after(() => child.kill('SIGKILL'))
    const inside = Number((await childrenOf(child.pid ?? 0))[0])
    process.kill(inside, 'SIGTERM')
    await says('SIGTERM')
    process.kill(inside, 'SIGTERM')
    assert.deepEqual(await exit, [143, null])
  })
})

async function childrenOf(pid: number): Promise<readonly string[]> {
  const { readFile } = await import('node:fs/promises')
  return (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).trim().split(' ')
}
