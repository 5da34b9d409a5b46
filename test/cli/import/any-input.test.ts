// Whatever the input says, an import ends in a valid policy or in errors, and its comments stay comments.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { load } from 'js-yaml'
import { builtInDefaults } from '../../../cli/import/built-in-defaults.ts'
import type { ImportResult } from '../../../cli/import/import-policy.ts'
import { Commented, withoutComments, writePolicyYaml } from '../../../cli/import/policy-yaml.ts'
import { importPostfix } from '../../../cli/import/postfix.ts'
import { importZimbra } from '../../../cli/import/zimbra.ts'
import { zimbraParameters } from '../../../cli/import/zimbra-attributes.ts'
import { readPolicyText } from '../../../crds/policy.ts'
import { inspect } from 'node:util'

const files = {
  read: (path: string) => (path.endsWith('x') ? { text: '10.0.0.0/8 reject\nkey value\n/a/ b', from: path } : { why: 'no such file' }),
}

/** Values of every kind, some of which fit the parameter that they meet. */
const value = fc.oneof(
  fc.constantFrom(
    'yes',
    'no',
    'enforce',
    'drop',
    '5',
    '0',
    '-3',
    '30d',
    '5mh',
    '1h30m',
    'may',
    'encrypt',
    'haproxy',
    'static:all',
    'permit_mynetworks',
    '$myhostname',
  ),
  fc.constantFrom(
    'cidr:/x',
    'hash:/x',
    'pcre:/x',
    'texthash:/y',
    'inline:{a=b}',
    'static:{a b}',
    '!10.0.0.1, 10.0.0.0/8',
    '[::1]/128 [fe80::]/10',
    'a.example=127.0.0.[2..11]*3, b.example*-2',
  ),
  fc.constantFrom(
    '${stress?{1}:{4}}s',
    '${{$ten} > {9} ? {drop} : {ignore}}',
    '$$x',
    'a: b',
    '# c',
    '"q"',
    '{',
    '}',
    '[',
    '- x',
    'CONNECT GET',
    'chunking silent-discard',
    '\\c text $client_address',
  ),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll(/[\n\r]/g, ' ').trim()),
)

function check({ yaml, errors }: ImportResult): void {
  if (yaml === undefined) {
    assert.ok(errors.length > 0)
    return
  }
  assert.deepEqual(errors, [])
  const read = readPolicyText(yaml)
  assert.ok('policy' in read, `${yaml}\n${inspect(read)}`)
}

test('any main.cf becomes a valid policy or errors', () => {
  const name = fc.constantFrom(
    ...[...builtInDefaults.keys()].filter((one) => /^(postscreen|smtpd|soft|line|message|smtputf8)/.test(one)),
    'mynetworks',
    'myhostname',
    'mydomain',
    'ten',
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { minLength: 1, maxLength: 6 }), fc.boolean(), (lines, allowMissingTables) => {
      const text = lines.map((line) => `${line.join(' = ')}\n`).join('')
      check(importPostfix({ text, file: 'main.cf', files, allowMissingTables: allowMissingTables ? 'all' : [] }))
    }),
    { numRuns: 250 },
  )
})

test('any attributes of Zimbra become a valid policy or errors', () => {
  const name = fc.constantFrom(...zimbraParameters().map((one) => one.name))
  const form = fc.constantFrom(': ', ':: ', ' = ', ' ')
  fc.assert(
    fc.property(fc.array(fc.tuple(name, form, value), { minLength: 1, maxLength: 6 }), (lines) => {
      check(
        importZimbra({ text: lines.map((line) => `${line.join('')}\n`).join(''), file: 'zmprov.txt', files, allowMissingTables: 'all' }),
      )
    }),
    { numRuns: 100 },
  )
})

test('text that is not a configuration is refused', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 200 }), (text) => {
      check(importPostfix({ text, file: 'main.cf', files }))
      check(importZimbra({ text, file: 'zmprov.txt', files }))
    }),
    { numRuns: 100 },
  )
})

test('the YAML reads back as what was written, whatever the texts and comments are', () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 20 }),
    fc.constantFrom(
      'yes',
      'null',
      '~',
      '1e3',
      '0x1f',
      '1.5',
      '12:30:45',
      '2026-01-01',
      '',
      ' ',
      'a: b',
      '- a',
      '#',
      '!x',
      '&a',
      '*a',
      '%',
      '@',
      '`',
      '1_000',
      '.5',
      '+1',
      'NaN',
    ),
  )
  const scalar = fc.oneof(text, fc.integer(), fc.boolean())
  const comment = fc.option(fc.string({ unit: 'binary', maxLength: 150 }), { nil: undefined })
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      scalar,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(fc.constantFrom('name', 'cidrs', 'a.example', 'no', '1', 'x y'), tie('tree'), { maxKeys: 3 }),
      fc
        .tuple(tie('tree'), comment, comment)
        .map(([inner, beside, above]) => new Commented(inner, { beside, above: above === undefined ? [] : [above] })),
    ),
  }))
  fc.assert(
    fc.property(
      fc.dictionary(fc.constantFrom('spec', 'metadata', 'kind'), tree, { minKeys: 1 }),
      fc.array(fc.string({ unit: 'binary' })),
      (manifest, head) => {
        const yaml = writePolicyYaml(manifest, head)
        assert.deepEqual(load(yaml), withoutComments(manifest), yaml)
      },
    ),
    { numRuns: 400 },
  )
})
