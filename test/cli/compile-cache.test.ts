// `postscreen` from a checkout keeps the code that Node compiles, in the user's own folder only.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const home = mkdtempSync(join(tmpdir(), 'home-'))
const folder = join(home, '.cache/postscreen')
beforeEach(() => rmSync(join(home, '.cache'), { recursive: true, force: true }))
after(() => rmSync(home, { recursive: true }))

/** What Node says about the cache. */
function version(env: NodeJS.ProcessEnv = {}): string {
  const { NODE_COMPILE_CACHE: _, NODE_DISABLE_COMPILE_CACHE: __, XDG_CACHE_HOME: ___, ...rest } = process.env
  const all = { ...rest, HOME: home, NODE_DEBUG_NATIVE: 'COMPILE_CACHE', ...env }
  const { status, stdout, stderr } = spawnSync(process.execPath, [entry, '--version'], { encoding: 'utf8', env: all })
  assert.equal(status, 0, stderr)
  return stdout + stderr
}

test('the second start finds the code compiled', () => {
  version()
  assert.match(version(), /cli\/main\.ts was accepted/)
})

test('XDG_CACHE_HOME says where', () => {
  version({ XDG_CACHE_HOME: join(home, 'other') })
  assert.ok(readdirSync(join(home, 'other/postscreen')).length > 0)
  assert.ok(!existsSync(folder))
})

test('a folder that others may write to is not used', () => {
  mkdirSync(folder, { recursive: true })
  chmodSync(folder, 0o777)
  version()
  assert.deepEqual(readdirSync(folder), [])
})

for (const env of [{ HOME: '/proc/none' }, { NODE_DISABLE_COMPILE_CACHE: '1' }]) {
  test(`the command runs without a cache: ${JSON.stringify(env)}`, () => {
    assert.match(version(env), /^\d+\.\d+\.\d+$/m)
    assert.ok(!existsSync(folder))
  })
}
