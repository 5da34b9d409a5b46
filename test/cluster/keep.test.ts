// The parts of the test cluster are started again when they exit, until they are stopped.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const program = fileURLToPath(new URL('keep', import.meta.url))

async function until(what: string, holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    assert.ok(tries < 3000, what)
    await sleep(20)
  }
}

test('a part that exits, such as a scheduler without an API server, is started again; a part that is stopped is not', async () => {
  const state = mkdtempSync(join(tmpdir(), 'postscreen-keep.'))
  mkdirSync(join(state, 'run'))
  const run = (ending: string): string => join(state, 'run', `part.${ending}`)
  const pid = (): number => Number(existsSync(run('pid')) ? readFileSync(run('pid'), 'utf8') : 0)
  const keep = spawn(program, [state, 'part', 'sleep', '600'], { stdio: 'ignore', env: { ...process.env, KEEP_PAUSE: '0.1' } })
  const ended = new Promise((resolve) => keep.once('exit', resolve))
  try {
    await until('it runs', () => pid() > 0)
    const first = pid()
    process.kill(first, 'SIGKILL')
    await until('it runs again', () => pid() > 0 && pid() !== first)
    assert.equal(readFileSync(run('exits'), 'utf8'), '137\n')
    writeFileSync(run('stopped'), '')
    process.kill(pid(), 'SIGTERM')
    await ended
    assert.throws(() => process.kill(pid(), 0), 'nothing is left of it')
  } finally {
    keep.kill('SIGKILL')
    rmSync(state, { recursive: true })
  }
})
