// Mail servers that greet late, as when their DNS is slow, and those that hang: what the gateway says of them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { aboutTwoSeconds, type World, world } from './virtual-mail.ts'

const addresses = ['10.0.0.1:25', '10.0.0.2:25', '10.0.0.3:25']
const options = { probeAfterMs: 30_000, refreshMs: 2000, holdMs: 8000, greetingTimeoutMs: 100_000 }
const quick = (): number => 10

/** Clients come steadily, and time passes. */
async function clients({ come, pass }: World, forMs: number, everyMs: number): Promise<void> {
  for (let ms = 0; ms < forMs; ms += everyMs) {
    come()
    await pass(everyMs, 50)
  }
}

const firstProofs = (changes: readonly string[]): string[] => changes.filter((one) => one.endsWith('unknown -> working'))

for (const everyMs of [200, 700, 1100, 1900, 3300]) {
  for (const count of [2, 3]) {
    test(`${count} mail servers that all greet after about 2 s stay working, a client comes every ${everyMs} ms`, async (t) => {
      const all = world(t, addresses.slice(0, count), aboutTwoSeconds(), options)
      await clients(all, 180_000, everyMs)
      assert.deepEqual(all.changes, firstProofs(all.changes))
      assert.equal(all.changes.length, count)
    })

    test(`${count} mail servers that begin to greet after about 2 s stay working, a client comes every ${everyMs} ms`, async (t) => {
      const all = world(t, addresses.slice(0, count), quick, options)
      await clients(all, 40_000, everyMs)
      for (const label of all.greetsAfter.keys()) all.greetsAfter.set(label, aboutTwoSeconds())
      await clients(all, 120_000, everyMs)
      assert.deepEqual(all.changes, firstProofs(all.changes))
    })
  }

  test(`a mail server that greets after about 2 s beside a quick one is reported once, a client comes every ${everyMs} ms`, async (t) => {
    const both = world(t, addresses.slice(0, 2), quick, options)
    await clients(both, 20_000, everyMs)
    both.greetsAfter.set('10.0.0.1:25', aboutTwoSeconds())
    await clients(both, 120_000, everyMs)
    const told = both.changes.filter((one) => !one.endsWith('unknown -> working'))
    assert.ok(told.length <= 2, told.join('\n'))
  })

  test(`a mail server that hangs is failing within seconds, and reported once, a client comes every ${everyMs} ms`, async (t) => {
    const both = world(t, addresses.slice(0, 2), quick, options)
    await clients(both, 20_000, everyMs)
    both.greetsAfter.set('10.0.0.1:25', () => Number.POSITIVE_INFINITY)
    const from = 20_000
    await clients(both, 60_000, everyMs)
    const [told, ...more] = both.changes.filter((one) => !one.endsWith('unknown -> working'))
    assert.deepEqual(more, [])
    const [at, what] = told?.split(/: (.*)/) ?? []
    assert.match(what ?? '', /^10\.0\.0\.1:25 working -> failing: no greeting for /)
    assert.ok(Number(at) - from <= 2 * everyMs + 4000, told ?? '')
  })
}
