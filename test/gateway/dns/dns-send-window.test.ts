// How many questions a server gets before it is known to have read them. Times are milliseconds that the test makes up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsSendWindow } from '../../../gateway/dns/dns-send-window.ts'

/** Sends as many as may be sent; returns how many. */
function fill(pace: DnsSendWindow, now = 0): number {
  let count = 0
  for (; pace.hasRoomFor('new'); count++) pace.sent(now)
  return count
}

test('pace: 48 are sent to a server that has said nothing', () => assert.equal(fill(new DnsSendWindow()), 48))

test('pace: an answer proves that everything sent before was read', () => {
  const pace = new DnsSendWindow()
  fill(pace)
  pace.answered(30, 0, 0, 1)
  assert.equal(fill(pace), 30)
  pace.answered(10, 0, 0, 2)
  assert.equal(fill(pace), 0, 'a late answer to an earlier question proves nothing new')
})

test('pace: a silent server gets 48 more after 60 ms, then after 120 and so on up to 240, until it answers', () => {
  const pace = new DnsSendWindow()
  const filledAt: number[] = []
  const run = (from: number, until: number) => {
    for (let now = from; now <= until; now += 20) {
      pace.tick(now)
      if (fill(pace, now) > 0) filledAt.push(now)
    }
  }
  run(0, 1000)
  assert.deepEqual(filledAt, [0, 60, 180, 420, 660, 900])
  filledAt.length = 0
  pace.answered(48 * 6, 0, 1010, 1020)
  fill(pace, 1020)
  run(1040, 1300)
  assert.deepEqual(filledAt, [1080, 1200])
})

test('pace: an answer that proves nothing new does not put off the next questions', () => {
  const pace = new DnsSendWindow()
  fill(pace)
  pace.answered(48, 0, 0, 1)
  fill(pace, 1)
  for (let now = 10; now <= 60; now += 10) pace.answered(1, 0, 0, now)
  pace.tick(61)
  assert.equal(fill(pace), 48)
})

/** Asks as fast as allowed a server that answers each question after a time of the test's choice; returns the most that it may hold unread. */
function mostUnread(answerAfterMs: (order: number) => number): number {
  const pace = new DnsSendWindow()
  let open: { readonly order: number; readonly sentAt: number; readonly answerAt: number }[] = []
  let newest = 0
  let most = 0
  for (let now = 0; now < 1000; now++) {
    for (const { order, sentAt } of open.filter(({ answerAt }) => answerAt === now)) {
      pace.answered(order, newest, sentAt, now)
      newest = Math.max(newest, order)
    }
    open = open.filter(({ answerAt }) => answerAt > now)
    if (now % 20 === 0) pace.tick(now)
    while (pace.hasRoomFor('new')) {
      const order = pace.sent(now)
      open.push({ order, sentAt: now, answerAt: now + answerAfterMs(order) })
      most = Math.max(most, order - newest)
    }
  }
  return most
}

test('pace: up to 48 are unread while answers are quick', () =>
  assert.equal(
    mostUnread(() => 30),
    48,
  ))

test('pace: up to 112 are unread when all answers are slow, but come in order', () =>
  assert.equal(
    mostUnread(() => 50),
    112,
  ))

test('pace: up to 160 are unread when answers come out of order, as those of a resolver do', () =>
  assert.equal(
    mostUnread((order) => 50 + (order % 2)),
    160,
  ))

test('pace: one quick answer in order ends the large window', () => {
  const pace = new DnsSendWindow()
  for (let i = 0; i < 100; i++) pace.answered(pace.sent(0), 0, 0, 100)
  assert.equal(fill(pace, 100), 112)
  pace.answered(101, 0, 100, 101)
  assert.equal(fill(pace), 0)
})

test('pace: questions that are asked again leave room for 16 new ones', () => {
  const pace = new DnsSendWindow()
  let again = 0
  for (; pace.hasRoomFor('again'); again++) pace.sent(0)
  assert.equal(again, 32)
  assert.equal(fill(pace), 16)
})
