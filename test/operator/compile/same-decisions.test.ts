// Whatever the operator does to an access list on its way to the gateways, it decides the same about every client.
// Slow: it compiles many random policies.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parseAccessTable, type TableRule } from '../../../crds/values/access-table.ts'
import { parsePolicy, readPolicyText } from '../../../crds/policy.ts'
import type { PolicySpec } from '../../../crds/schema/policy.schema.ts'
import { type AccessList, compileTable } from '../../../gateway/core/access-list.ts'
import { compileRules } from '../../../gateway/core/rules.ts'
import { tableKey } from '../../../operator/compile/access-tables.ts'
import { type Compiled, compile } from '../../../operator/compile/compile.ts'
import { policyWith } from '../policy-object.ts'

const actions = ['Permit', 'Reject', 'Dunno'] as const
const octet = fc.nat(255)

/** Few distinct networks, near each other, so that rules meet. Written in every way that a policy may. */
const network = fc.oneof(
  octet.map((d) => `192.0.2.${d}`),
  octet.map((d) => `192.0.2.${d & ~7}/29`),
  octet.map((c) => `192.0.${c & 3}.0/24`),
  octet.map((d) => `2001:DB8:0:0::${d.toString(16)}`),
  octet.map((d) => `2001:db8::${(d & ~15).toString(16)}/124`),
  octet.map((d) => `64:ff9b::192.0.2.${d}`),
  fc.constantFrom('0.0.0.0/0', '::/0', '192.0.0.0/16', '2001:db8::/32'),
)
const client = fc.oneof(
  fc.tuple(fc.nat(3), octet).map(([c, d]) => `192.0.${c}.${d}`),
  octet.map((d) => `2001:db8::${d.toString(16)}`),
  octet.map((d) => `64:ff9b::c000:2${d.toString(16).padStart(2, '0')}`),
  fc.constant('198.51.100.1'),
)

/** Some lists are long enough to be moved: filled up with networks that no client here is in. */
const filler = Array.from({ length: 201 }, (_, at) => `2001:db8:ffff:ffff:ffff:ffff:${at.toString(16)}:0/112`)
const cidrs = fc
  .tuple(fc.array(network, { minLength: 1, maxLength: 6 }), fc.boolean())
  .map(([networks, isLong]) => (isLong ? [...networks, ...filler] : networks))
const action = fc.constantFrom(...actions)
const entry = fc.oneof(
  fc.record({ action, cidrs }),
  fc.record({ action, exceptCIDRs: cidrs }),
  fc.record({ rules: fc.array(fc.record({ action, cidrs }), { minLength: 1, maxLength: 4 }) }).map((table) => ({ table })),
  fc.constant({ table: { configMap: { name: 'senders', key: 'list' } } }),
)

/** Makes any text too long to keep lists in it. */
const ballast = Array.from({ length: 9 }, (_, list) => ({
  action: 'Reject',
  cidrs: Array.from({ length: 1000 }, (__, at) => `2001:db8:ffff:0:${list}:ffff:${at.toString(16)}:0/112`),
}))
const senders = '192.0.2.0/26 permit\nif 192.0.2.64/26\n!192.0.2.80/28 reject\nendif\n2001:db8::/120 dunno\n'

const listOf = (spec: PolicySpec, tables: ReadonlyMap<string, readonly TableRule[]>): AccessList =>
  compileRules(spec, {
    hostname: 'mx.example',
    localTime: () => '',
    tables: new Map([...tables].map(([name, rules]) => [name, compileTable(rules)])),
  }).access

/** As a gateway does it. */
function fromCompiled({ text, shards }: Compiled): AccessList {
  const read = readPolicyText(text)
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  const files = shards.flatMap((shard) => [...shard])
  return listOf(read.policy.spec, new Map(files.map(([name, bytes]) => [name, parseAccessTable(gunzipSync(bytes).toString('utf8')).rules])))
}

/** As it is written, with the table of the ConfigMap put in the place of its name. */
function fromPolicy(policy: object): AccessList {
  const parsed = parsePolicy(policy)
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  const { spec } = parsed.policy
  const access = spec.access.map((one) => (one.table?.configMap === undefined ? one : { table: { file: 'senders' } }))
  return listOf({ ...spec, access }, new Map([['senders', parseAccessTable(senders).rules]]))
}

for (const [what, more, movesLists] of [
  ['a list as it is', [], false],
  ['a list whose long parts have become tables', [...ballast, ...ballast], true],
] as const) {
  test(`${what} decides the same about any client`, () => {
    let moved = 0
    const property = fc.property(
      fc.array(entry, { maxLength: 8 }),
      fc.array(client, { minLength: 20, maxLength: 20 }),
      (entries, clients) => {
        const policy = policyWith({ access: [...entries, ...more] })
        const made = compile(policy, new Map([[tableKey('senders', 'list'), { text: senders }]]))
        assert.ok('compiled' in made)
        moved += made.compiled.shards.reduce((sum, shard) => sum + shard.size, 0)
        const [before, after] = [fromPolicy(policy), fromCompiled(made.compiled)]
        for (const address of clients) assert.equal(after.decide(address), before.decide(address), address)
      },
    )
    fc.assert(property, { numRuns: movesLists ? 12 : 60 })
    assert.ok(moved > 0)
  })
}
