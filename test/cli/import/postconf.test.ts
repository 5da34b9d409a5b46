// Expansion compared with that of a real Postfix: `postconf -x` over every main.cf of the tests and over generated expressions, `postconf -d` for the defaults.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { builtInDefaults } from '../../../cli/import/built-in-defaults.ts'
import { Configuration, type Evaluation } from '../../../cli/import/configuration.ts'
import { parseMainCf } from '../../../cli/import/main-cf.ts'
import { parametersWithoutField } from '../../../cli/import/parameters-without-field.ts'
import { tlsParameters } from '../../../cli/import/tls-settings.ts'
import { postfixParameters } from '../../../crds/schema/parameters.ts'

const skip = spawnSync('postconf', ['-d', '-h', 'mail_version']).status === 0 ? false : 'there is no Postfix here'
const folders: string[] = []
after(() => folders.forEach((folder) => rmSync(folder, { recursive: true })))

/** A configuration folder. The file is made old: Postfix reads one that has just changed again and again, a third of a second apart. */
function configure(mainCf: string): string {
  const folder = mkdtempSync(join(tmpdir(), 'postconf-'))
  folders.push(folder)
  for (const [name, text] of [
    ['main.cf', mainCf],
    ['master.cf', ''],
  ] as const) {
    writeFileSync(join(folder, name), text)
    utimesSync(join(folder, name), 1e9, 1e9)
  }
  return folder
}

/** postconf prints white space as single blanks. */
const squeeze = (text: string): string =>
  text
    .split(/[ \t\r\n]+/)
    .filter((word) => word !== '')
    .join(' ')

function values(folder: string, mode: '-x' | '-d', names: readonly string[]): ReadonlyMap<string, string> {
  const { stdout, stderr, status } = spawnSync('postconf', ['-c', folder, mode, ...names], { encoding: 'utf8', maxBuffer: 16e6 })
  assert.equal(status, 0, stderr)
  return new Map(
    stdout
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => [line.split(' =')[0] ?? '', line.replace(/^[^=]*= ?/, '')]),
  )
}

/** Parameters whose default is a matter of how and where Postfix was built. */
const built = [
  'mail_version',
  'command_directory',
  'daemon_directory',
  'config_directory',
  'data_directory',
  'queue_directory',
  'meta_directory',
  'default_database_type',
  'postscreen_cache_map',
]

test('the built-in defaults are those of the real Postfix', { skip }, () => {
  const real = values(configure(''), '-d', [])
  const wrong = [...builtInDefaults].filter(([name, text]) => real.has(name) && !built.includes(name) && squeeze(text) !== real.get(name))
  assert.deepEqual(
    wrong.map(([name, text]) => `${name} = ${text}, but really ${real.get(name)}`),
    [],
  )
})

test('every parameter of the real postscreen has a field, has a say in one, or has a reason for being left out', { skip }, () => {
  const mapped = postfixParameters()
  const real = [...values(configure(''), '-d', []).keys()].filter((name) => name.startsWith('postscreen_'))
  assert.ok(real.length > 40)
  assert.deepEqual(
    real.filter((name) => !mapped.has(name) && !parametersWithoutField.has(name) && !tlsParameters.includes(name)),
    [],
  )
})

/** Not expanded by postconf either: their dollar signs are for later. */
const raw = ['postscreen_reject_footer', 'postscreen_expansion_filter', 'smtpd_reject_footer', 'smtpd_expansion_filter']

const sites = ['sites', 'bad'].flatMap((folder) =>
  readdirSync(join(import.meta.dirname, folder)).map((name) => join(import.meta.dirname, folder, name, 'main.cf')),
)

for (const path of sites.filter((one) => existsSync(one))) {
  const name = path.split('/').at(-2) ?? ''
  const text = readFileSync(path, 'utf8')
  const parsed = parseMainCf(text, 'main.cf')
  if (parsed.errors.length > 0) {
    test(`Postfix too refuses the main.cf of ${name}, at the first of its mistakes`, { skip }, () => {
      const { stderr, status } = spawnSync('postconf', ['-c', configure(text), '-n'], { encoding: 'utf8' })
      assert.notEqual(status, 0)
      const [first = ''] = parsed.errors
      assert.ok(stderr.includes(first.replace(/^main\.cf, (line \d+: [^"]*).*$/s, '$1')), `${first}\n${stderr}`)
    })
    continue
  }
  test(`every parameter in the main.cf of ${name} expands as in Postfix`, { skip }, () => {
    const folder = configure(text)
    const real = values(folder, '-d', [])
    const machine = new Map(['myhostname', 'mydomain', 'mynetworks', ...built].map((one) => [one, real.get(one) ?? '']))
    machine.delete('mydomain')
    const configuration = new Configuration(parsed.settings, new Map([...builtInDefaults, ...machine]))
    const names = [...builtInDefaults.keys()].filter((one) => real.has(one) && !raw.includes(one) && one !== 'config_directory')
    const whys = names.map((one) => configuration.evaluate(one)).flatMap((result) => ('why' in result ? [result.why] : []))
    if (whys.length > 0) {
      // postconf looks into every parameter before it prints one.
      const { stderr, status } = spawnSync('postconf', ['-c', folder, '-x', ...names], { encoding: 'utf8' })
      assert.notEqual(status, 0)
      // Postfix closes the quotes of its operators twice: "==" or "!="" or "<"".
      const told = stderr.replaceAll('"" or', '" or')
      assert.ok(
        whys.some((why) => told.includes(why)),
        stderr,
      )
      return
    }
    const expanded = values(folder, '-x', names)
    for (const one of names) {
      const mine = configuration.evaluate(one)
      assert.equal('text' in mine ? squeeze(mine.text) : '', expanded.get(one), one)
    }
  })
}

/** Parameters of other programs too: expressions can be tried with any. */
const carriers = ['postscreen_', 'smtpd_', 'smtp_', 'lmtp_']

const variables =
  'a = A\nb = $a$c\nc = ${stress?{S}:{N}}\nempty =\nnum = 10\nring = $ring2\nring2 = x${ring:y}\nown=${unset?{$own}:{ok}}\ncompatibility_level = 3.6\nsmtpd_banner = hi\n'

const name = fc.constantFrom('a', 'b', 'c', 'empty', 'unset', 'ring', 'own', 'num', 'stress', 'smtpd_banner', 'compatibility_level')
const blank = fc.constantFrom('', '', '', ' ', '  ')
const plain = fc.constantFrom(
  '',
  'x',
  'hello',
  '1',
  '2',
  '10',
  '3.6',
  'a b',
  '$$',
  '{',
  '}',
  '?',
  ':',
  '(',
  ')',
  '$',
  '&',
  '3.6.1',
  '+1',
  '-',
  '"',
)
const operator = fc.constantFrom('==', '!=', '<', '<=', '>', '>=', '<level', '>=level', '==level', '=', '~', '<foo')

/** Expressions of every form, most of them well formed, with odd pieces in between. */
const { text: expression } = fc.letrec<{ text: string; macro: string }>((tie) => ({
  text: fc.array(fc.oneof({ weight: 3, arbitrary: plain }, tie('macro')), { maxLength: 3 }).map((pieces) => pieces.join('')),
  macro: fc.oneof(
    { depthSize: 'small' },
    name.map((one) => `$${one}`),
    name.map((one) => `\${${one}}`),
    name.map((one) => `$(${one})`),
    fc
      .tuple(blank, name, blank, fc.constantFrom('?', ':'), tie('text'))
      .map(([before, one, behind, sign, text]) => `\${${before}${one}${behind}${sign}${text}}`),
    fc
      .tuple(name, blank, fc.constantFrom('?', ':'), blank, tie('text'), blank)
      .map(([one, v, sign, w, text, u]) => `\${${one}${v}${sign}${w}{${text}}${u}}`),
    fc
      .tuple(name, blank, tie('text'), blank, tie('text'), blank)
      .map(([one, v, yes, u, no, w]) => `\${${one}${v}?{${yes}}${u}:${w}{${no}}}`),
    fc
      .tuple(tie('text'), blank, operator, tie('text'), tie('text'), tie('text'))
      .map(([left, v, sign, right, yes, no]) => `\${{${left}}${v}${sign}${v}{${right}}?{${yes}}:{${no}}}`),
    fc.tuple(tie('text'), tie('text')).map(([left, right]) => `\${{${left}} == {${right}}}`),
  ),
}))
const expressions = (count: number, seed: number): readonly string[] =>
  fc.sample(expression, { numRuns: count, seed }).filter((text) => text.trim() === text)

const evaluate = (texts: readonly string[], names: readonly string[]): readonly Evaluation[] => {
  const { settings } = parseMainCf(variables + texts.map((text, at) => `${names[at]} = ${text}\n`).join(''), 'main.cf')
  const configuration = new Configuration(settings)
  return texts.map((_, at) => configuration.evaluate(names[at] ?? ''))
}

test('3,000 generated expressions expand as in Postfix', { skip }, () => {
  const known = [...values(configure(''), '-d', []).keys()].filter(
    (one) => carriers.some((start) => one.startsWith(start)) && !/footer|expansion_filter|smtpd_banner/.test(one),
  )
  assert.ok(known.length > 200)
  for (let seed = 1; seed <= 15; seed++) {
    const all = expressions(known.length, seed).slice(0, 200)
    const fine = all.filter((_, at) => 'text' in (evaluate(all, known)[at] ?? {}))
    const folder = configure(variables + fine.map((text, at) => `${known[at]} = ${text}\n`).join(''))
    const real = values(folder, '-x', known.slice(0, fine.length))
    for (const [at, result] of evaluate(fine, known).entries()) {
      assert.equal('text' in result ? squeeze(result.text) : '', real.get(known[at] ?? ''), fine[at] ?? '')
    }
  }
})

/** Postfix's message for an expression that it refuses. A refusal takes it a second, so that many are asked for at once. */
function refusal(text: string): Promise<string> {
  const folder = configure(`${variables}smtpd_helo_restrictions = ${text}\n`)
  return new Promise((resolve, reject) => {
    const child = spawn('postconf', ['-c', folder, '-x', 'smtpd_helo_restrictions'], { stdio: ['ignore', 'ignore', 'pipe'] })
    let said = ''
    child.stderr.on('data', (bytes: Buffer) => (said += bytes.toString()))
    child.on('error', reject)
    child.on('close', (status) => resolve(status === 0 ? 'accepted' : said))
  })
}

test('Postfix refuses the generated expressions that are refused here, with the same words', { skip }, async () => {
  const refused = expressions(600, 99).flatMap((text) => {
    const [result] = evaluate([text], ['smtpd_helo_restrictions'])
    return result !== undefined && 'why' in result ? [{ text, why: result.why }] : []
  })
  assert.ok(refused.length >= 40)
  const said = await Promise.all(refused.slice(0, 40).map(({ text }) => refusal(text)))
  for (const [at, message] of said.entries()) {
    const { text, why } = refused[at] ?? { text: '', why: '' }
    // Postfix quotes the operators of one message wrongly.
    assert.ok(message.replaceAll('"', '').includes(why.replaceAll('"', '')), `${text}\n${why}\n${message}`)
  }
})
