// The limit of all client connections: what it is made of, and what is said when it is reached.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { adviceOn, Capacity, connectionLimit } from '../../../gateway/smtp/capacity.ts'

describe('the limit of connections', () => {
  for (const { openFiles, asked, want, by } of [
    { openFiles: 150, asked: 0, want: 38, by: 'open files' },
    { openFiles: 1024, asked: 0, want: 448, by: 'open files' },
    { openFiles: 65_536, asked: 0, want: 32_640, by: 'open files' },
    { openFiles: 65_536, asked: 500, want: 500, by: 'policy' },
    { openFiles: 1024, asked: 500, want: 448, by: 'open files' },
    { openFiles: 10, asked: 0, want: 1, by: 'open files' },
    { openFiles: undefined, asked: 500, want: 500, by: 'policy' },
    { openFiles: undefined, asked: 0, want: Number.POSITIVE_INFINITY, by: 'open files' },
  ] as const) {
    test(`of ${openFiles ?? 'unknown'} open files and ${asked} in the policy is ${want}`, () => {
      const limit = connectionLimit(openFiles, asked)
      assert.deepEqual([limit.connections, limit.by], [want, by])
    })
  }

  test('comes with advice', () => {
    assert.match(adviceOn(connectionLimit(150, 0)), /^raise the limit of open files, which is 150 .* or run more gateways$/)
    assert.match(adviceOn(connectionLimit(150, 9)), /^raise limits\.connections, or run more gateways$/)
  })
})

test('each time that all connections are in use there is one line, and one when there is room again', () => {
  const said: string[] = []
  let open = 100
  const capacity = new Capacity({
    limit: () => connectionLimit(undefined, 100),
    open: () => open,
    log: { info: (text) => void said.push(text), warning: (text) => void said.push(text) },
  })
  for (let i = 0; i < 5; i++) assert.equal(capacity.admits(), false)
  assert.deepEqual([capacity.isFull, capacity.status.refused], [true, 5])
  open = 95
  assert.equal(capacity.admits(), true)
  open = 100
  assert.equal(capacity.admits(), false)
  open = 90
  assert.deepEqual([capacity.isFull, capacity.status.refused], [false, 6])
  open = 100
  assert.equal(capacity.admits(), false)
  assert.deepEqual(said, [
    'all 100 client connections are in use, so that further clients get 421: raise limits.connections, or run more gateways',
    'clients are let in again; 6 were refused while all connections were in use',
    'all 100 client connections are in use, so that further clients get 421: raise limits.connections, or run more gateways',
  ])
})
