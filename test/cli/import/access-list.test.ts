// Access lists: what the gateway decides by the imported policy is what postscreen would have decided.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { importPostfix } from '../../../cli/import/postfix.ts'
import type { TableStyle } from '../../../cli/import/source.ts'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { readPolicyText } from '../../../crds/policy.ts'
import { compileRules } from '../../../gateway/core/rules.ts'
import { compileTable } from '../../../gateway/core/access-list.ts'
import { cpuTimeOf } from '../../support/cpu-time.ts'
import { inspect } from 'node:util'

const noFiles = { read: () => ({ why: 'no such file' }) }

function importText(text: string, files: Readonly<Record<string, string>> = {}, tables: TableStyle = 'auto') {
  const read = (path: string) => {
    const found = files[path]
    return found === undefined ? { why: 'no such file' } : { text: found, from: path }
  }
  const imported = importPostfix({ text, file: 'main.cf', files: { read }, tables })
  return { ...imported, notes: imported.notes.filter((note) => !/^(master\.cf|myhostname|log|allowlist)[: ]/.test(note)) }
}

/** What the gateway decides about addresses by the policy of a main.cf. */
function decisionsOf(text: string, files: Readonly<Record<string, string>> = {}, tables: TableStyle = 'auto'): (address: string) => string {
  const { yaml, errors } = importText(text, files, tables)
  const read = readPolicyText(yaml ?? '')
  assert.ok('policy' in read, `${errors.join('\n')} ${inspect(read)}`)
  const names = new Map(
    Object.entries(files).map(([path, content]) => [path.split('/').at(-1) ?? '', compileTable(parseAccessTable(content).rules)]),
  )
  const rules = compileRules(read.policy.spec, { hostname: 'mx.test', localTime: () => '', tables: names })
  return (address) => rules.access.decide(address)
}

/** Postfix's own way, server_acl_eval, for lists whose networks are given as predicates. */
type Decision = 'Permit' | 'Reject' | 'Dunno'

interface Part {
  /** As it stands in the list. */
  readonly text: string
  /** Undefined goes on with the list. */
  readonly decide: (address: string) => Decision | undefined
}

const networks: Readonly<Record<string, (address: string) => boolean>> = {
  '10.0.0.0/8': (address) => address.startsWith('10.'),
  '10.1.0.0/16': (address) => address.startsWith('10.1.'),
  '10.1.2.0/24': (address) => address.startsWith('10.1.2.'),
  '10.1.2.3': (address) => address === '10.1.2.3',
  '0.0.0.0/0': (address) => !address.includes(':'),
  '2001:db8::/32': (address) => address.startsWith('2001:db8:'),
  '2001:db8:1::/48': (address) => address.startsWith('2001:db8:1:'),
  '2001:db8:1::5': (address) => address === '2001:db8:1::5',
}
const addresses = [
  '10.1.2.3',
  '10.1.2.4',
  '10.1.9.9',
  '10.9.9.9',
  '192.0.2.1',
  '2001:db8:1::5',
  '2001:db8:1::6',
  '2001:db8:2::1',
  '2001:dead::1',
]
const network = fc.constantFrom(...Object.keys(networks))
const family = (text: string): boolean => text.includes(':')

/** A pattern of a cidr table or a list; `!` means the other addresses of the same family in a table, no match in a list. */
interface Pattern {
  readonly network: string
  readonly negated: boolean
}
const pattern = fc.record({ network, negated: fc.boolean() })
const inside = ({ network: name, negated }: Pattern, address: string): boolean =>
  family(name) === family(address) && (networks[name]?.(address) ?? false) !== negated

const bracketed = (name: string): string => (name.includes(':') ? name.replace(/^([^/]*)/, '[$1]') : name)

const mynetworksOf = (patterns: readonly Pattern[]): string =>
  patterns.map(({ network: name, negated }) => `${negated ? '!' : ''}${bracketed(name)}`).join(', ')

function inMynetworks(patterns: readonly Pattern[], address: string): boolean {
  const first = patterns.find(({ network: name }) => networks[name]?.(address))
  return first !== undefined && !first.negated
}

const result = fc.constantFrom(
  'permit',
  'REJECT',
  'dunno',
  'permit_mynetworks',
  'permit_mynetworks, reject',
  'permit_mynetworks dunno',
  'dunno, reject',
)

function decideResult(text: string, mine: boolean): Decision | undefined {
  for (const word of text.toLowerCase().split(/[, ]+/)) {
    if (word === 'permit') return 'Permit'
    if (word === 'reject') return 'Reject'
    if (word === 'dunno') return undefined
    if (word !== 'permit_mynetworks') return 'Dunno'
    if (mine) return 'Permit'
  }
  return undefined
}

/** Rules of a cidr table, some in an `if` block. */
const line = fc.record({ pattern, result, inside: fc.option(pattern, { nil: undefined }) })

function cidrPart(
  lines: readonly { pattern: Pattern; result: string; inside: Pattern | undefined }[],
  mine: (address: string) => boolean,
): Part {
  const show = ({ network: name, negated }: Pattern): string => `${negated ? '!' : ''}${name}`
  const text = lines.map((one) => {
    const rule = `{${show(one.pattern)} ${one.result}}`
    return one.inside === undefined ? rule : `{if ${show(one.inside)}}, ${rule}, {endif}`
  })
  return {
    text: `cidr:{${text.join(', ')}}`,
    decide: (address) => {
      const hit = lines.find((one) => inside(one.pattern, address) && (one.inside === undefined || inside(one.inside, address)))
      return hit === undefined ? undefined : decideResult(hit.result, mine(address))
    },
  }
}

const site = fc.record({
  mynetworks: fc.array(pattern, { minLength: 1, maxLength: 4 }),
  list: fc.array(
    fc.oneof(
      fc.constant({ is: 'mynetworks' as const }),
      fc.record({ is: fc.constant('cidr' as const), lines: fc.array(line, { minLength: 1, maxLength: 5 }) }),
      fc.record({ is: fc.constant('static' as const), result }),
      fc.record({ is: fc.constant('inline' as const), key: fc.constantFrom('10.1.2.3', '2001:db8:1::5', '192.0.2.1'), result }),
      fc.record({ is: fc.constant('word' as const), word: fc.constantFrom('permit', 'reject', 'dunno') }),
    ),
    { minLength: 1, maxLength: 5 },
  ),
})

test('decides as postscreen does, whatever words, tables, conditions and exceptions a list has', () => {
  fc.assert(
    fc.property(site, ({ mynetworks, list }) => {
      const mine = (address: string): boolean => inMynetworks(mynetworks, address)
      const parts = list.map((item): Part => {
        if (item.is === 'mynetworks') return { text: 'permit_mynetworks', decide: (address) => (mine(address) ? 'Permit' : undefined) }
        if (item.is === 'cidr') return cidrPart(item.lines, mine)
        if (item.is === 'static') return { text: `static:{${item.result}}`, decide: (address) => decideResult(item.result, mine(address)) }
        if (item.is === 'inline') {
          return {
            text: `inline:{{${item.key} = ${item.result}}}`,
            decide: (address) => (address === item.key ? decideResult(item.result, mine(address)) : undefined),
          }
        }
        return { text: item.word, decide: () => ({ permit: 'Permit', reject: 'Reject', dunno: 'Dunno' })[item.word] as Decision }
      })
      const decide = decisionsOf(
        `mynetworks = ${mynetworksOf(mynetworks)}\npostscreen_access_list = ${parts.map(({ text }) => text).join(', ')}\n`,
      )
      for (const address of addresses) {
        const want = parts.map((part) => part.decide(address)).find((decision) => decision !== undefined) ?? 'Dunno'
        assert.equal(decide(address), want, address)
      }
    }),
    { numRuns: 150 },
  )
})

test('leaves a long cidr table in its file, and the gateway reads it there', () => {
  const lines = Array.from({ length: 1500 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24 ${at % 2 === 0 ? 'reject' : 'permit'}`)
  const text = 'mynetworks = 192.0.2.1\npostscreen_access_list = cidr:/etc/postfix/long.cidr\n'
  const files = { '/etc/postfix/long.cidr': lines.join('\n') }
  assert.match(importText(text, files).yaml ?? '', /- \{table: \{file: long\.cidr\}\}/)
  const decide = decisionsOf(text, files)
  assert.deepEqual(['10.0.0.1', '10.0.1.1', '10.5.219.1', '11.0.0.1'].map(decide), ['Reject', 'Permit', 'Permit', 'Dunno'])
})

test('keeps two long tables of the same name apart', () => {
  const files = { '/a/x.cidr': '192.0.2.0/24 permit', '/b/x.cidr': '198.51.100.0/24 reject' }
  const { yaml = '' } = importText('mynetworks = 192.0.2.1\npostscreen_access_list = cidr:/a/x.cidr cidr:/b/x.cidr\n', files, 'files')
  assert.deepEqual(yaml.match(/\{file: [^}]*\}/g), ['{file: x.cidr}', '{file: b-x.cidr}'])
})

test('writes a table of 100,000 networks into the policy without much CPU time when told to', () => {
  const lines = Array.from(
    { length: 100_000 },
    (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255} ${at < 50_000 ? 'reject' : 'permit'}`,
  )
  const text = 'mynetworks = 192.0.2.1\npostscreen_access_list = cidr:/etc/postfix/huge.cidr\n'
  const files = { '/etc/postfix/huge.cidr': lines.join('\n') }
  const ms = cpuTimeOf(() => {
    const { yaml = '', notes } = importText(text, files, 'inline')
    assert.equal(yaml.match(/action: /g)?.length, 10)
    assert.ok(notes.some((note) => note.includes('1 MiB')))
  })
  assert.ok(ms < 30_000, `${ms} ms: far more than a slow machine needs`)
})

test('says where private networks of mynetworks belong that the access list does not permit', () => {
  const hint = /^mynetworks: .*list them in spec\.clientAddress\.internal/
  const hinted = (mynetworks: string, list: string): boolean =>
    importText(`mynetworks = ${mynetworks}\npostscreen_access_list = ${list}\n`, { '/x': '192.0.2.0/24 reject\n' }).notes.some((note) =>
      hint.test(note),
    )
  assert.ok(hinted('127.0.0.0/8, 10.0.0.0/8', 'cidr:/x'))
  assert.ok(hinted('cidr:/x', 'cidr:/x'))
  assert.ok(!hinted('198.51.100.0/24 [2001:db8::]/32 !10.0.0.1', 'cidr:/x'))
  assert.ok(!hinted('10.0.0.0/8', 'permit_mynetworks, cidr:/x'))
})

test('says what a table that alternates too often needs', () => {
  const lines = Array.from({ length: 2500 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24 ${at % 2 === 0 ? 'reject' : 'permit'}`)
  const { errors } = importText('mynetworks = 192.0.2.1\npostscreen_access_list = cidr:/x\n', { '/x': lines.join('\n') }, 'inline')
  assert.deepEqual(errors, ['postscreen_access_list: cidr:/x: more than 1000 changes between permit, reject and dunno; try --tables files'])
})

test('tells of bad lines in a long table a few times, not thousands of times', () => {
  const lines = Array.from({ length: 3000 }, () => '10.0.0.1/8 reject')
  const { notes } = importText('mynetworks = 192.0.2.1\npostscreen_access_list = cidr:/x\n', { '/x': lines.join('\n') })
  assert.equal(notes.length, 6)
  assert.match(notes.at(-1) ?? '', /2995 more messages of the same kind/)
})

test('reads mynetworks with files, tables, host names and IPv4-mapped networks', () => {
  const files = { '/etc/postfix/nets': '# ours\n10.1.0.0/16, !10.1.2.3\n', '/etc/postfix/hosts': '192.0.2.1 x\nhost.example y\n' }
  const text =
    'mynetworks = !10.1.2.4 /etc/postfix/nets cidr:{{2001:db8::/32 any}} hash:/etc/postfix/hosts localhost [::ffff:127.0.0.0]/104\n'
  const { notes, errors } = importText(text, files)
  assert.deepEqual(errors, [])
  assert.equal(notes.length, 3)
  const decide = decisionsOf(text, files)
  assert.deepEqual(['10.1.2.3', '10.1.2.4', '10.2.0.1', '192.0.2.1', '2001:db8::9', '127.0.0.1'].map(decide), [
    'Permit',
    'Dunno',
    'Dunno',
    'Permit',
    'Permit',
    'Dunno',
  ])
})

test('takes no decision for an unknown word in a table, and says so', () => {
  const text =
    'mynetworks = 192.0.2.9\npostscreen_access_list = cidr:{{192.0.2.1 OK}, {192.0.2.2 550 go away}, {192.0.2.3 reject because}}\n'
  const { notes } = importText(text)
  assert.equal(notes.filter((note) => note.includes('unknown command')).length, 2)
  assert.deepEqual(['192.0.2.1', '192.0.2.2', '192.0.2.3'].map(decisionsOf(text)), ['Dunno', 'Dunno', 'Reject'])
})

test('needs no file for a list without tables', () => {
  const { errors } = importPostfix({ text: 'postscreen_access_list = permit', file: 'main.cf', files: noFiles })
  assert.deepEqual(errors, [])
})

describe('a table that is a copy of SPF records', () => {
  const hint = /^postscreen_access_list: .*: (.*) mentions SPF: .*\{action: Permit, spf: \[DOMAIN\]\} in spec\.access$/
  const hintsOf = (table: string, text: string): readonly string[] => {
    const path = table.slice(table.lastIndexOf(':') + 1)
    const { notes } = importText(`postscreen_access_list = ${table}\n`, { [path]: text })
    return notes.flatMap((note) => hint.exec(note)?.[1] ?? [])
  }

  for (const [what, table, text, where] of [
    ['says so in its head', 'cidr:/etc/postfix/access.cidr', '# Whitelist generated by Postwhite v3.4\n192.0.2.0/24 permit\n', 'line 1'],
    ['says so further down', 'cidr:/a.cidr', '192.0.2.1 reject\n\n  # from _spf.example.com\n192.0.2.0/24 permit\n', 'line 3'],
    ['has such a name', 'cidr:/etc/postscreen_spf_whitelist.cidr', '192.0.2.0/24 permit\n', 'its name'],
    ['is indexed', 'hash:/etc/access', '# SPF of big senders\n192.0.2.1 permit\n', 'line 1'],
    ['is behind proxy:', 'proxy:cidr:/etc/spf.cidr', '192.0.2.0/24 PERMIT\n', 'its name'],
  ] as const)
    test(`is named with what to write instead: one that ${what}`, () => assert.deepEqual(hintsOf(table, text), [where]))

  for (const [what, table, text] of [
    ['says nothing of SPF', 'cidr:/etc/access.cidr', '# offices\n192.0.2.0/24 permit\n'],
    ['permits no client', 'cidr:/etc/spf.cidr', '# no SPF record\n192.0.2.0/24 reject\n'],
    ['has the letters in another word', 'cidr:/etc/mispfiled.cidr', '# crispfox\n192.0.2.0/24 permit\n'],
    ['is in a folder with such a name', 'cidr:/etc/spf/access.cidr', '192.0.2.0/24 permit\n'],
  ] as const)
    test(`is not seen in one that ${what}`, () => assert.deepEqual(hintsOf(table, text), []))

  test('is not seen in a table within the parameter', () => {
    const { notes } = importText('postscreen_access_list = cidr:{{192.0.2.0/24 permit}}\n')
    assert.ok(!notes.some((note) => hint.test(note)))
  })
})
