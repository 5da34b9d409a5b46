// The work queue: no key twice at once, no key lost, and longer waits for keys that fail.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { type QueueObserver, WorkQueue, type WorkQueueOptions, type WorkResult } from '../../../operator/kube/work-queue.ts'
import { VirtualClock } from './virtual-clock.ts'

type Key = `mail/${string}`

/** A queue whose work ends when the test says so. */
class Bench {
  readonly clock = new VirtualClock()
  /** Every beginning: key and time. */
  readonly begun: string[] = []
  readonly errors: string[] = []
  readonly running = new Map<Key, PromiseWithResolvers<WorkResult | void>>()
  most = 0
  readonly queue: WorkQueue<Key>
  signal: AbortSignal | undefined

  constructor(options: Partial<WorkQueueOptions<Key>> = {}) {
    this.queue = new WorkQueue<Key>({
      workers: 2,
      clock: this.clock,
      turn: () => Promise.resolve(),
      work: (key, signal) => {
        assert.ok(!this.running.has(key), `${key} is worked on twice at once`)
        this.signal = signal
        this.begun.push(`${key} ${this.clock.now()}`)
        const work = Promise.withResolvers<WorkResult | void>()
        this.running.set(key, work)
        this.most = Math.max(this.most, this.running.size)
        return work.promise
      },
      onError: (key, error) => this.errors.push(`${key} ${String(error)}`),
      ...options,
    })
  }

  /** Ends the work on a key, and lets the queue go on. */
  async finish(key: Key, outcome?: WorkResult | Error): Promise<void> {
    const work = this.running.get(key)
    assert.ok(work !== undefined, `${key} is not worked on`)
    this.running.delete(key)
    if (outcome instanceof Error) work.reject(outcome)
    else work.resolve(outcome)
    await turn()
  }

  /** What has begun since this was last asked. */
  started(): string[] {
    return this.begun.splice(0)
  }
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
const failed = new Error('no')

test('a key is worked on soon after it was added, not within add', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  assert.deepEqual(bench.started(), [])
  await turn()
  assert.deepEqual(bench.started(), ['mail/a 0'])
  await bench.finish('mail/a')
})

test('no more keys are worked on at once than there are workers; the others keep their order', async () => {
  const bench = new Bench()
  for (const key of ['mail/a', 'mail/b', 'mail/c', 'mail/d', 'mail/c'] as const) bench.queue.add(key)
  await turn()
  assert.deepEqual(bench.started(), ['mail/a 0', 'mail/b 0'])
  assert.equal(bench.queue.depth, 2)
  await bench.finish('mail/b')
  await bench.finish('mail/a')
  assert.deepEqual(bench.started(), ['mail/c 0', 'mail/d 0'])
})

test('a key that is added while it is worked on is worked on once more', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  for (let times = 0; times < 5; times++) bench.queue.add('mail/a')
  assert.equal(bench.queue.depth, 1)
  await bench.finish('mail/a')
  assert.deepEqual(bench.started(), ['mail/a 0', 'mail/a 0'])
  await bench.finish('mail/a')
  assert.deepEqual(bench.started(), [])
})

test('a key that fails comes back after 100 ms, twice that with each failure, and at most 5 min', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  const waits: number[] = []
  for (let failures = 0; failures < 14; failures++) {
    await bench.finish('mail/a', failed)
    const wait = bench.clock.waits[0] ?? 0
    waits.push(wait)
    bench.clock.move(wait - 1)
    await turn()
    assert.equal(bench.running.size, 0)
    bench.clock.move(1)
    await turn()
  }
  assert.deepEqual(waits, [100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 102_400, 204_800, 300_000, 300_000])
  assert.equal(bench.queue.failing, 1)
  assert.equal(bench.errors.length, 14)
  assert.equal(bench.errors[0], 'mail/a Error: no')
  await bench.finish('mail/a')
  assert.equal(bench.queue.failing, 0)
  assert.equal(bench.clock.pending, 0)
  bench.queue.add('mail/a')
  await turn()
  await bench.finish('mail/a', failed)
  assert.deepEqual(bench.clock.waits, [100])
})

test('a key that fails does not hold up others', async () => {
  const bench = new Bench({ workers: 1 })
  bench.queue.add('mail/a')
  bench.queue.add('mail/b')
  await turn()
  await bench.finish('mail/a', failed)
  assert.deepEqual(bench.started(), ['mail/a 0', 'mail/b 0'])
})

test('a key that changes while it waits after a failure does not wait', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  await bench.finish('mail/a', failed)
  bench.queue.add('mail/a')
  await turn()
  assert.equal(bench.started().length, 2)
  assert.equal(bench.clock.pending, 0)
  await bench.finish('mail/a', failed)
  assert.deepEqual(bench.clock.waits, [200])
})

test('a server that asks for a pause gets it', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  await bench.finish('mail/a', new KubeError('busy', { status: 429, reason: 'TooManyRequests', retryAfterMs: 5000 }))
  assert.deepEqual(bench.clock.waits, [5000])
})

test('work that throws at once has failed like any other', async () => {
  const errors: unknown[] = []
  const clock = new VirtualClock()
  const queue = new WorkQueue<Key>({
    workers: 1,
    clock,
    work: () => {
      throw failed
    },
    onError: (_, error) => errors.push(error),
  })
  queue.add('mail/a')
  await queue.drain()
  assert.deepEqual(errors, [failed])
  await queue.stop()
  assert.equal(clock.pending, 0)
})

test('work may ask to be done again, unless it is done before', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  await bench.finish('mail/a', { again: 60_000 })
  assert.deepEqual(bench.clock.waits, [60_000])
  bench.clock.move(30_000)
  bench.queue.add('mail/a')
  await turn()
  assert.equal(bench.clock.pending, 0)
  await bench.finish('mail/a', { again: 60_000 })
  bench.clock.move(60_000)
  await turn()
  assert.deepEqual(bench.started(), ['mail/a 0', 'mail/a 30000', 'mail/a 90000'])
})

test('a forgotten key has no failures and no timer', async () => {
  const bench = new Bench()
  bench.queue.add('mail/a')
  await turn()
  await bench.finish('mail/a', failed)
  assert.equal(bench.clock.pending, 1)
  bench.queue.forget('mail/a')
  assert.equal(bench.clock.pending, 0)
  assert.equal(bench.queue.failing, 0)
})

test('drain waits for all that is ready', async () => {
  const bench = new Bench({ workers: 1 })
  await bench.queue.drain()
  bench.queue.add('mail/a')
  bench.queue.add('mail/b')
  let isDrained = false
  const drained = bench.queue.drain().then(() => {
    isDrained = true
    return undefined
  })
  await turn()
  await bench.finish('mail/a')
  assert.ok(!isDrained)
  await bench.finish('mail/b', failed)
  await drained
})

test('stop aborts what is under way, waits for it, and takes no more', async () => {
  const bench = new Bench({ workers: 1 })
  bench.queue.add('mail/c')
  await turn()
  await bench.finish('mail/c', failed)
  assert.equal(bench.clock.pending, 1)
  bench.queue.add('mail/a')
  bench.queue.add('mail/b')
  await turn()
  bench.queue.add('mail/a')
  const stopped = bench.queue.stop()
  assert.ok(bench.signal?.aborted)
  bench.queue.add('mail/d')
  assert.equal(bench.clock.pending, 0)
  await bench.finish('mail/a', failed)
  await stopped
  assert.deepEqual(bench.started(), ['mail/c 0', 'mail/a 0'])
  assert.equal(bench.clock.pending, 0)
  assert.equal(bench.queue.depth, 0)
})

const observed = (log: string[]): QueueObserver => ({
  added: () => log.push('added'),
  began: (waitedMs) => log.push(`began after ${waitedMs}`),
  ended: (outcome, tookMs) => log.push(`${outcome} in ${tookMs}`),
  postponed: () => log.push('postponed'),
})

test('the metrics are told what happens in the queue', async () => {
  const log: string[] = []
  const bench = new Bench({ workers: 1, observer: observed(log) })
  bench.queue.add('mail/a')
  bench.queue.add('mail/b')
  bench.queue.add('mail/b')
  assert.deepEqual(log.splice(0), ['added', 'began after 0', 'added'])
  await turn()
  bench.clock.move(30)
  await bench.finish('mail/a')
  assert.deepEqual(log.splice(0), ['began after 30', 'done in 30'])
  bench.clock.move(12)
  await bench.finish('mail/b', failed)
  assert.deepEqual(log.splice(0), ['postponed', 'failed in 12'])
  bench.clock.move(100)
  await turn()
  await bench.finish('mail/b', { again: 5000 })
  assert.deepEqual(log.splice(0), ['added', 'began after 0', 'postponed', 'again in 0'])
})

test('a key that is added while it is worked on counts once as added, and waits since then', async () => {
  const log: string[] = []
  const bench = new Bench({ observer: observed(log) })
  bench.queue.add('mail/a')
  await turn()
  for (let times = 0; times < 3; times++) bench.queue.add('mail/a')
  bench.clock.move(7)
  await bench.finish('mail/a')
  assert.deepEqual(log, ['added', 'began after 0', 'added', 'began after 7', 'done in 7'])
  await bench.finish('mail/a')
})

test('the progress has the time of each work, and the workers in use', async () => {
  const bench = new Bench()
  assert.deepEqual(bench.queue.progress, { active: 0, sinceMs: [] })
  for (const key of ['mail/a', 'mail/b', 'mail/c'] as const) bench.queue.add(key)
  await turn()
  bench.clock.move(20)
  await bench.finish('mail/a')
  bench.clock.move(5)
  assert.deepEqual(bench.queue.progress, { active: 2, sinceMs: [25, 5] })
  await bench.finish('mail/b')
  await bench.finish('mail/c')
  assert.deepEqual(bench.queue.progress, { active: 0, sinceMs: [] })
})

test('a key that waits aside is in progress, but uses no worker', async () => {
  const answer = Promise.withResolvers<void>()
  const clock = new VirtualClock()
  const queue = new WorkQueue<Key>({
    workers: 1,
    clock,
    turn: () => Promise.resolve(),
    work: (_, __, aside) => aside(() => answer.promise),
    onError: (_, error) => assert.fail(String(error)),
  })
  queue.add('mail/a')
  await turn()
  clock.move(9)
  assert.deepEqual(queue.progress, { active: 0, sinceMs: [9] })
  answer.resolve()
  await queue.drain()
})

test('a key that waits aside gives its place to another, and goes on before further keys begin', async () => {
  const log: string[] = []
  const answers = new Map<Key, PromiseWithResolvers<void>>()
  const work = new Map<Key, PromiseWithResolvers<void>>()
  const wait = (map: typeof work, key: Key): Promise<void> => {
    const one = Promise.withResolvers<void>()
    map.set(key, one)
    return one.promise
  }
  const queue = new WorkQueue<Key>({
    workers: 1,
    turn: () => Promise.resolve(),
    work: async (key, _, aside) => {
      log.push(`${key} begins`)
      if (key !== 'mail/c') await aside(() => wait(answers, key))
      log.push(`${key} goes on`)
      await wait(work, key)
    },
    onError: (_, error) => assert.fail(String(error)),
  })
  for (const key of ['mail/a', 'mail/b', 'mail/c', 'mail/d'] as const) queue.add(key)
  await turn()
  assert.deepEqual(log.splice(0), ['mail/a begins', 'mail/b begins', 'mail/c begins', 'mail/c goes on'])
  answers.get('mail/b')?.resolve()
  await turn()
  assert.deepEqual(log.splice(0), [], 'the only place is taken')
  work.get('mail/c')?.resolve()
  await turn()
  assert.deepEqual(log.splice(0), ['mail/b goes on'])
  work.get('mail/b')?.resolve()
  await turn()
  assert.deepEqual(log.splice(0), ['mail/d begins'])
  for (const key of ['mail/a', 'mail/d'] as const) {
    answers.get(key)?.resolve()
    await turn()
    work.get(key)?.resolve()
    await turn()
  }
  assert.deepEqual(log, ['mail/a goes on', 'mail/d goes on'])
  await queue.stop()
})

test('a wait aside that fails is a failure of the work, and the place is free again', async () => {
  const errors: string[] = []
  const queue = new WorkQueue<Key>({
    workers: 1,
    clock: new VirtualClock(),
    work: (_, __, aside) => aside(() => Promise.reject(failed)),
    onError: (key, error) => errors.push(`${key} ${String(error)}`),
  })
  queue.add('mail/a')
  queue.add('mail/b')
  await queue.drain()
  assert.deepEqual(errors, ['mail/a Error: no', 'mail/b Error: no'])
  await queue.stop()
})

const keys: fc.Arbitrary<Key> = fc.constantFrom('mail/a', 'mail/b', 'mail/c', 'mail/d', 'mail/e')
const steps = fc.array(
  fc.oneof(
    { weight: 4, arbitrary: fc.record({ do: fc.constant('add' as const), key: keys }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('move' as const), ms: fc.integer({ min: 0, max: 1000 }) }) },
    {
      weight: 3,
      arbitrary: fc.record({ do: fc.constant('finish' as const), nth: fc.nat(), how: fc.constantFrom('done', 'fail', 'again') }),
    },
  ),
  { maxLength: 60 },
)
type Step = typeof steps extends fc.Arbitrary<readonly (infer S)[]> ? S : never

test('whatever happens, no key is worked on twice at once and none that was added is lost', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.integer({ min: 1, max: 3 }), async (plan, workers) => {
      const bench = new Bench({ workers })
      /** Keys whose work has still to begin after they were added. */
      const owed = new Set<Key>()
      const settle = async (): Promise<void> => {
        await turn()
        for (const begun of bench.started()) owed.delete(begun.split(' ')[0] as Key)
      }
      for (const step of plan) {
        await take(bench, step, owed)
        await settle()
        assert.ok(bench.most <= workers)
        assert.ok(bench.queue.depth <= 5 * 2)
      }
      for (let rounds = 0; rounds < 20 && (bench.running.size > 0 || owed.size > 0 || bench.clock.pending > 0); rounds++) {
        for (const key of [...bench.running.keys()]) await bench.finish(key)
        bench.clock.move(300_000)
        await settle()
      }
      assert.deepEqual([...owed], [])
      assert.equal(bench.clock.pending, 0)
      assert.equal(bench.queue.failing, 0)
      await bench.queue.drain()
    }),
    { numRuns: 300 },
  )
})

async function take(bench: Bench, step: Step, owed: Set<Key>): Promise<void> {
  switch (step.do) {
    case 'add':
      owed.add(step.key)
      bench.queue.add(step.key)
      return
    case 'move':
      bench.clock.move(step.ms)
      return
    case 'finish': {
      const running = [...bench.running.keys()]
      const key = running[step.nth % Math.max(1, running.length)]
      if (key === undefined) return
      await bench.finish(key, step.how === 'fail' ? failed : step.how === 'again' ? { again: 700 } : undefined)
    }
  }
}

test('sockets and timers have their turn between two keys, also between those that have waited aside', async () => {
  const many = 200
  let turnsSoFar = 0
  const counted: number[] = []
  const count = (): void => {
    turnsSoFar++
    if (counted.length < 2 * many) setImmediate(count)
  }
  const queue = new WorkQueue<Key>({
    workers: 16,
    // Nothing in it waits for anything but promises.
    work: async (_, __, aside) => {
      counted.push(turnsSoFar)
      await aside(() => Promise.resolve())
      counted.push(turnsSoFar)
    },
    onError: (_, error) => assert.fail(String(error)),
  })
  setImmediate(count)
  for (let key = 0; key < many; key++) queue.add(`mail/${key}`)
  await queue.drain()
  assert.equal(counted.length, 2 * many)
  const inEach = [...Map.groupBy(counted, (turnOfLoop) => turnOfLoop).values()]
  const most = Math.max(...inEach.map((some) => some.length))
  assert.ok(most <= 2, `${most} pieces of work in one turn of the event loop`)
})
