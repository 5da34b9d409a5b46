// The import commands: arguments, help, mistakes in them.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { importPostfixCommand, importZimbraCommand } from '../../../cli/import/command.ts'

const site = join(import.meta.dirname, 'sites/mailcow/main.cf')

test('prints its usage when asked', () => {
  for (const command of [importPostfixCommand, importZimbraCommand]) {
    const { stdout, stderr, exitCode } = command(['--help'])
    assert.match(stdout, /^Usage: postscreen import /)
    assert.deepEqual([stderr, exitCode], ['', 0])
    for (const option of ['--name', '--namespace', '--backend', '--tables', '--allow-missing-tables'])
      assert.ok(stdout.includes(option), option)
  }
})

const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /^expected a file, or - for standard input\n/],
  [['a', 'b'], /^expected one file; unexpected b\n/],
  [['--frobnicate', 'a'], /frobnicate/],
  [['--tables', 'sometimes', 'a'], /^--tables must be one of auto, inline, files\n/],
  [['--backend'], /backend/],
  [['/no/such/file'], /^error: \/no\/such\/file: no such file\n$/],
  [[import.meta.dirname], /is not a file\n$/],
]

for (const [argv, want] of mistakes) {
  test(`refuses the arguments "${argv.join(' ').replace(import.meta.dirname, 'FOLDER')}"`, () => {
    const { stdout, stderr, exitCode } = importPostfixCommand(argv)
    assert.match(stderr, want)
    assert.deepEqual([stdout, exitCode], ['', 1])
  })
}

test('stops at a table that cannot be read, and goes on when told', () => {
  const strict = importPostfixCommand([site])
  assert.deepEqual([strict.stdout, strict.exitCode], ['', 1])
  assert.match(strict.stderr, /^error: postscreen_access_list: tcp:127\.0\.0\.1:10027: is queried over the network/m)
  const lenient = importPostfixCommand([site, '--allow-missing-tables'])
  assert.equal(lenient.exitCode, 0)
  assert.match(lenient.stderr, /^note: postscreen_access_list: tcp:127\.0\.0\.1:10027: .*; omitted$/m)
})

test('takes name, namespace and backend from its options', () => {
  const { stdout } = importPostfixCommand([
    site,
    '--allow-missing-tables',
    '--name=mx',
    '--namespace',
    'mail',
    '--backend',
    '[2001:db8::1]:10025',
  ])
  assert.match(stdout, /^metadata:\n {2}name: mx\n {2}namespace: mail$/m)
  assert.match(stdout, /^ {2}backend:\n {4}addresses: \["\[2001:db8::1\]:10025"\]$/m)
})

test('never puts a line of the input outside a comment or a text', () => {
  const folder = mkdtempSync(join(tmpdir(), 'import-'))
  try {
    const path = join(folder, 'main.cf')
    writeFileSync(
      path,
      'mynetworks = 192.0.2.1\u2028evil: 1\nsmtpd_banner = x\u0085y\rz\npostscreen_access_list = static:{permit\u2029evil: 2}\n',
    )
    const { stdout, stderr } = importPostfixCommand([path])
    assert.equal(stdout, '')
    assert.match(stderr, /smtpd_banner: spec\.banner must be one line of printable ASCII text/)
    writeFileSync(
      path,
      'mynetworks = 192.0.2.1 a\u2028evil:x\u0085y\rz: 1\npostscreen_dnsbl_reply_map = static:{a: b # c}\npostscreen_dnsbl_sites = a.example\n',
    )
    const second = importPostfixCommand([path, '--allow-missing-tables'])
    assert.equal(second.exitCode, 0)
    for (const line of second.stdout.split(/[\n\r\u0085\u2028\u2029]/)) assert.doesNotMatch(line, /^ *(evil|y|z)/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})
