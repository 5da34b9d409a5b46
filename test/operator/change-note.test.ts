// How an event says what a pass has made, changed and removed.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type Change, changeNote, changeReason } from '../../operator/change-note.ts'

const change = (is: Change['is'], kind: string, name: string): Change => ({ is, object: { apiVersion: 'v1', kind, metadata: { name } } })
const tables = (count: number, name = 'mx'): Change[] =>
  Array.from({ length: count }, (_, at) => change('created', 'ConfigMap', `${name}-tables-${at}`))

const cases: readonly { readonly what: string; readonly changes: readonly Change[]; readonly reason: string; readonly note: string }[] = [
  {
    what: 'one object',
    changes: [change('removed', 'PodDisruptionBudget', 'mx-gateway')],
    reason: 'Removed',
    note: 'Removed PodDisruptionBudget mx-gateway',
  },
  {
    what: 'several',
    changes: [change('created', 'ConfigMap', 'mx-policy'), change('created', 'Deployment', 'mx-gateway')],
    reason: 'Created',
    note: 'Created ConfigMap mx-policy, Deployment mx-gateway',
  },
  {
    what: 'different changes, those of one kind together',
    changes: [
      change('changed', 'ConfigMap', 'mx-policy'),
      change('created', 'NetworkPolicy', 'mx-gateway'),
      change('changed', 'Deployment', 'mx-gateway'),
      change('removed', 'ConfigMap', 'mx-tables-0'),
    ],
    reason: 'Updated',
    note: 'Created NetworkPolicy mx-gateway; updated ConfigMap mx-policy, Deployment mx-gateway; removed ConfigMap mx-tables-0',
  },
  {
    what: 'more than an event takes',
    changes: tables(100),
    reason: 'Created',
    note: `Created ${tables(42)
      .map(({ object }) => `ConfigMap ${object.metadata.name}`)
      .join(', ')} and 58 more`,
  },
]

describe('an event tells of', () => {
  for (const { what, changes, reason, note } of cases) {
    test(what, () => assert.deepEqual([changeReason(changes), changeNote(changes)], [reason, note]))
  }

  test('every object of a policy with the longest name', () => {
    const kinds = 'ConfigMap ServiceAccount NetworkPolicy Service Deployment PodDisruptionBudget HorizontalPodAutoscaler'.split(' ')
    const changes = kinds.map((kind) => change('created', kind, `${'m'.repeat(52)}-gateway`))
    assert.doesNotMatch(changeNote(changes), / more$/)
  })

  test('all changes, named or counted, in at most 1024 bytes', () => {
    const one = fc.record({ is: fc.constantFrom<Change['is']>('created', 'changed', 'removed'), size: fc.integer({ min: 1, max: 253 }) })
    fc.assert(
      fc.property(fc.array(one, { minLength: 1, maxLength: 60 }), (drawn) => {
        const note = changeNote(drawn.map(({ is, size }) => change(is, 'ConfigMap', 'x'.repeat(size))))
        assert.ok(Buffer.byteLength(note) <= 1024, note)
        const [, left = '0'] = / and (\d+) more$/.exec(note) ?? []
        assert.equal([...note.matchAll(/ConfigMap /g)].length + Number(left), drawn.length)
      }),
    )
  })
})
