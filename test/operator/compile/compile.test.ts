// What a policy in the cluster becomes for its gateways, or what is wrong with it.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { describe, test } from 'node:test'
import { readPolicyText } from '../../../crds/policy.ts'
import { tableKey, type TableText } from '../../../operator/compile/access-tables.ts'
import { type Compilation, type Compiled, compile, tableRefs } from '../../../operator/compile/compile.ts'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { policyWith } from '../policy-object.ts'

const mapTable = (name: string, key = 'list.cidr') => ({ table: { configMap: { name, key } } })
const texts = (found: Readonly<Record<string, TableText>>): ReadonlyMap<string, TableText> =>
  new Map(Object.entries(found).map(([name, text]) => [tableKey(name, 'list.cidr'), text]))

function compiled(policy: KubeObject, tables: ReadonlyMap<string, TableText> = new Map()): Compiled {
  const made = compile(policy, tables)
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  return made.compiled
}

const problemsOf = (made: Compilation): readonly string[] =>
  'problems' in made ? made.problems.map(({ path, why }) => `${path}: ${why}`) : []

/** What a gateway reads. */
function readBack({ text }: Compiled) {
  const read = readPolicyText(text)
  if ('problems' in read) throw new Error(JSON.stringify(read.problems))
  return read.policy
}

const cidrs = (count: number): string[] => Array.from({ length: count }, (_, at) => `10.${at >> 16}.${(at >> 8) & 255}.${at & 255}`)

describe('the text of a policy', () => {
  test('is a policy that says the same', () => {
    const { spec } = readBack(compiled(policyWith({ greet: { wait: '5s' }, dnsbl: { sites: [{ domain: 'bl.example', weight: 2 }] } })))
    assert.equal(spec.greet.wait, 5)
    assert.deepEqual(spec.dnsbl.sites, [{ domain: 'bl.example', weight: 2 }])
  })

  test('means the same with the defaults of the API server as without', () => {
    const written = { listen: { addresses: ['0.0.0.0:2525'] }, dnsbl: { sites: [{ domain: 'bl.example' }] } }
    const defaulted = {
      ...written,
      mode: 'Enforce',
      dnsbl: { sites: [{ domain: 'bl.example', weight: 1 }], threshold: 1, resolvers: [] },
      access: [],
    }
    assert.deepEqual(readBack(compiled(policyWith(defaulted))).spec, readBack(compiled(policyWith(written))).spec)
  })

  test('has nothing about how gateways are run', () => {
    const { text, policy } = compiled(policyWith({ gateway: { replicas: 7 } }))
    assert.doesNotMatch(text, /gateway:|replicas/)
    assert.equal(policy.spec.gateway?.replicas, 7, 'but what is compiled knows it')
  })

  test('has the generation, so that a gateway can tell which one it runs', () => {
    assert.equal(readBack(compiled(policyWith({}, { generation: 12 }))).metadata.generation, 12)
  })

  test('has nothing of the metadata that changes without need', () => {
    const policy = policyWith({})
    const busy = {
      ...policy,
      metadata: { ...policy.metadata, resourceVersion: '9', labels: { a: 'b' }, annotations: { c: 'd' }, managedFields: [{}] },
      status: { observedGeneration: 1 },
    }
    assert.equal(compiled(busy).text, compiled(policy).text)
  })

  test('has its own SHA-256 as hash, as a gateway works it out from the file', () => {
    const { text, hash } = compiled(policyWith({}))
    assert.equal(hash, createHash('sha256').update(text).digest('hex'))
  })

  test('is the same each time', () => {
    const policy = policyWith({ access: [mapTable('senders')] })
    const make = () => compiled(policy, texts({ senders: { text: '192.0.2.1 permit\n' } }))
    assert.deepEqual(make(), make())
  })

  test('is another one when only the content of a table is another', () => {
    const policy = policyWith({ access: [mapTable('senders')] })
    const [one, other] = ['permit', 'reject'].map((what) => compiled(policy, texts({ senders: { text: `192.0.2.1 ${what}\n` } })).hash)
    assert.notEqual(one, other)
  })
})

describe('a table from a ConfigMap', () => {
  test('becomes a file beside the policy, and its place in the access list stays', () => {
    const access = [{ action: 'Permit', cidrs: ['192.0.2.1'] }, mapTable('senders'), { action: 'Reject', cidrs: ['192.0.2.2'] }]
    const made = compiled(policyWith({ access }), texts({ senders: { text: '198.51.100.0/24 reject\n198.51.101.0/24 permit\n' } }))
    const entries = readBack(made).spec.access
    assert.deepEqual([entries.length, entries[0]?.action, entries[2]?.action], [3, 'Permit', 'Reject'])
    assert.deepEqual([...(made.shards[0]?.keys() ?? [])], [entries[1]?.table?.file])
    assert.equal(made.tableRules, 2)
  })

  test('that is named twice is stored once', () => {
    const policy = policyWith({ access: [mapTable('a'), mapTable('b'), mapTable('a')] })
    const same = { text: '192.0.2.1 permit\n' }
    const { shards } = compiled(policy, texts({ a: same, b: same }))
    assert.deepEqual(
      shards.map(({ size }) => size),
      [1],
    )
  })

  const bad: readonly { readonly what: string; readonly text: TableText | undefined; readonly want: readonly string[] }[] = [
    { what: 'is missing', text: { why: 'does not exist' }, want: ['does not exist'] },
    { what: 'has not been read', text: undefined, want: ['has not been read yet'] },
    { what: 'lacks the key', text: { why: 'is not in the ConfigMap' }, want: ['is not in the ConfigMap'] },
  ]
  for (const { what, text, want } of bad) {
    test(`that ${what} is a problem at its path`, () => {
      const policy = policyWith({ access: [{ action: 'Permit', cidrs: ['192.0.2.1'] }, mapTable('senders')] })
      const made = compile(policy, text === undefined ? new Map() : texts({ senders: text }))
      assert.deepEqual(
        problemsOf(made),
        want.map((why) => `spec.access[1].table.configMap: ConfigMap senders key list.cidr ${why}`),
      )
    })
  }

  test('with lines that do not parse is used without them; the first five are named', () => {
    const text = `192.0.2.1 permit\n192.0.2.8/27 permit\n${'nonsense\n'.repeat(10_000)}`
    const made = compiled(policyWith({ access: [mapTable('senders')] }), texts({ senders: { text } }))
    assert.equal(made.tableRules, 1)
    const [words = '', ...more] = made.skipped ?? []
    assert.deepEqual(more, [])
    assert.match(
      words,
      /^ConfigMap senders key list\.cidr: 10001 lines are skipped: line 2: non-null host address bits in "192\.0\.2\.8\/27", /,
    )
    assert.match(words, /; line 6: bad address pattern: "nonsense"; and 9996 more$/)
  })

  test('is a problem beside those of other tables: all are told at once', () => {
    const made = compile(
      policyWith({ access: [mapTable('a'), mapTable('b')] }),
      texts({ a: { why: 'does not exist' }, b: { why: 'is not in the ConfigMap' } }),
    )
    assert.equal(problemsOf(made).length, 2)
  })
})

describe('long lists', () => {
  const long = Array.from({ length: 5 }, () => ({ action: 'Reject', cidrs: cidrs(1000) }))

  test('stay in the text while it is no longer than 256 KiB', () => {
    const made = compiled(policyWith({ access: long }))
    assert.equal(made.shards.length, 0)
    assert.deepEqual(
      readBack(made).spec.access.map((entry) => entry.cidrs?.length),
      [1000, 1000, 1000, 1000, 1000],
    )
  })

  const moved: readonly { readonly what: string; readonly entry: object; readonly becomes: 'table' | 'as it was' }[] = [
    { what: 'a long list to be rejected', entry: { action: 'Reject', cidrs: cidrs(300) }, becomes: 'table' },
    { what: 'a long list to be permitted', entry: { action: 'Permit', cidrs: cidrs(300) }, becomes: 'table' },
    { what: 'a long table', entry: { table: { rules: [{ action: 'Dunno', cidrs: cidrs(300) }] } }, becomes: 'table' },
    { what: 'a short list', entry: { action: 'Reject', cidrs: cidrs(200) }, becomes: 'as it was' },
    {
      what: 'a long Dunno, which ends the search here and would not in a table',
      entry: { action: 'Dunno', cidrs: cidrs(300) },
      becomes: 'as it was',
    },
    { what: 'a list of exceptions', entry: { action: 'Reject', exceptCIDRs: cidrs(300) }, becomes: 'as it was' },
  ]
  for (const { what, entry, becomes } of moved) {
    test(`beyond that: ${what} ${becomes === 'table' ? 'becomes a table' : 'stays as it is'}`, () => {
      const made = compiled(policyWith({ access: [...long, ...long, ...long, entry] }))
      const last = readBack(made).spec.access.at(-1)
      if (becomes === 'table') assert.match(last?.table?.file ?? '', /^table-[0-9a-f]{16}\.cidr\.gz$/)
      else assert.deepEqual(last, compiled(policyWith({ access: [entry] })).policy.spec.access[0])
    })
  }

  test('that cannot become tables are a problem when they are too long for a ConfigMap', () => {
    const access = Array.from({ length: 60 }, () => ({ action: 'Dunno', cidrs: cidrs(1000) }))
    assert.match(
      problemsOf(compile(policyWith({ access }), new Map())).join('\n'),
      /^spec: is too long for a ConfigMap: \d+ bytes, at most 921600 are allowed; move long lists/,
    )
  })
})

describe('the tables that a manifest names', () => {
  const cases: readonly { readonly what: string; readonly spec: unknown; readonly want: readonly object[] }[] = [
    {
      what: 'all of them',
      spec: { access: [mapTable('a'), { action: 'Permit', cidrs: [] }, mapTable('b', 'k')] },
      want: [
        { name: 'a', key: 'list.cidr' },
        { name: 'b', key: 'k' },
      ],
    },
    { what: 'none without an access list', spec: {}, want: [] },
    { what: 'none without a spec', spec: undefined, want: [] },
    {
      what: 'none where everything is something else',
      spec: { access: [null, 1, 'x', { table: null }, { table: { configMap: 1 } }, { table: { configMap: { name: 1, key: 'k' } } }] },
      want: [],
    },
    { what: 'none where the access list is not a list', spec: { access: { table: 1 } }, want: [] },
  ]
  for (const { what, spec, want } of cases) {
    test(what, () => assert.deepEqual(tableRefs({ ...policyWith({}), spec }), want))
  }
})

describe('a policy that is not valid', () => {
  test('is told with every problem and its path', () => {
    const made = compile(policyWith({ greet: { wiat: '5s' }, mode: 'Loud' }), new Map())
    const paths = problemsOf(made).map((line) => line.split(':')[0] ?? '')
    assert.deepEqual(paths.toSorted(), ['spec.greet.wiat', 'spec.mode'])
  })
})

describe('the port of the admin server', () => {
  const listen = { addresses: ['0.0.0.0:2525', '[::]:2580'] }

  test('is not for clients in a pod that the operator makes', () => {
    assert.deepEqual(problemsOf(compile(policyWith({ gateway: {}, listen }), new Map())), [
      'spec.listen.addresses[1]: must use another port: the gateway serves its health and metrics on port 2580',
    ])
  })

  test('is up to the user elsewhere', () => assert.deepEqual(problemsOf(compile(policyWith({ listen }), new Map())), []))
})
