// node:ffi is loaded without its warning, and nothing else is silenced.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test } from 'node:test'

const module = new URL('../../../gateway/node-internals/ffi-module.ts', import.meta.url).href

function run(program: string, ...flags: string[]): { readonly stdout: string; readonly stderr: string } {
  const { stdout, stderr } = spawnSync(process.execPath, [...flags, '--input-type=module', '--eval', program], { encoding: 'utf8' })
  return { stdout, stderr }
}

test('loading node:ffi prints no warning', () => {
  assert.deepEqual(run(`import { loadFFI } from '${module}'; loadFFI()`), { stdout: '', stderr: '' })
})

test('later warnings are printed', () => {
  const { stderr } = run(`import { loadFFI } from '${module}'; loadFFI(); process.emitWarning('something else')`)
  assert.match(stderr, /Warning: something else/)
})

test('a Node without node:ffi has no such module', () => {
  const { stdout } = run(`import { loadFFI } from '${module}'; console.log(loadFFI())`, '--no-experimental-ffi')
  assert.equal(stdout, 'undefined\n')
})
