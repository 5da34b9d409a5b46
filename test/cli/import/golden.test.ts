// Whole imports: one folder for each site, with its input, the tables beside it and what must come out. UPDATE=1 writes what comes out.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { importPostfixCommand, importZimbraCommand } from '../../../cli/import/command.ts'
import { readPolicyText } from '../../../crds/policy.ts'
import { inspect } from 'node:util'

const here = import.meta.dirname

/** The first line of an input says what it shows; the second where the first is a header of zmprov. */
function firstComment(path: string): string {
  const [first = '', second = ''] = readFileSync(path, 'utf8').split('\n')
  const comment = first.startsWith('# name ') ? second : first
  return comment.startsWith('#') ? comment.replace(/^# */, '') : 'no comment'
}

function runCase(folder: string) {
  const zimbra = existsSync(join(folder, 'zmprov.txt'))
  const input = join(folder, zimbra ? 'zmprov.txt' : 'main.cf')
  const options = existsSync(join(folder, 'options')) ? readFileSync(join(folder, 'options'), 'utf8').trim().split(/\s+/) : []
  const outcome = (zimbra ? importZimbraCommand : importPostfixCommand)([input, ...options])
  return { ...outcome, what: firstComment(input) }
}

function compare(path: string, text: string): void {
  if (process.env['UPDATE'] === '1') writeFileSync(path, text)
  assert.equal(text, readFileSync(path, 'utf8'))
}

const casesIn = (folder: string): readonly string[] => readdirSync(join(here, folder)).toSorted()

for (const [kind, folder] of [
  ['Postfix', 'sites'],
  ['Zimbra', 'zimbra'],
] as const) {
  for (const name of casesIn(folder)) {
    test(`imports the ${kind} case ${name}`, () => {
      const { stdout, stderr, exitCode } = runCase(join(here, folder, name))
      assert.equal(exitCode, 0, stderr)
      compare(join(here, folder, name, 'policy.yaml'), stdout)
    })

    test(`makes a valid policy of the ${kind} case ${name}, and prints its notes to standard error too`, () => {
      const { stdout, stderr } = runCase(join(here, folder, name))
      const read = readPolicyText(stdout)
      assert.ok('policy' in read, inspect(read))
      const notes = stderr.split('\n').filter((one) => one !== '' && !/^(commands that |  )/.test(one))
      for (const line of notes) assert.match(line, /^note: /)
      const head = stdout.split('\n').filter((line) => line.startsWith('#'))
      const words = head.map((line) => line.replace(/^# */, '')).join(' ')
      for (const line of notes) assert.ok(words.includes(line.replace('note: ', '').replaceAll(/ +/g, ' ')), line)
    })
  }
}

for (const name of casesIn('bad')) {
  test(`refuses the case ${name} with every error at once`, () => {
    const { stdout, stderr, exitCode } = runCase(join(here, 'bad', name))
    assert.equal(exitCode, 1)
    assert.equal(stdout, '')
    compare(join(here, 'bad', name, 'messages.txt'), stderr.replaceAll(here, '.'))
  })
}

test('gives the same policy every time', () => {
  const folder = join(here, 'sites', 'every-parameter')
  assert.equal(runCase(folder).stdout, runCase(folder).stdout)
})

test('writes fields in the order of the schema', () => {
  const { spec } = load(runCase(join(here, 'sites', 'every-parameter')).stdout) as { spec: Record<string, unknown> }
  const order = [
    'mode',
    'hostname',
    'banner',
    'listen',
    'backend',
    'greet',
    'dnsbl',
    'deepTests',
    'smtp',
    'access',
    'denylist',
    'allowlist',
    'limits',
    'tls',
  ]
  const written = Object.keys(spec)
  assert.deepEqual(
    written,
    order.filter((name) => written.includes(name)),
  )
})
