// Lines that are collected for a moment: none is lost, none is late for long, and their order stays.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { closeSync, constants, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogBatch } from '../../../gateway/observability/log-batch.ts'

/** Reads a pipe until as many bytes have come as `expected` says. @returns the number of bytes */
async function readAll(pipe: number, expected: () => number): Promise<number> {
  const buffer = Buffer.alloc(65_536)
  const end = performance.now() + 20_000
  const fd = openSync(`/proc/self/fd/${pipe}`, constants.O_RDONLY | constants.O_NONBLOCK)
  let read = 0
  while (read < expected() && performance.now() < end) {
    try {
      read += readSync(fd, buffer)
    } catch {
      // EAGAIN: the batch has not written on yet.
      await sleep(1)
    }
    await new Promise(setImmediate)
  }
  closeSync(fd)
  return read
}

describe('a batch of log lines', () => {
  let folder: string

  before(() => {
    folder = mkdtempSync(join(tmpdir(), 'log-batch-'))
  })

  after(() => rmSync(folder, { recursive: true }))

  test('holds every line in its order when it has been flushed, also one longer than a batch', async () => {
    const file = join(folder, 'order')
    const batch = new LogBatch(file)
    const lines = Array.from({ length: 3000 }, (_, index) => `line ${index} ${'ä'.repeat(index === 1500 ? 100_000 : index % 50)}\n`)
    for (const line of lines) batch.write(line)
    await batch.flush()
    assert.equal(readFileSync(file, 'utf8'), lines.join(''))
  })

  test('is written soon without a flush', async () => {
    const file = join(folder, 'soon')
    const batch = new LogBatch(openSync(file, 'a'))
    batch.write('one\n')
    const written = (): boolean => readFileSync(file, 'utf8') === 'one\n'
    while (!written()) await sleep(5)
  })

  test('can be flushed with nothing in it', async () => {
    await new LogBatch(join(folder, 'empty')).flush()
  })

  test('holds at most 16 MiB for a reader that is stuck, and tells how many lines were dropped when it reads again', async () => {
    const pipe = join(folder, 'pipe')
    spawnSync('mkfifo', [pipe])
    // A reader and a writer at once, so that neither waits for the other: nothing is read.
    const reader = openSync(pipe, constants.O_RDWR)
    const batch = new LogBatch(openSync(pipe, constants.O_WRONLY))
    let dropped = 0
    batch.whenReadAgain = (lines) => (dropped += lines)
    const line = `${'x'.repeat(1023)}\n`
    const written = 40 * 1024
    for (let i = 0; i < written; i++) batch.write(line)
    const read = await readAll(reader, () => (written - dropped) * line.length)
    closeSync(reader)
    assert.equal(read / line.length + dropped, written)
    assert.ok(read <= 16 * 1024 * 1024 + 2 * 65_536, String(read))
    assert.ok(read >= 15 * 1024 * 1024, String(read))
  })

  test('is written by a process that ends with an exception', () => {
    const program = `const { LogBatch } = await import('${new URL('../../../gateway/observability/log-batch.ts', import.meta.url).href}')
      const batch = new LogBatch(1)
      batch.write('last words\\n')
      throw new Error('a mistake')`
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
    assert.deepEqual({ stdout, status }, { stdout: 'last words\n', status: 1 })
  })
})
