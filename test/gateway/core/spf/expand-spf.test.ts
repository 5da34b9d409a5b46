// What SPF records expand to: all kinds of records, and random ones, which never throw and stay within the bounds.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { formatNetwork, intersection, type Network } from '../../../../crds/values/network.ts'
import { parseAddress } from '../../../../crds/values/address.ts'
import { expandSpf, notesKept, type SpfAnswer, type SpfExpansion, type SpfNote } from '../../../../gateway/core/spf/expand-spf.ts'
import { sizeOf } from '../../../../gateway/core/spf/network-set.ts'
import { spfBounds } from '../../../../gateway/core/spf/spf-bounds.ts'
import { readSpfRecord } from '../../../../gateway/core/spf/spf-record.ts'
import { spfCases, testBounds } from '../../spf/nasty-records.ts'
import { answerFrom, type Zone } from '../../spf/zone-server.ts'

function expand(domain: string, answer: (name: string, type: 'A' | 'AAAA' | 'MX' | 'TXT') => SpfAnswer, bounds = testBounds): SpfExpansion {
  const steps = expandSpf(domain, bounds)
  let step = steps.next()
  while (step.done !== true) step = steps.next(answer(step.value.name, step.value.type))
  return step.value
}

const expandZone = (zone: Zone, domain: string, bounds = testBounds): SpfExpansion =>
  expand(domain, (name, type) => answerFrom(zone, { name, type }), bounds)

const asText = (networks: readonly Network[]): string => networks.map(formatNetwork).join(' ')
const inWords = ({ domain, term, why }: SpfNote): string => `${domain} ${term} ${why}`

function match(what: string, notes: readonly SpfNote[], wanted: readonly RegExp[]): void {
  assert.equal(notes.length, wanted.length, `${what}: ${notes.map(inWords).join('; ')}`)
  for (const [at, pattern] of wanted.entries()) assert.match(inWords(notes[at] as SpfNote), pattern, what)
}

for (const one of spfCases) {
  test(`SPF: ${one.what}`, () => {
    const found = expandZone(one.zone, one.domain)
    if (one.networks === 'many') assert.ok(found.networks.length > 2500)
    else assert.equal(asText(found.networks), one.networks)
    assert.equal(found.failed?.reason, one.failed?.[0], String(found.failed?.why))
    if (one.failed?.[1] !== undefined) assert.match(found.failed?.why ?? '', one.failed[1])
    match('unread', found.unread, one.unread ?? [])
    match('refused', found.refused, one.refused ?? [])
    assert.equal(found.notExpandable.length, one.notExpandable ?? 0)
    if (one.warnings !== undefined) match('warnings', found.warnings, one.warnings)
    if (one.lookups !== undefined) assert.equal(found.lookups, one.lookups)
    if (one.voidLookups !== undefined) assert.equal(found.voidLookups, one.voidLookups)
    assert.ok(found.queries <= testBounds.queries)
  })
}

test('SPF: networks of documentation are refused outside of tests', () => {
  const { networks, refused } = expandZone(
    { 'x.test': ['TXT v=spf1 ip4:192.0.2.1 ip4:192.0.0.0/16 ip4:9.9.9.9 -all'] },
    'x.test',
    spfBounds,
  )
  assert.equal(refused.length, 1)
  const inside = (text: string): boolean => {
    const address = parseAddress(text)
    return networks.some(({ family, first, last }) => family === address?.family && first <= address.value && address.value <= last)
  }
  assert.deepEqual(['9.9.9.9', '192.0.1.1', '192.0.2.1', '192.0.3.1', '192.0.0.9'].map(inside), [true, true, false, true, false])
})

const term = fc.oneof(
  fc.constantFrom(
    'all',
    '-all',
    '~all',
    '?all',
    '+all',
    'mx',
    'a',
    'ptr',
    '-a',
    'mx/24//64',
    'exists:%{i}.x.test',
    'include:%{d}',
    'a:%{d2r}.test',
  ),
  fc
    .tuple(fc.constantFrom('', '-', '~', '?', '+'), fc.constantFrom('include:', 'a:', 'mx:'), fc.integer({ min: 0, max: 5 }))
    .map(([qualifier, name, number]) => `${qualifier}${name}n${number}.test`),
  fc.integer({ min: 0, max: 5 }).map((number) => `redirect=n${number}.test`),
  fc
    .tuple(fc.constantFrom('', '-', '~'), fc.ipV4(), fc.integer({ min: 0, max: 32 }))
    .map(([qualifier, ip, bits]) => `${qualifier}ip4:${ip}/${bits}`),
  fc
    .tuple(fc.constantFrom('', '-', '?'), fc.ipV6(), fc.integer({ min: 0, max: 128 }))
    .map(([qualifier, ip, bits]) => `${qualifier}ip6:${ip}/${bits}`),
)
const anyText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.array(fc.constantFrom(...'v=spf1 :/+-~?%{}dio.0129abxip46\t'), { maxLength: 60 }).map((parts) => parts.join('')),
)
const record = fc
  .array(fc.oneof({ weight: 6, arbitrary: term }, { weight: 1, arbitrary: anyText }), { maxLength: 12 })
  .map((terms) => `v=spf1 ${terms.join(' ')}`)
const addresses = fc.array(fc.oneof(fc.ipV4(), fc.ipV6(), anyText), { maxLength: 3 })
const answer: fc.Arbitrary<SpfAnswer> = fc.oneof(
  { weight: 1, arbitrary: fc.constant<SpfAnswer>({ is: 'error', why: 'timeout' }) },
  {
    weight: 6,
    arbitrary: fc.record({
      is: fc.constant('records' as const),
      records: fc.oneof(fc.array(record, { maxLength: 1 }), fc.array(record, { maxLength: 2 }), addresses),
      ttl: fc.integer({ min: -1, max: 100_000 }),
    }),
  },
)

test('SPF: random records never throw, and what they permit is within the bounds', () => {
  const property = fc.property(fc.array(answer, { minLength: 1, maxLength: 30 }), (answers) => {
    let asked = 0
    const { networks, failed, queries, ...notes } = expand('n0.test', () => answers[asked++ % answers.length] as SpfAnswer, spfBounds)
    assert.ok(queries === asked && queries <= spfBounds.queries)
    assert.ok(failed === undefined || networks.length === 0)
    for (const list of [notes.unread, notes.refused, notes.notExpandable]) assert.ok(list.length <= notesKept)
    for (const list of [notes.unread, notes.refused]) for (const { term: text } of list) assert.match(text, /^[ -~]{0,70}$/)
    const size = sizeOf(networks)
    assert.ok(size.networks <= 4000 && size.ipv4 <= 2 ** 21 && size.ipv6 <= 2 ** 36)
    assert.deepEqual(intersection(networks, spfBounds.specialUse), [])
    for (const [at, { family, first }] of networks.entries()) {
      const before = networks[at - 1]
      assert.ok(before === undefined || before.family < family || before.last < first, 'in order, and disjoint')
    }
  })
  fc.assert(property, { numRuns: 3000 })
})

test('SPF: any text is read or refused with a reason', () => {
  const property = fc.property(
    fc.oneof(
      record,
      anyText.map((text) => `v=spf1 ${text}`),
    ),
    (text) => {
      const read = readSpfRecord(text, 'x.test')
      if ('why' in read) assert.match(read.why, /^"[ -~]*": [ -~]+$/)
    },
  )
  fc.assert(property, { numRuns: 10_000 })
})

const hostile: readonly string[] = [
  `a:${'a'.repeat(65_000)}!`,
  `a:${'.a'.repeat(32_000)}!`,
  `a:${'%'.repeat(65_000)}`,
  `a:${'%{d'.repeat(21_000)}`,
  `a:%{d${'1'.repeat(65_000)}}.test`,
  `a:%{d${'-'.repeat(65_000)}}.test`,
  `a${'/'.repeat(65_000)}`,
  `ip6:${':'.repeat(65_000)}`,
  `ip4:${'1.'.repeat(32_000)}`,
  `${'a'.repeat(65_000)}=`,
  ' '.repeat(65_000),
  Array.from({ length: 16_000 }, () => '-a').join(' '),
  Array.from({ length: 2500 }, (_, i) => `-ip6:2a00::${i.toString(16)} ip6:2a00::/32`).join(' '),
]

test('SPF: records of 65,000 characters that are made to cost time come to a result', () => {
  for (const text of hostile) {
    const { failed, networks, queries } = expandZone({ 'x.test': [`TXT v=spf1 ${text}`] }, 'x.test', spfBounds)
    assert.ok(failed !== undefined || networks.length <= 4000, text.slice(0, 20))
    assert.ok(queries <= spfBounds.queries)
  }
})

test('SPF: a name that is too long loses labels at its left', () => {
  const domain = `${'a'.repeat(60)}.${'b'.repeat(60)}.${'c'.repeat(60)}.test`
  const asked: string[] = []
  const { failed } = expand(domain, (name) => {
    asked.push(name)
    return { is: 'records', records: name === domain ? ['v=spf1 include:%{d}.%{d}'] : [], ttl: 1 }
  })
  assert.equal(failed, undefined)
  assert.equal(asked[1], `${'c'.repeat(60)}.test.${domain}`)
})
