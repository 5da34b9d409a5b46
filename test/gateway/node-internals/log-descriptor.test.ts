// Log lines that still wait when the process ends are written to the descriptor of pino's destination.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import pino from 'pino'
import { writeAtExit } from '../../../gateway/node-internals/log-descriptor.ts'

test('a destination of pino still has its descriptor', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'log-descriptor-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'log')
  const destination = pino.destination({ dest: file, sync: false })
  await once(destination, 'ready')
  writeAtExit(destination, Buffer.from('the last line\n'))
  assert.equal(readFileSync(file, 'utf8'), 'the last line\n')
})

test('without a descriptor, or with one that is closed, nothing happens', () => {
  for (const destination of [{}, { fd: -1 }, { fd: 1_000_000 }, { fd: 'x' }]) writeAtExit(destination, Buffer.from('lost'))
})
