// Tables as large as a gateway takes, and larger ones.
// Slow: each case reads megabytes.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { tableKey } from '../../../operator/compile/access-tables.ts'
import { compile } from '../../../operator/compile/compile.ts'
import { policyWith } from '../policy-object.ts'
import { bomb, compilationScene } from './compilation-scene.ts'

describe('a table in a ConfigMap', () => {
  test('must not unpack to more than the gateway takes', async () => {
    const { compilations } = compilationScene({ senders: { binaryData: { 'list.gz': bomb(65 * 2 ** 20) } } })
    const made = await compilations.of(policyWith({ access: [{ table: { configMap: { name: 'senders', key: 'list.gz' } } }] }))
    assert.deepEqual('problems' in made && made.problems, [
      {
        path: 'spec.access[0].table.configMap',
        why: 'ConfigMap senders key list.gz is not valid gzip, or exceeds 67108864 bytes when unpacked',
      },
    ])
  })

  test('is bounded together with the others of the policy, or a few kilobytes of gzip could fill the operator’s memory', async () => {
    const names = Array.from({ length: 6 }, (_, at) => `bomb-${at}`)
    const { compilations, cluster } = compilationScene(
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

  test('with more networks than a gateway takes is a problem', () => {
    const policy = policyWith({ access: [{ table: { configMap: { name: 'senders', key: 'list' } } }] })
    const made = compile(policy, new Map([[tableKey('senders', 'list'), { text: '!::1 permit\n'.repeat(16_000) }]]))
    const problems = 'problems' in made ? made.problems.map(({ path, why }) => `${path}: ${why}`) : []
    assert.match(problems.join(), /ConfigMap senders key list has more than 2000000 networks/)
  })
})

describe('tables that together have 64 MiB', () => {
  const whole = `#${'x'.repeat(64 * 2 ** 20 - 2)}\n`
  const both = policyWith({ access: ['a', 'b'].map((name) => ({ table: { configMap: { name, key: 'list' } } })) })

  test('are read to the last byte', async () => {
    const made = await compilationScene({ a: { data: { list: whole } }, b: { data: { list: '' } } }).compilations.of(both)
    assert.ok('compiled' in made)
  })

  test('are not read with a byte more', async () => {
    const made = await compilationScene({ a: { data: { list: whole } }, b: { data: { list: '\n' } } }).compilations.of(both)
    assert.deepEqual('problems' in made && made.problems, [
      {
        path: 'spec.access[1].table.configMap',
        why: 'ConfigMap b key list is not read: the tables of the policy together exceed 67108864 bytes',
      },
    ])
  })

  test('are read to the last byte beside one that is missing, which takes none', async () => {
    const made = await compilationScene({ b: { data: { list: whole } } }).compilations.of(both)
    assert.deepEqual('problems' in made && made.problems, [
      { path: 'spec.access[0].table.configMap', why: 'ConfigMap a key list does not exist' },
    ])
  })
})
