// Lines that are collected for a moment: none is lost, none is late for long, and their order stays.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LogBatch } from '../../../gateway/observability/log-batch.ts'

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

  test('is written by a process that ends with an exception', () => {
    const program = `const { LogBatch } = await import('${new URL('../../../gateway/observability/log-batch.ts', import.meta.url).href}')
      const batch = new LogBatch(1)
      batch.write('last words\\n')
      throw new Error('a mistake')`
    const { stdout, status } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { encoding: 'utf8' })
    assert.deepEqual({ stdout, status }, { stdout: 'last words\n', status: 1 })
  })
})
