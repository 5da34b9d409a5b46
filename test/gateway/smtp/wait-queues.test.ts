// Timers of sessions: each ends once, in its time, whatever is armed again or disarmed meanwhile.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { Waiter, WaitQueues } from '../../../gateway/smtp/wait-queues.ts'

class Session extends Waiter {
  readonly name: string
  readonly #over: (name: string) => void

  constructor(name: string, over: (name: string) => void) {
    super()
    this.name = name
    this.#over = over
  }

  waitOver(): void {
    this.#over(this.name)
  }
}

/** Queues in a time that `pass` moves, and the log of what ended when. */
function scene(t: TestContext) {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 0
  const ended: string[] = []
  const queues = new WaitQueues(() => now)
  return {
    queues,
    ended,
    session: (name: string): Session => new Session(name, (who) => ended.push(`${who} at ${now}`)),
    pass: (ms: number): void => {
      for (let i = 0; i < ms; i++) {
        now++
        t.mock.timers.tick(1)
      }
    },
  }
}

test('each session ends after its own wait', (t) => {
  const { queues, ended, session, pass } = scene(t)
  queues.arm(session('first'), 6000)
  pass(1000)
  queues.arm(session('second'), 6000)
  queues.arm(session('short'), 2000)
  pass(10_000)
  assert.deepEqual(ended, ['short at 3000', 'first at 6000', 'second at 7000'])
})

test('a session that is armed again waits from then on', (t) => {
  const { queues, ended, session, pass } = scene(t)
  const one = session('one')
  queues.arm(one, 300)
  pass(200)
  queues.arm(one, 300)
  pass(299)
  assert.deepEqual(ended, [])
  pass(10)
  assert.deepEqual(ended, ['one at 500'])
})

test('a session that is disarmed does not end, and those around it do', (t) => {
  const { queues, ended, session, pass } = scene(t)
  const [first, middle, last] = [session('first'), session('middle'), session('last')]
  for (const one of [first, middle, last]) queues.arm(one, 100)
  queues.disarm(middle)
  queues.disarm(middle)
  pass(200)
  assert.deepEqual(ended, ['first at 100', 'last at 100'])
})

test('a session can be armed again when its wait is over', (t) => {
  const { queues, ended, session, pass } = scene(t)
  const once = session('once')
  const again = new (class extends Waiter {
    rounds = 0
    waitOver(): void {
      if (++this.rounds < 3) queues.arm(this, 50)
    }
  })()
  queues.arm(again, 50)
  queues.arm(once, 50)
  pass(500)
  assert.equal(again.rounds, 3)
  assert.deepEqual(ended, ['once at 50'])
})

test('a wait that was taken back does not keep the process alive', () => {
  const module = new URL('../../../gateway/smtp/wait-queues.ts', import.meta.url).href
  const program = `
    import { Waiter, WaitQueues } from '${module}'
    class One extends Waiter { waitOver() {} }
    const queues = new WaitQueues(() => performance.now())
    const one = new One()
    queues.arm(one, 60_000)
    queues.disarm(one)
    queues.arm(one, 60_000)
    queues.disarm(one)`
  const { status, signal } = spawnSync(process.execPath, ['--input-type=module', '--eval', program], { timeout: 30_000 })
  assert.deepEqual({ status, signal }, { status: 0, signal: null })
})

test('lengths that were needed once are forgotten', (t) => {
  const { queues, session, pass, ended } = scene(t)
  for (let ms = 1; ms <= 1000; ms++) {
    const one = session(String(ms))
    queues.arm(one, ms)
    if (ms % 2 === 0) queues.disarm(one)
  }
  pass(1100)
  assert.equal(ended.length, 500)
})

test('whatever is armed, disarmed and armed again, each wait that was not taken back ends once and in its time', (t) => {
  const act = fc.record({ who: fc.nat(5), what: fc.constantFrom('arm', 'disarm', 'pass'), ms: fc.constantFrom(1, 7, 20, 50) })
  fc.assert(
    fc.property(fc.array(act, { maxLength: 60 }), (acts) => {
      t.mock.timers.reset()
      const { queues, ended, session, pass } = scene(t)
      const sessions = Array.from({ length: 6 }, (_, i) => session(String(i)))
      const expected: string[] = []
      const due = new Map<number, number>()
      let now = 0
      const advance = (ms: number): void => {
        for (let i = 0; i < ms; i++) {
          now++
          for (const [who, at] of due) if (at === now) expected.push(`${who} at ${now}`)
          for (const [who, at] of due) if (at === now) due.delete(who)
        }
        pass(ms)
      }
      for (const { who, what, ms } of acts) {
        const one = sessions[who]
        assert.ok(one !== undefined)
        if (what === 'pass') advance(ms)
        else if (what === 'disarm') {
          queues.disarm(one)
          due.delete(who)
        } else {
          queues.arm(one, ms)
          due.set(who, now + ms)
        }
      }
      advance(100)
      assert.deepEqual(ended.toSorted(), expected.toSorted())
    }),
    { numRuns: 300 },
  )
})
