// How many questions a server gets before it is known to have read them. Times are milliseconds that the test makes up.

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DnsPace } from '../../../gateway/io/dns-pace.ts'

/** Sends as many as may be sent; returns how many. */
function fill(pace: DnsPace): number {
  let count = 0
  for (; pace.hasRoom; count++) pace.sent()
  return count
}

test('pace: 48 are sent to a server that has said nothing', () => assert.equal(fill(new DnsPace()), 48))

test('pace: an answer proves that everything sent before was read', () => {
  const pace = new DnsPace()
  fill(pace)
  pace.answered(30, 0, 1)
  assert.equal(fill(pace), 30)
  pace.answered(10, 0, 2)
  assert.equal(fill(pace), 0, 'a late answer to an earlier question proves nothing new')
})

test('pace: a server that answers anything has read what was sent 5 ms ago', () => {
  const pace = new DnsPace()
  fill(pace)
  pace.answered(1, 0, 1)
  assert.equal(fill(pace), 1)
  pace.answered(2, 0, 7)
  assert.equal(fill(pace), 47, 'all but the one that was sent after the last look')
})

test('pace: a silent server gets 48 more every 60 to 80 ms', () => {
  const pace = new DnsPace()
  const sent: number[] = []
  for (let now = 0; now <= 200; now += 20) {
    pace.tick(now)
    sent.push(fill(pace))
  }
  assert.deepEqual(sent, [48, 0, 0, 0, 48, 0, 0, 0, 48, 0, 0])
})

test('pace: with slow answers only, up to 112 may be unread; one quick answer ends that', () => {
  const pace = new DnsPace()
  let answered = 0
  for (let now = 0; now < 1000; now++) {
    if (pace.hasRoom) pace.sent()
    if (now >= 50) pace.answered(++answered, now - 50, now)
  }
  const unread = fill(pace)
  assert.ok(unread > 48 && unread <= 112, `${unread}`)
  pace.answered(answered + 1, 1000, 1001)
  assert.equal(fill(pace), 0)
})
