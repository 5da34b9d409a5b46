// Policies are compiled once for each version of what they are made of, and the content of ConfigMaps is checked.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { Compilations } from '../../../operator/compile/compilations.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { PolicyMemories } from '../../../operator/policy-memory.ts'
import { MemoryCluster } from '../memory-cluster.ts'
import { policyWith } from '../policy-object.ts'

const table = '192.0.2.0/24 reject\n'
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64')

function scene(maps: Readonly<Record<string, object>>) {
  const cluster = new MemoryCluster()
  const put = (name: string, fields: object) =>
    cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'mail' }, ...fields })
  for (const [name, fields] of Object.entries(maps)) put(name, fields)
  const versionOf = (key: string) => cluster.find('ConfigMap', key.slice('mail/'.length))?.metadata.resourceVersion
  const memories = new PolicyMemories()
  return { cluster, put, compilations: new Compilations(cluster.client, versionOf, memories, undefined), memories }
}

const naming = (key = 'list', name = 'senders') => policyWith({ access: [{ table: { configMap: { name, key } } }] })
const bomb = (bytes: number): string => gzipSync(Buffer.alloc(bytes, '# zeros\n')).toString('base64')

describe('a table in a ConfigMap', () => {
  const cases: readonly {
    readonly what: string
    readonly maps: Readonly<Record<string, object>>
    readonly key?: string
    readonly want: string | number
  }[] = [
    { what: 'is read from data', maps: { senders: { data: { list: table } } }, want: 1 },
    { what: 'is read from binaryData', maps: { senders: { binaryData: { list: base64(table) } } }, want: 1 },
    {
      what: 'is unpacked when its key ends in .gz',
      maps: { senders: { binaryData: { 'list.gz': base64(gzipSync(table)) } } },
      key: 'list.gz',
      want: 1,
    },
    { what: 'may be empty', maps: { senders: { data: { list: '' } } }, want: 0 },
    { what: 'is missing with its ConfigMap', maps: {}, want: 'ConfigMap senders key list does not exist' },
    {
      what: 'is missing with its key',
      maps: { senders: { data: { other: '' } } },
      want: 'ConfigMap senders key list is not in the ConfigMap',
    },
    { what: 'is missing where there is no data at all', maps: { senders: {} }, want: 'ConfigMap senders key list is not in the ConfigMap' },
    {
      what: 'is not a property that every JavaScript object has',
      maps: { senders: { data: {} } },
      key: 'constructor',
      want: 'ConfigMap senders key constructor is not in the ConfigMap',
    },
    {
      what: 'must be a gzip when its key says so',
      maps: { senders: { binaryData: { 'list.gz': base64(table) } } },
      key: 'list.gz',
      want: 'ConfigMap senders key list.gz is not valid gzip, or exceeds 67108864 bytes when unpacked',
    },
    {
      what: 'must not be cut off',
      maps: { senders: { binaryData: { 'list.gz': base64(gzipSync(table.repeat(100)).subarray(0, 30)) } } },
      key: 'list.gz',
      want: 'ConfigMap senders key list.gz is not valid gzip, or exceeds 67108864 bytes when unpacked',
    },
    {
      what: 'must not unpack to more than the gateway takes',
      maps: { senders: { binaryData: { 'list.gz': bomb(65 * 2 ** 20) } } },
      key: 'list.gz',
      want: 'ConfigMap senders key list.gz is not valid gzip, or exceeds 67108864 bytes when unpacked',
    },
  ]
  for (const { what, maps, key, want } of cases) {
    test(what, async () => {
      const made = await scene(maps).compilations.of(naming(key))
      if ('compiled' in made) assert.equal(made.compiled.tableRules, want)
      else assert.deepEqual(made.problems, [{ path: 'spec.access[0].table.configMap', why: want }])
    })
  }

  test('is bounded together with the others of the policy, or a few kilobytes of gzip could fill the operator’s memory', async () => {
    const names = Array.from({ length: 6 }, (_, at) => `bomb-${at}`)
    const { compilations, cluster } = scene(
      Object.fromEntries(names.map((name) => [name, { binaryData: { 'list.gz': bomb(30 * 2 ** 20) } }])),
    )
    const policy = policyWith({ access: names.map((name) => ({ table: { configMap: { name, key: 'list.gz' } } })) })
    const made = await compilations.of(policy)
    assert.ok('problems' in made)
    assert.deepEqual(made.problems[0], {
      path: 'spec.access[2].table.configMap',
      why: 'ConfigMap bomb-2 key list.gz is not read: the tables of the policy together exceed 67108864 bytes',
    })
    assert.equal(made.problems.length, 4)
    assert.equal(cluster.calls.length, 3, 'the rest need not be read')
  })
})

describe('tables that together have 64 MiB', () => {
  const whole = `#${'x'.repeat(64 * 2 ** 20 - 2)}\n`
  const both = policyWith({ access: ['a', 'b'].map((name) => ({ table: { configMap: { name, key: 'list' } } })) })

  test('are read to the last byte', async () => {
    const made = await scene({ a: { data: { list: whole } }, b: { data: { list: '' } } }).compilations.of(both)
    assert.ok('compiled' in made)
  })

  test('are not read with a byte more', async () => {
    const made = await scene({ a: { data: { list: whole } }, b: { data: { list: '\n' } } }).compilations.of(both)
    assert.deepEqual('problems' in made && made.problems, [
      {
        path: 'spec.access[1].table.configMap',
        why: 'ConfigMap b key list is not read: the tables of the policy together exceed 67108864 bytes',
      },
    ])
  })
})

describe('a policy waits for', () => {
  const cases: readonly { readonly what: string; readonly maps: Readonly<Record<string, object>>; readonly awaited: boolean }[] = [
    { what: 'a ConfigMap that does not exist', maps: {}, awaited: true },
    { what: 'a key that is not in the ConfigMap', maps: { senders: { data: {} } }, awaited: true },
    { what: 'nothing when a table is not valid gzip', maps: { senders: { binaryData: { 'list.gz': base64(table) } } }, awaited: false },
  ]
  for (const { what, maps, awaited } of cases) {
    test(what, async () => {
      const made = await scene(maps).compilations.of(naming('list.gz'))
      assert.equal('problems' in made && made.awaited, awaited)
    })
  }
})

describe('a policy is compiled', () => {
  test('once while nothing has changed', async () => {
    const { compilations, cluster } = scene({ senders: { data: { list: table } } })
    const first = await compilations.of(naming())
    assert.equal(await compilations.of(naming()), first)
    assert.deepEqual(cluster.take(), ['get ConfigMap senders'])
  })

  test('again when its ConfigMap has another version', async () => {
    const { compilations, put } = scene({ senders: { data: { list: table } } })
    const [first, second] = [
      await compilations.of(naming()),
      put('senders', { data: { list: table.repeat(2) } }) && (await compilations.of(naming())),
    ]
    assert.ok('compiled' in first && 'compiled' in second)
    assert.deepEqual([first.compiled.tableRules, second.compiled.tableRules], [1, 2])
  })

  test('again when its ConfigMap appears or goes', async () => {
    const { compilations, cluster, put } = scene({})
    assert.ok('problems' in (await compilations.of(naming())))
    put('senders', { data: { list: table } })
    assert.ok('compiled' in (await compilations.of(naming())))
    cluster.remove('ConfigMap', 'senders')
    assert.ok('problems' in (await compilations.of(naming())))
  })

  test('again when it is another one, in generation or in uid', async () => {
    const { compilations } = scene({})
    const one = policyWith({})
    const made = await Promise.all(
      [one, policyWith({}, { generation: 2 }), { ...one, metadata: { ...one.metadata, uid: 'other' } }].map((policy) =>
        compilations.of(policy),
      ),
    )
    assert.equal(new Set(made).size, 3)
  })

  test('again after it was forgotten', async () => {
    const { compilations, memories } = scene({})
    const first = await compilations.of(policyWith({}))
    memories.drop('mail/mx')
    assert.notEqual(await compilations.of(policyWith({})), first)
  })

  test('with two keys of one ConfigMap after reading it once', async () => {
    const { compilations, cluster } = scene({ senders: { data: { a: table, b: table } } })
    await compilations.of(policyWith({ access: ['a', 'b'].map((key) => ({ table: { configMap: { name: 'senders', key } } })) }))
    assert.deepEqual(cluster.take(), ['get ConfigMap senders'])
  })
})

test('an API server that does not answer is not a problem of the policy', async () => {
  const { compilations, cluster } = scene({ senders: { data: { list: table } } })
  cluster.onCall = () => {
    throw new KubeError('get configmaps: no answer', { status: 0, reason: 'Timeout' })
  }
  await assert.rejects(compilations.of(naming()), KubeError)
  cluster.onCall = () => undefined
  assert.ok('compiled' in (await compilations.of(naming())), 'and is asked again')
})

for (const name of ['../secrets/x', '', 'a%2fb', '..']) {
  test(`a ConfigMap called ${JSON.stringify(name)} is a problem of the policy, and is never asked for`, async () => {
    const { compilations, cluster } = scene({})
    assert.ok('problems' in (await compilations.of(naming('list', name))))
    assert.deepEqual(cluster.calls, [])
  })
}
