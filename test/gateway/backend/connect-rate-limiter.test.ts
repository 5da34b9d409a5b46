// When connections to one backend address may begin.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { ConnectRateLimiter } from '../../../gateway/backend/connect-rate-limiter.ts'

interface Scene {
  /** A client that wants to connect. @returns how it leaves */
  readonly come: (name: string, connects?: boolean) => () => void
  readonly crowd: (count: number, name?: string) => (() => void)[]
  readonly pass: (ms: number) => void
  /** The connections that have begun, and when. */
  readonly began: { readonly name: string; readonly at: number }[]
}

/** A queue whose time moves only by `pass`. */
function scene(t: TestContext, perSecond: number): Scene {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  let now = 5000
  const pace = new ConnectRateLimiter()
  const began: Scene['began'] = []
  const come = (name: string, connects = true): (() => void) =>
    pace.wait(
      () => {
        if (connects) began.push({ name, at: now })
        return connects
      },
      perSecond,
      () => now,
    )
  const pass = (ms: number): void => {
    for (let i = 0; i < ms; i++) {
      now++
      t.mock.timers.tick(1)
    }
  }
  return { come, crowd: (count, name = 'crowd') => Array.from({ length: count }, () => come(name)), pass, began }
}

test('many clients start with the connections of a quarter of a second, and continue at the rate, in the order of arrival', (t) => {
  const { come, pass, began } = scene(t, 100)
  for (let i = 0; i < 1000; i++) come(`${i}`)
  assert.equal(began.length, 26)
  for (let second = 0; second < 9; second++) {
    const before: number = began.length
    pass(1000)
    assert.equal(began.length - before, 100)
  }
  pass(740)
  assert.deepEqual(
    began.map(({ name }) => name),
    Array.from({ length: 1000 }, (_, i) => `${i}`),
  )
  assert.equal(began.at(-1)?.at, 5000 + 974 * 10)
})

test('after a quiet time there is no more than one burst', (t) => {
  const { crowd, pass, began } = scene(t, 100)
  crowd(100)
  pass(60_000)
  assert.equal(began.length, 100)
  crowd(100)
  assert.equal(began.length, 126)
})

test('a rate of 0 means that there is no limit', (t) => {
  const { crowd, began } = scene(t, 0)
  crowd(1000)
  assert.equal(began.length, 1000)
})

test('clients that leave while they wait do not delay the clients that come later', (t) => {
  const { come, crowd, pass, began } = scene(t, 100)
  const leavers = crowd(10_000)
  pass(100)
  for (const leave of leavers) leave()
  come('later')
  pass(10)
  assert.deepEqual(began.at(-1), { name: 'later', at: 5110 })
  assert.equal(began.length, 26 + 10 + 1)
})

test('clients that come and leave again and again do not slow down those that stay', (t) => {
  const { come, crowd, pass, began } = scene(t, 100)
  crowd(26)
  for (let i = 0; i < 50; i++) {
    come(`patient ${i}`)
    const leavers = crowd(200)
    pass(10)
    for (const leave of leavers) leave()
  }
  assert.equal(began.filter(({ name }) => name.startsWith('patient')).length, 50)
})

test('a client that does not connect when its turn comes uses no slot', (t) => {
  const { come, crowd, pass, began } = scene(t, 100)
  crowd(26)
  for (let i = 0; i < 1000; i++) come('other', false)
  come('next')
  pass(10)
  assert.deepEqual(began.at(-1), { name: 'next', at: 5010 })
})

test('a queue that has become empty keeps no timer and serves the next client at once', (t) => {
  const { come, crowd, pass, began } = scene(t, 100)
  for (const leave of crowd(30)) leave()
  pass(1000)
  come('later')
  assert.deepEqual(began.at(-1), { name: 'later', at: 6000 })
})
