// Policies are compiled once for each version of what they are made of, and the content of ConfigMaps is checked.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { policyWith } from '../policy-object.ts'
import { compilationScene } from './compilation-scene.ts'

const table = '192.0.2.0/24 reject\n'
const base64 = (bytes: Buffer | string): string => Buffer.from(bytes).toString('base64')

const naming = (key = 'list', name = 'senders') => policyWith({ access: [{ table: { configMap: { name, key } } }] })

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
  ]
  for (const { what, maps, key, want } of cases) {
    test(what, async () => {
      const made = await compilationScene(maps).compilations.of(naming(key))
      if ('compiled' in made) assert.equal(made.compiled.tableRules, want)
      else assert.deepEqual(made.problems, [{ path: 'spec.access[0].table.configMap', why: want }])
    })
  }
})

describe('a policy waits for', () => {
  const cases: readonly { readonly what: string; readonly maps: Readonly<Record<string, object>>; readonly awaited: boolean }[] = [
    { what: 'a ConfigMap that does not exist', maps: {}, awaited: true },
    { what: 'a key that is not in the ConfigMap', maps: { senders: { data: {} } }, awaited: true },
    { what: 'nothing when a table is not valid gzip', maps: { senders: { binaryData: { 'list.gz': base64(table) } } }, awaited: false },
  ]
  for (const { what, maps, awaited } of cases) {
    test(what, async () => {
      const made = await compilationScene(maps).compilations.of(naming('list.gz'))
      assert.equal('problems' in made && made.awaited, awaited)
    })
  }
})

describe('a policy is compiled', () => {
  test('once while nothing has changed', async () => {
    const { compilations, cluster } = compilationScene({ senders: { data: { list: table } } })
    const first = await compilations.of(naming())
    assert.equal(await compilations.of(naming()), first)
    assert.deepEqual(cluster.take(), ['get ConfigMap senders'])
  })

  test('again when its ConfigMap has another version', async () => {
    const { compilations, put } = compilationScene({ senders: { data: { list: table } } })
    const [first, second] = [
      await compilations.of(naming()),
      put('senders', { data: { list: table.repeat(2) } }) && (await compilations.of(naming())),
    ]
    assert.ok('compiled' in first && 'compiled' in second)
    assert.deepEqual([first.compiled.tableRules, second.compiled.tableRules], [1, 2])
  })

  test('again when its ConfigMap appears or goes', async () => {
    const { compilations, cluster, put } = compilationScene({})
    assert.ok('problems' in (await compilations.of(naming())))
    put('senders', { data: { list: table } })
    assert.ok('compiled' in (await compilations.of(naming())))
    cluster.remove('ConfigMap', 'senders')
    assert.ok('problems' in (await compilations.of(naming())))
  })

  test('again when it is another one, in generation or in uid', async () => {
    const { compilations } = compilationScene({})
    const one = policyWith({})
    const made = await Promise.all(
      [one, policyWith({}, { generation: 2 }), { ...one, metadata: { ...one.metadata, uid: 'other' } }].map((policy) =>
        compilations.of(policy),
      ),
    )
    assert.equal(new Set(made).size, 3)
  })

  test('again after it was forgotten', async () => {
    const { compilations, memories } = compilationScene({})
    const first = await compilations.of(policyWith({}))
    memories.drop('mail/mx')
    assert.notEqual(await compilations.of(policyWith({})), first)
  })

  test('with two keys of one ConfigMap after reading it once', async () => {
    const { compilations, cluster } = compilationScene({ senders: { data: { a: table, b: table } } })
    await compilations.of(policyWith({ access: ['a', 'b'].map((key) => ({ table: { configMap: { name: 'senders', key } } })) }))
    assert.deepEqual(cluster.take(), ['get ConfigMap senders'])
  })
})

test('an API server that does not answer is not a problem of the policy', async () => {
  const { compilations, cluster } = compilationScene({ senders: { data: { list: table } } })
  cluster.onCall = () => {
    throw new KubeError('get configmaps: no answer', { status: 0, reason: 'Timeout' })
  }
  await assert.rejects(compilations.of(naming()), KubeError)
  cluster.onCall = () => undefined
  assert.ok('compiled' in (await compilations.of(naming())), 'and is asked again')
})

for (const name of ['../secrets/x', '', 'a%2fb', '..']) {
  test(`a ConfigMap called ${JSON.stringify(name)} is a problem of the policy, and is never asked for`, async () => {
    const { compilations, cluster } = compilationScene({})
    assert.ok('problems' in (await compilations.of(naming('list', name))))
    assert.deepEqual(cluster.calls, [])
  })
}
