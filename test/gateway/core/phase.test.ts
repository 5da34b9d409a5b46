// The phases of a session: which moves there are, and what the shared counters are in each phase.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newScreening } from '../../../gateway/core/clients.ts'
import { enter, type Phase } from '../../../gateway/core/phase.ts'
import { newSession } from '../../../gateway/core/session.ts'
import { Turn } from '../../../gateway/core/turn.ts'
import { rulesOf, startTime } from '../../support/core-session.ts'

const phases: readonly Phase[] = ['new', 'recall', 'early', 'smtp', 'handoff', 'relayed', 'observe', 'done']

/** A session that has gone through these phases. */
function through(...path: readonly Phase[]): Turn {
  const ends = [
    { address: '192.0.2.1', port: 40_000 },
    { address: '198.51.100.1', port: 25 },
  ] as const
  const turn = new Turn(newSession(rulesOf({}), newScreening(), ...ends), startTime)
  for (const phase of path) enter(turn, phase)
  return turn
}

/** A way to each phase, and where a session can go from there. */
const cases: readonly (readonly [path: readonly Phase[], next: readonly Phase[]])[] = [
  [[], ['recall', 'done']],
  [['recall'], ['early', 'smtp', 'handoff', 'done']],
  [
    ['recall', 'early'],
    ['smtp', 'handoff', 'done'],
  ],
  [['recall', 'smtp'], ['done']],
  [
    ['recall', 'handoff'],
    ['smtp', 'relayed', 'done'],
  ],
  [
    ['recall', 'handoff', 'relayed'],
    ['observe', 'done'],
  ],
  [['recall', 'handoff', 'relayed', 'observe'], ['relayed']],
  [['recall', 'done'], []],
]

for (const [path, next] of cases) {
  test(`from ${path.at(-1) ?? 'new'} a session goes to ${next.join(', ') || 'no other phase'}`, () => {
    const possible = phases.filter((phase) => {
      try {
        enter(through(...path), phase)
        return true
      } catch {
        return false
      }
    })
    assert.deepEqual(possible.toSorted(), next.toSorted())
  })
}

test('an impossible move says which one it was', () => {
  assert.throws(() => enter(through('recall', 'done'), 'early'), { message: 'a session cannot go from done to early' })
})

describe('the counters', () => {
  const counters: readonly (readonly [path: readonly Phase[], checkQueue: number, postQueue: number, relays: number])[] = [
    [[], 0, 0, 0],
    [['recall'], 1, 0, 0],
    [['recall', 'early'], 1, 0, 0],
    [['recall', 'early', 'smtp'], 1, 0, 0],
    [['recall', 'handoff'], 1, 1, 0],
    [['recall', 'handoff', 'smtp'], 1, 0, 0],
    [['recall', 'handoff', 'relayed'], 0, 0, 1],
    [['recall', 'handoff', 'relayed', 'observe'], 0, 0, 1],
    [['recall', 'handoff', 'relayed', 'observe', 'relayed'], 0, 0, 1],
    [['recall', 'handoff', 'relayed', 'done'], 0, 0, 0],
    [['recall', 'handoff', 'done'], 0, 0, 0],
    [['done'], 0, 0, 0],
  ]
  for (const [path, checkQueue, postQueue, relays] of counters) {
    test(`after ${['new', ...path].join(', ')}`, () => {
      const { screening } = through(...path).session
      assert.deepEqual([screening.checkQueue, screening.postQueue, screening.relays.get('192.0.2.1') ?? 0], [checkQueue, postQueue, relays])
      assert.equal(screening.clients.size, checkQueue)
    })
  }
})
