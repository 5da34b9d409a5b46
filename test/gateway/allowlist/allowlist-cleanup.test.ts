// The periodic cleanup: when it runs, what it drops, how it shares the process and the store with others.
import { type Seconds, seconds } from '../../../crds/values/duration.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { startCleanup } from '../../../gateway/allowlist/allowlist-cleanup.ts'
import { type CleanupOptions, type CleanupRules, cleanOnce } from '../../../gateway/allowlist/cleanup-run.ts'
import { memoryAllowlist } from '../../../gateway/allowlist/allowlist-memory.ts'
import { cleanupKey, type LocalAllowlist } from '../../../gateway/allowlist/allowlist-store.ts'

const start = 1_700_000_000
const hour = 3600
const fresh = `${start + hour};1;1;1;1`
const stale = '1000;1;1;1;1'
const defaultRules: CleanupRules = {
  interval: seconds(12 * hour),
  retention: seconds(7 * 24 * hour),
  enabled: [true, false, false, false, false],
}

/** A world with one clock for any number of gateways. */
class World {
  now = start
  readonly log: string[] = []
  readonly breaths: number[] = []
  rules = defaultRules
  clockPerLook = 0
  #clock = 0
  #timers: { readonly due: number; readonly run: () => void }[] = []
  readonly store: LocalAllowlist

  constructor(store: LocalAllowlist = memoryAllowlist()) {
    this.store = store
  }

  options(name = ''): CleanupOptions {
    return {
      store: this.store,
      rules: () => this.rules,
      info: (text) => this.log.push(name + text),
      warn: (text) => this.log.push(`${name}warning: ${text}`),
      now: () => this.now,
      timers: {
        after: (wait, run) => {
          const timer = { due: this.now + wait, run }
          this.#timers.push(timer)
          return () => void (this.#timers = this.#timers.filter((other) => other !== timer))
        },
        yieldTurn: async () => {
          this.breaths.push(this.#clock)
          await new Promise(setImmediate)
        },
        clock: () => (this.#clock += this.clockPerLook),
      },
    }
  }

  /** Seconds until each timer, the soonest first. */
  waits(): number[] {
    return this.#timers.map(({ due }) => due - this.now).toSorted((a, b) => a - b)
  }

  async settle(): Promise<void> {
    for (let i = 0; i < 50; i++) await new Promise(setImmediate)
  }

  /** Lets the time pass, with all that falls due. */
  async pass(time: number): Promise<void> {
    const end = this.now + time
    for (;;) {
      await this.settle()
      const next = this.#timers.toSorted((a, b) => a.due - b.due)[0]
      if (next === undefined || next.due > end) break
      this.now = Math.max(this.now, next.due)
      this.#timers = this.#timers.filter((other) => other !== next)
      next.run()
    }
    this.now = end
  }
}

const fullLine = (retained: number, dropped: number): string =>
  `cache memory:allowlist full cleanup: retained=${retained} dropped=${dropped} entries`

describe('a cleanup', () => {
  test('drops what expired longer ago than the retention time, and says how many', async () => {
    const world = new World()
    world.store.put('192.0.2.1', fresh)
    world.store.put('192.0.2.2', stale)
    world.store.put('192.0.2.3', `${start - 7 * 24 * hour};0;0;0;0`)
    world.store.put('192.0.2.4', `${start - 7 * 24 * hour - 1};0;0;0;0`)
    world.store.put('192.0.2.5', 'junk')
    const count = await cleanOnce(world.options(), new AbortController().signal)
    assert.deepEqual(count, { retained: 2, dropped: 3, extent: 'full' })
    assert.deepEqual(world.log, [fullLine(2, 3)])
    assert.deepEqual([...world.store.entries()].map(([key]) => key).toSorted(), ['192.0.2.1', '192.0.2.3', cleanupKey])
    assert.equal(world.store.get(cleanupKey), String(start))
  })

  test('lets other work run when its time slice is used up', async () => {
    const world = new World()
    world.clockPerLook = 1
    for (let i = 0; i < 6400; i++) world.store.put(String(i), fresh)
    await cleanOnce(world.options(), new AbortController().signal)
    assert.ok(world.breaths.length >= 100 / 4 && world.breaths.length <= 100, `${world.breaths.length} breaths for 100 looks at the clock`)
  })

  test('keeps a record that was renewed while the cleanup was resting', async () => {
    const world = new World()
    const store = memoryAllowlist()
    // What the walk saw is old by the time it is judged.
    const late: LocalAllowlist = {
      ...store,
      *entries() {
        for (const entry of [...store.entries()]) {
          store.put('192.0.2.1', fresh)
          yield entry
        }
      },
    }
    store.put('192.0.2.1', stale)
    store.put('192.0.2.2', stale)
    await cleanOnce({ ...world.options(), store: late }, new AbortController().signal)
    assert.equal(store.get('192.0.2.1'), fresh)
    assert.equal(store.get('192.0.2.2'), undefined)
    assert.deepEqual(world.log, [fullLine(1, 1)])
  })

  test('that is stopped on the way says so, and leaves the key as it was', async () => {
    const world = new World()
    world.clockPerLook = 1
    for (let i = 0; i < 10_000; i++) world.store.put(String(i), stale)
    world.store.put(cleanupKey, '1600000000')
    const stop = new AbortController()
    const options = world.options()
    const timers = options.timers ?? assert.fail()
    const yieldTurn = (): Promise<void> => {
      stop.abort()
      return timers.yieldTurn()
    }
    const count = await cleanOnce({ ...options, timers: { ...timers, yieldTurn } }, stop.signal)
    assert.equal(count.extent, 'partial')
    assert.ok(count.dropped > 0 && count.dropped < 10_000)
    assert.deepEqual(world.log, [`cache memory:allowlist partial cleanup: retained=0 dropped=${count.dropped} entries`])
    assert.equal(world.store.get(cleanupKey), '1600000000')
  })

  test('that cannot read the store ends with a warning, and is not tried again at once', async () => {
    const store = memoryAllowlist()
    const broken: LocalAllowlist = {
      ...store,
      *entries() {
        yield ['192.0.2.1', fresh]
        throw new Error('Input/output error')
      },
    }
    const world = new World(broken)
    startCleanup(world.options())
    await world.pass(0)
    assert.deepEqual(world.log, [
      'warning: memory:allowlist: cache cleanup scan terminated due to error',
      'cache memory:allowlist partial cleanup: retained=1 dropped=0 entries',
    ])
    assert.equal(store.get(cleanupKey), undefined)
    assert.deepEqual(world.waits(), [12 * hour])
  })
})

const firstRuns: readonly { readonly what: string; readonly completed?: string; readonly interval?: Seconds; readonly want: number[] }[] = [
  { what: 'at once when there never was one', want: [0] },
  { what: 'when the interval since the last one is over', completed: String(start - hour), want: [11 * hour] },
  { what: 'at once when that is over already', completed: String(start - 13 * hour), want: [0] },
  { what: 'an interval from now at the latest, whatever a wrong clock wrote', completed: String(start + 1000 * hour), want: [12 * hour] },
  { what: 'at once when the key holds no number', completed: 'x', want: [0] },
  { what: 'never with interval 0', interval: seconds(0), want: [] },
  {
    what: 'after a day at the latest, to look again, since timers cannot wait for months',
    completed: String(start),
    interval: seconds(5000 * hour),
    want: [24 * hour],
  },
]

describe('the first cleanup comes', () => {
  for (const { what, completed, interval = seconds(12 * hour), want } of firstRuns) {
    test(what, async () => {
      const world = new World()
      world.rules = { ...defaultRules, interval }
      if (completed !== undefined) world.store.put(cleanupKey, completed)
      const cleanup = startCleanup(world.options())
      await world.settle()
      assert.deepEqual(world.waits(), want)
      await cleanup.stop()
      assert.deepEqual(world.waits(), [])
    })
  }
})

describe('cleanups', () => {
  test('follow each other at the interval', async () => {
    const world = new World()
    startCleanup(world.options())
    await world.pass(36 * hour + 60)
    assert.deepEqual(
      world.log,
      Array.from({ length: 4 }, () => fullLine(0, 0)),
    )
  })

  test('follow a long interval too', async () => {
    const world = new World()
    world.rules = { ...defaultRules, interval: seconds(1000 * hour) }
    startCleanup(world.options())
    await world.pass(1000 * hour - 1)
    assert.equal(world.log.length, 1)
    await world.pass(2)
    assert.equal(world.log.length, 2)
  })

  test('take a new policy into account', async () => {
    const world = new World()
    world.store.put(cleanupKey, String(start))
    const cleanup = startCleanup(world.options())
    await world.settle()
    world.rules = { ...defaultRules, interval: seconds(hour) }
    cleanup.reschedule()
    await world.settle()
    assert.deepEqual(world.waits(), [hour])
    world.rules = { ...defaultRules, interval: seconds(0) }
    cleanup.reschedule()
    await world.settle()
    assert.deepEqual(world.waits(), [])
  })

  test('are done by one of the processes that share the store', async () => {
    const world = new World()
    for (const name of ['a: ', 'b: ', 'c: ']) {
      startCleanup(world.options(name))
      await world.settle()
    }
    await world.pass(12 * hour - 1)
    assert.equal(world.log.length, 1)
    await world.pass(12 * hour)
    assert.equal(world.log.length, 2)
  })

  test('are not started by a second process while the first one runs', async () => {
    const world = new World()
    world.clockPerLook = 1
    for (let i = 0; i < 20_000; i++) world.store.put(String(i), fresh)
    startCleanup(world.options('a: '))
    await world.pass(0)
    startCleanup(world.options('b: '))
    await world.pass(60)
    while (world.log.length === 0) await world.settle()
    await world.pass(hour)
    assert.deepEqual(world.log, [`a: ${fullLine(20_000, 0)}`])
  })

  test('stop when they are told to', async () => {
    const world = new World()
    const cleanup = startCleanup(world.options())
    await cleanup.stop()
    cleanup.reschedule()
    await world.pass(100 * hour)
    assert.deepEqual(world.log, [])
  })

  test('have put everything in order when they have stopped', async () => {
    const world = new World()
    world.clockPerLook = 1
    for (let i = 0; i < 20_000; i++) world.store.put(String(i), stale)
    world.store.put(cleanupKey, '1600000000')
    const cleanup = startCleanup(world.options())
    void world.pass(0)
    while (world.breaths.length === 0) await new Promise(setImmediate)
    assert.equal(world.store.get(cleanupKey), String(start))
    await cleanup.stop()
    assert.equal(world.store.get(cleanupKey), '1600000000')
    assert.match(world.log.join('\n'), /^cache memory:allowlist partial cleanup: retained=0 dropped=\d+ entries$/)
  })
})
