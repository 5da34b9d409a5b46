// The start of the `postscreen` command: with a Node that is too old it says what to do.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

/** Runs the entry under this Node, made to look like `version`. */
function underNode(version: string, ...args: string[]) {
  const disguise = `Object.defineProperty(process.versions, 'node', { value: '${version}' })`
  return spawnSync(process.execPath, ['--import', `data:text/javascript,${disguise}`, entry, ...args], { encoding: 'utf8' })
}

for (const version of ['20.20.2', '22.23.3', '24.20.9']) {
  test(`under Node ${version} the command says which Node it needs and how npm brings it`, () => {
    const { status, stdout, stderr } = underNode(version, '--version')
    assert.equal(status, 1)
    assert.equal(stdout, '')
    assert.match(stderr, /^postscreen needs Node\.js 24\.21 or later[^]*npm ci\n/)
  })
}

for (const version of ['24.21.0', '26.10.0']) {
  test(`under Node ${version} the command runs`, () => {
    const { status, stdout } = underNode(version, '--version')
    assert.equal(status, 0)
    assert.match(stdout, /^\d+\.\d+\.\d+\n$/)
  })
}
