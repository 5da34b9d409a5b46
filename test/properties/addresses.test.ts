// Addresses, networks and tables of them, each against a naive model.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { type AccessEntry, compileAccessList, compileTable } from '../../gateway/core/access-list.ts'
import { compileAddressTable } from '../../gateway/core/address-table.ts'
import { canonicalAddress, formatIPv4, formatIPv6, parseAddress, parseIPv4, parseIPv6 } from '../../crds/values/address.ts'
import { type Decision, parseAccessTable, type TableDecision, type TableRule } from '../../crds/values/access-table.ts'
import { complement, intersection, type Network, parseNetworkPattern } from '../../crds/values/network.ts'

const anyV4 = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const anyV6 = fc.bigInt({ min: 0n, max: 2n ** 128n - 1n })
/** Most groups zero, as in real addresses; now and then an IPv4-mapped one. */
const sparseV6 = fc
  .array(fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: fc.nat(0xffff) }), { minLength: 8, maxLength: 8 })
  .map((groups) => groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n))
const mapped = anyV4.map((value) => (0xffffn << 32n) | BigInt(value))
const v6 = fc.oneof(anyV6, sparseV6, mapped)

test('an IPv4 address survives printing and reading', () => {
  fc.assert(fc.property(anyV4, (value) => assert.equal(parseIPv4(formatIPv4(value)), value)))
})

test('an IPv6 address survives printing and reading, in the text that the URL standard prints', () => {
  fc.assert(
    fc.property(v6, (value) => {
      const text = formatIPv6(value)
      assert.equal(parseIPv6(text), value)
      assert.equal(new URL(`http://[${text}]/`).hostname, `[${text}]`)
    }),
  )
})

test('every text form of an IPv6 address reads the same', () => {
  fc.assert(
    fc.property(v6, fc.boolean(), (value, upper) => {
      const groups = Array.from({ length: 8 }, (_, i) => ((value >> BigInt(112 - 16 * i)) & 0xffffn).toString(16))
      const full = groups.map((group) => group.padStart(4, '0')).join(':')
      const dotted = `${groups.slice(0, 6).join(':')}:${formatIPv4(Number(value & 0xffffffffn))}`
      for (const text of [full, dotted]) assert.equal(parseIPv6(upper ? text.toUpperCase() : text), value)
    }),
  )
})

test('the canonical text is its own canonical text', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6(), fc.string()), (text) => {
      const canonical = canonicalAddress(text)
      if (canonical !== undefined) assert.equal(canonicalAddress(canonical), canonical)
    }),
  )
})

test('every address that others take for one is read', () => {
  fc.assert(fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => assert.notEqual(parseAddress(text), undefined)))
})

/** A network of a few bits' worth of different addresses, so that many lie inside each other or side by side. */
const network: fc.Arbitrary<Network> = fc.oneof(
  fc.tuple(fc.nat(0x3ff), fc.integer({ min: 20, max: 32 })).map(([low, prefix]): Network => {
    const size = 2 ** (32 - prefix)
    const first = Math.floor((0xc0000000 + low) / size) * size
    return { family: 4, first, last: first + size - 1 }
  }),
  fc.tuple(fc.nat(0x3ff), fc.integer({ min: 114, max: 128 })).map(([low, prefix]): Network => {
    const size = 1n << BigInt(128 - prefix)
    const first = (((0x20010db8n << 96n) + BigInt(low)) / size) * size
    return { family: 6, first, last: first + size - 1n }
  }),
  fc.constantFrom<Network>({ family: 4, first: 0, last: 2 ** 32 - 1 }, { family: 6, first: 0n, last: (1n << 128n) - 1n }),
)

const near = fc.oneof(
  fc.integer({ min: -2, max: 0x401 }).map((low) => formatIPv4(0xc0000000 + low)),
  fc.integer({ min: -2, max: 0x401 }).map((low) => formatIPv6((0x20010db8n << 96n) + BigInt(low))),
  fc.constantFrom('0.0.0.0', '255.255.255.255', '::', 'ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff'),
)

function inside(text: string, { family, first, last }: Network): boolean {
  const address = parseAddress(text)
  return address !== undefined && address.family === family && first <= address.value && address.value <= last
}
const insideAny = (text: string, networks: readonly Network[]): boolean => networks.some((one) => inside(text, one))

test('an address table finds the first rule that applies', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(network, { maxLength: 4 }), { maxLength: 8 }),
      fc.array(near, { minLength: 20, maxLength: 20 }),
      (rules, addresses) => {
        const table = compileAddressTable(rules.map((networks) => ({ networks })))
        for (const address of addresses)
          assert.equal(
            table.lookup(address),
            rules.findIndex((networks) => insideAny(address, networks)),
            address,
          )
      },
    ),
  )
})

test('a table knows both ends of each of its networks, and what lies next to them', () => {
  fc.assert(
    fc.property(fc.array(network, { minLength: 1, maxLength: 12 }), (networks) => {
      const table = compileAddressTable(networks.map((one) => ({ networks: [one] })))
      for (const { family, first, last } of networks) {
        for (const value of [BigInt(first) - 1n, BigInt(first), BigInt(last), BigInt(last) + 1n]) {
          if (value < 0n || value >= 1n << (family === 4 ? 32n : 128n)) continue
          const text = family === 4 ? formatIPv4(Number(value)) : formatIPv6(value)
          assert.equal(
            table.lookup(text),
            networks.findIndex((one) => inside(text, one)),
            text,
          )
        }
      }
    }),
  )
})

test('a complement holds exactly the other addresses', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 6 }), fc.array(near, { minLength: 20, maxLength: 20 }), (networks, addresses) => {
      const others = complement(networks)
      for (const address of addresses) assert.equal(insideAny(address, others), !insideAny(address, networks), address)
    }),
  )
})

test('an intersection holds exactly the common addresses', () => {
  const some = fc.array(network, { maxLength: 5 })
  fc.assert(
    fc.property(some, some, fc.array(near, { minLength: 20, maxLength: 20 }), (a, b, addresses) => {
      const both = intersection(a, b)
      for (const address of addresses) assert.equal(insideAny(address, both), insideAny(address, a) && insideAny(address, b), address)
    }),
  )
})

test('the pieces of complements and intersections are networks in CIDR form', () => {
  fc.assert(
    fc.property(fc.array(network, { maxLength: 6 }), fc.array(network, { maxLength: 3 }), (a, b) => {
      for (const { family, first, last } of [...complement(a), ...intersection(complement(a), b)]) {
        const size = BigInt(last) - BigInt(first) + 1n
        const prefix = (family === 4 ? 32 : 128) - (size.toString(2).length - 1)
        const text = family === 4 ? formatIPv4(first) : formatIPv6(first)
        assert.deepEqual(parseNetworkPattern(`${text}/${prefix}`), { value: { family, first, last } })
      }
    }),
  )
})

type Line = { readonly not: boolean; readonly network: Network } & (
  | { readonly is: 'rule'; readonly decision: Decision }
  | { readonly is: 'if'; readonly lines: readonly Line[] }
)

const decision = fc.constantFrom<Decision>('Permit', 'Reject', 'Dunno')
const cidrLines = fc.letrec<{ lines: readonly Line[]; line: Line }>((tie) => ({
  lines: fc.array(tie('line'), { maxLength: 4 }),
  line: fc.oneof(
    { weight: 3, arbitrary: fc.record({ is: fc.constant('rule' as const), not: fc.boolean(), network, decision }) },
    { weight: 1, arbitrary: fc.record({ is: fc.constant('if' as const), not: fc.boolean(), network, lines: tie('lines') }) },
  ),
})).lines

function written(lines: readonly Line[]): string {
  return lines
    .map((line) => {
      const { family, first, last } = line.network
      const prefix = (family === 4 ? 32 : 128) - ((BigInt(last) - BigInt(first) + 1n).toString(2).length - 1)
      const pattern = `${line.not ? '!' : ''}${family === 4 ? formatIPv4(first) : formatIPv6(first)}/${prefix}`
      return line.is === 'rule' ? `${pattern} ${line.decision}\n` : `if ${pattern}\n${written(line.lines)}endif\n`
    })
    .join('')
}

/** As cidr_match_execute goes through a table: a pattern says nothing about the other family, negated or not. */
function naiveDecision(lines: readonly Line[], text: string): Decision | undefined {
  for (const line of lines) {
    if (parseAddress(text)?.family !== line.network.family || inside(text, line.network) === line.not) continue
    const found = line.is === 'rule' ? line.decision : naiveDecision(line.lines, text)
    if (found !== undefined) return found
  }
  return undefined
}

test('a cidr table decides as Postfix does', () => {
  fc.assert(
    fc.property(cidrLines, fc.array(near, { minLength: 10, maxLength: 10 }), (lines, addresses) => {
      const { rules, problems } = parseAccessTable(written(lines))
      assert.deepEqual(problems, [])
      const table = compileAddressTable(rules)
      for (const address of addresses) assert.equal(rules[table.lookup(address)]?.decision, naiveDecision(lines, address), address)
    }),
  )
})

const ruleOf = <T extends TableDecision>(said: fc.Arbitrary<T>) =>
  fc.record({ networks: fc.array(network, { maxLength: 3 }), decision: said })
const tableRule: fc.Arbitrary<TableRule> = ruleOf(fc.constantFrom<TableDecision>('Permit', 'Reject', 'Dunno', 'Unknown'))
/** An entry of a list, as its rules. */
type ListRule = Extract<AccessEntry, { is: 'rule' }>['rule']
type Entry = { readonly is: 'rule'; readonly rules: readonly ListRule[] } | { readonly is: 'table'; readonly rules: readonly TableRule[] }
const accessEntry: fc.Arbitrary<Entry> = fc.oneof(
  fc.record({ is: fc.constant('rule' as const), rules: fc.tuple(ruleOf(decision)) }),
  fc.record({ is: fc.constant('table' as const), rules: fc.array(tableRule, { maxLength: 4 }) }),
)

/** As server_acl_eval goes through a list. */
function naiveAccess(entries: readonly Entry[], text: string): Decision {
  for (const { is, rules } of entries) {
    const found = rules.find(({ networks }) => insideAny(text, networks))?.decision
    if (found === 'Unknown') return 'Dunno'
    if (found !== undefined && (found !== 'Dunno' || is === 'rule')) return found
  }
  return 'Dunno'
}

test('an access list decides as Postfix does', () => {
  fc.assert(
    fc.property(fc.array(accessEntry, { maxLength: 8 }), fc.array(near, { minLength: 10, maxLength: 10 }), (entries, addresses) => {
      const list = compileAccessList(
        entries.flatMap(({ is, rules }): AccessEntry[] =>
          is === 'table' ? [{ is, table: compileTable(rules) }] : rules.map((rule) => ({ is, rule })),
        ),
      )
      for (const address of addresses) assert.equal(list.decide(address), naiveAccess(entries, address), address)
    }),
  )
})

test('a cidr table of any text is read without an exception', () => {
  const word = fc.constantFrom(
    'if',
    'endif',
    '!',
    '10.0.0.0/8',
    '2001:db8::/32',
    'permit',
    'reject',
    '#',
    ' ',
    '\n',
    '\r\n',
    '\t',
    '/',
    '[',
    'x',
  )
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.array(word).map((words) => words.join('')),
      ),
      (text) => {
        const { problems } = parseAccessTable(text)
        for (const { line } of problems) assert.ok(line >= 1 && line <= text.split('\n').length)
      },
    ),
  )
})
