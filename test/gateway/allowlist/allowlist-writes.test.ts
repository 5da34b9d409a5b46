// The queue of writes to the disk: what lookups see meanwhile, batches, failures, bounds.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { WriteQueue } from '../../../gateway/allowlist/allowlist-writes.ts'

const quick = { collect: 0, batch: 3, waiting: 32, retry: { firstMs: 1, longestMs: 4 } }

interface Disk {
  readonly batches: (readonly (readonly [string, string | undefined])[])[]
  readonly failureWarnings: string[]
  /** How many commits have begun. */
  begun: number
  /** How many commits from now on fail. */
  failures: number
  /** Set: a commit waits for it. */
  hold: Promise<void> | undefined
}

function queueTo(disk: Disk, limits = quick): WriteQueue {
  return new WriteQueue(
    async (batch) => {
      const entries = [...batch]
      disk.begun++
      await disk.hold
      if (disk.failures > 0) {
        disk.failures--
        throw new Error('disk full')
      }
      disk.batches.push(entries)
    },
    (trouble, key, cause) => disk.failureWarnings.push(`${trouble} ${key}: ${cause instanceof Error ? cause.message : String(cause)}`),
    limits,
  )
}

const newDisk = (): Disk => ({ batches: [], failureWarnings: [], begun: 0, failures: 0, hold: undefined })

describe('writes on their way to the disk', () => {
  test('are committed together, only the last one of each key', async () => {
    const disk = newDisk()
    const queue = queueTo(disk)
    queue.add('a', '1')
    queue.add('b', '1')
    queue.add('a', '2')
    queue.add('b', undefined)
    assert.ok(queue.has('a'))
    assert.equal(queue.get('a'), '2')
    assert.equal(queue.get('b'), undefined)
    await queue.drained()
    assert.deepEqual(disk.batches, [
      [
        ['a', '2'],
        ['b', undefined],
      ],
    ])
    assert.equal(queue.has('a'), false)
  })

  test('are seen while they are being committed', async () => {
    const disk = newDisk()
    const held = Promise.withResolvers<void>()
    disk.hold = held.promise
    const queue = queueTo(disk)
    queue.add('a', '1')
    const drained = queue.drained()
    while (disk.begun === 0) await new Promise(setImmediate)
    queue.add('b', '1')
    queue.add('a', '2')
    assert.equal(queue.get('a'), '2')
    assert.deepEqual(
      [...queue.waiting()],
      [
        ['b', '1'],
        ['a', '2'],
      ],
    )
    held.resolve()
    await drained
    await queue.drained()
    assert.deepEqual(disk.batches.flat(), [
      ['a', '1'],
      ['b', '1'],
      ['a', '2'],
    ])
  })

  test('are cut into batches, the oldest first', async () => {
    const disk = newDisk()
    const queue = queueTo(disk)
    for (let i = 0; i < 7; i++) queue.add(String(i), 'r')
    await queue.drained()
    assert.deepEqual(
      disk.batches.map((batch) => batch.map(([key]) => key).join('')),
      ['012', '345', '6'],
    )
  })

  test('are waited for by a flush, however many more come meanwhile', async () => {
    const disk = newDisk()
    const queue = queueTo(disk)
    let more = true
    let added = 0
    const pour = (): void => {
      if (!more) return
      queue.add(`more ${added++}`, 'r')
      setTimeout(pour, 0)
    }
    queue.add('a', '1')
    pour()
    await queue.drained()
    more = false
    assert.ok(disk.batches.flat().some(([key]) => key === 'a'))
    queue.stop()
  })

  test('are tried again after a failure, without going over newer ones', async () => {
    const disk = newDisk()
    disk.failures = 2
    const queue = queueTo(disk)
    queue.add('a', 'old')
    queue.add('b', 'old')
    await queue.drained()
    assert.deepEqual(disk.failureWarnings, ['update a: disk full'])
    assert.equal(queue.get('a'), 'old', 'still found')
    queue.add('a', 'new')
    await queue.drained()
    await queue.drained()
    assert.deepEqual(
      new Map(disk.batches.flat()),
      new Map([
        ['b', 'old'],
        ['a', 'new'],
      ]),
    )
  })

  test('are given up, the oldest first, when too many wait', () => {
    const disk = newDisk()
    disk.hold = new Promise(() => {})
    const queue = queueTo(disk)
    for (let i = 0; i < 33; i++) queue.add(String(i), 'r')
    assert.equal(queue.has('0'), false)
    assert.equal(queue.has('2'), false)
    assert.equal(queue.has('3'), true)
    assert.equal(queue.has('32'), true)
    assert.deepEqual(disk.failureWarnings, ['update 0: too many writes wait for the disk'])
    queue.stop()
  })

  test('are no longer waited for when the queue is stopped', async () => {
    const disk = newDisk()
    disk.hold = new Promise(() => {})
    const queue = queueTo(disk)
    queue.add('a', '1')
    const drained = queue.drained()
    queue.stop()
    await drained
    assert.deepEqual(disk.batches, [])
  })
})
