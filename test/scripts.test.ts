// The project's bash scripts have none of the mistakes that shellcheck knows, and say at their head what they are for.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unless } from './peers/require.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const { stdout } = spawnSync('git', ['grep', '--cached', '-lE', '^(#!/.*bash|# shellcheck shell=bash)'], { cwd: root, encoding: 'utf8' })
const scripts = stdout.split('\n').filter((path) => path !== '' && !path.endsWith('.ts'))

test('there are scripts', () => assert.ok(scripts.includes('test/run'), stdout))

for (const path of scripts) {
  test(`shellcheck finds nothing in ${path}`, { skip: unless('shellcheck') }, () => {
    const { status, stdout: findings, stderr } = spawnSync('shellcheck', ['--external-sources', path], { cwd: root, encoding: 'utf8' })
    assert.equal(status, 0, findings + stderr)
  })

  test(`${path} says at its head what it is for`, () => {
    const [first = '', second = ''] = readFileSync(`${root}${path}`, 'utf8').split('\n')
    assert.match(first.startsWith('#!') ? second : first, /^# [A-Z].{10}/)
  })
}
