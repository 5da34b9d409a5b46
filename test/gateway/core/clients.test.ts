// What sessions share: counters, stress mode with its two water marks, the record of a client address.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { beginRelay, beginStress, connectionsOf, endRelay, endStress, arrive, depart, newScreening } from '../../../gateway/core/clients.ts'
import { drive } from '../../support/core-session.ts'

describe('the sessions of one address', () => {
  test('share a record as long as one of them lasts', () => {
    const screening = newScreening()
    const first = arrive(screening, '192.0.2.1')
    const second = arrive(screening, '192.0.2.1')
    assert.equal(first, second)
    assert.equal(first.concurrency, 2)
    depart(screening, first)
    assert.equal(screening.clients.get('192.0.2.1'), second)
    depart(screening, second)
    assert.equal(screening.clients.size, 0)
    assert.equal(screening.checkQueue, 0)
  })

  test('are counted until their relays have ended', () => {
    const screening = newScreening()
    const first = arrive(screening, '192.0.2.1')
    depart(screening, first)
    beginRelay(screening, first)
    beginRelay(screening, first)
    const second = arrive(screening, '192.0.2.1')
    assert.equal(connectionsOf(screening, second), 3)
    endRelay(screening, first)
    assert.equal(connectionsOf(screening, second), 2)
    endRelay(screening, first)
    assert.equal(connectionsOf(screening, second), 1)
    assert.equal(screening.relays.size, 0)
  })

  test('know nothing at first', () => {
    assert.deepEqual(arrive(newScreening(), '192.0.2.1'), {
      key: '192.0.2.1',
      concurrency: 1,
      passNewCount: 0,
      stamps: [-1, -1, -1, -1, -1],
    })
  })

  test('share nothing with other addresses, not even of the same network', () => {
    const screening = newScreening()
    assert.notEqual(arrive(screening, '192.0.2.1'), arrive(screening, '192.0.2.2'))
    assert.equal(screening.checkQueue, 2)
  })
})

describe('stress mode', () => {
  const at = (checkQueue: number, stress = false) => ({ ...newScreening(), checkQueue, stress })

  for (const { limit, high, low } of [
    { limit: 100, high: 90, low: 70 },
    { limit: 10, high: 9, low: 7 },
    { limit: 15, high: 13, low: 10 },
    { limit: 10_000, high: 9000, low: 7000 },
  ]) {
    test(`T59: with a limit of ${limit} begins at ${high} and ends at ${low}`, () => {
      assert.equal(beginStress(at(high - 1), limit), false)
      assert.equal(beginStress(at(high), limit), true)
      assert.equal(endStress(at(low + 1, true), limit), false)
      assert.equal(endStress(at(low, true), limit), true)
    })
  }

  test('begins once and ends once', () => {
    assert.equal(beginStress(at(95, true), 100), false)
    assert.equal(endStress(at(5), 100), false)
  })

  test('T59: goes on between the marks, in both directions, and is logged by the session that changes it', () => {
    const gateway = drive({ limits: { preQueue: 20 } })
    const crowd = gateway.crowd(17)
    assert.equal(gateway.screening.stress, false)
    const straw = gateway.connect('192.0.2.1').logs('CONNECT from CLIENT to [198.51.100.1]:25', 'entering STRESS mode with 18 connections')
    assert.equal(gateway.screening.stress, true)
    for (const client of crowd.slice(0, 3)) client.leaves()
    assert.equal(gateway.screening.stress, true)
    gateway.connect('192.0.2.2').logs('CONNECT from CLIENT to [198.51.100.1]:25')
    crowd[3]?.leaves()
    straw
      .ignoringAllThat()
      .leaves()
      .logs('HANGUP after 0 from CLIENT in tests before SMTP handshake', 'DISCONNECT CLIENT', 'leaving STRESS mode with 14 connections')
    assert.equal(gateway.screening.stress, false)
    gateway.connect('192.0.2.3').logs('CONNECT from CLIENT to [198.51.100.1]:25')
  })

  test('shortens the waits that begin in it, and no others', () => {
    const gateway = drive({ limits: { preQueue: 10 }, greet: { wait: '6s', stressWait: '2s' } })
    const calm = gateway.connect('192.0.2.1').does('recall 192.0.2.1', 'arm greetWait 6000', 'read')
    gateway.crowd(7)
    gateway.connect('192.0.2.2').does('recall 192.0.2.2', 'arm greetWait 2000', 'read')
    calm.at(2000).does()
  })

  test('shortens the command time limit from the next command on', () => {
    const gateway = drive({ limits: { preQueue: 10 }, greet: { banner: '' }, deepTests: { pipelining: { enabled: true } } })
    const client = gateway.connect('192.0.2.1').does('recall 192.0.2.1', 'arm command 300000', 'read')
    const crowd = gateway.crowd(8)
    client.says('NOOP').does('arm command 10000')
    for (const other of crowd) other.leaves()
    client.says('NOOP').does('arm command 300000')
  })
})
