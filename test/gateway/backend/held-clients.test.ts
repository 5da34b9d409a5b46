// Clients that no backend accepts: which of them may try when, and that all of them are released.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { HeldClients } from '../../../gateway/backend/held-clients.ts'

function held(
  t: TestContext,
  hope: { is: 'all' | 'oldest' } = { is: 'oldest' },
): { clients: HeldClients; gone: string[]; pass: (ms: number) => void } {
  t.mock.timers.enable({ apis: ['setInterval'] })
  return { clients: new HeldClients(() => hope.is), gone: [], pass: (ms) => t.mock.timers.tick(ms) }
}

test('one client at a time may try, twice a second, the oldest first; a client that has failed goes to the end', (t) => {
  const { clients, gone, pass } = held(t)
  const again = (name: string) => (): void => {
    gone.push(name)
    clients.add(again(name))
  }
  for (const name of ['a', 'b', 'c']) clients.add(again(name))
  pass(499)
  assert.deepEqual(gone, [])
  pass(1)
  assert.deepEqual(gone, ['a'])
  pass(1500)
  assert.deepEqual(gone, ['a', 'b', 'c', 'a'])
})

test('all clients are released when one has found that a backend works', (t) => {
  const hope: { is: 'all' | 'oldest' } = { is: 'oldest' }
  const { clients, gone, pass } = held(t, hope)
  for (const name of ['a', 'b', 'c']) clients.add(() => void gone.push(name))
  hope.is = 'all'
  pass(500)
  assert.deepEqual([gone, clients.size], [['a', 'b', 'c'], 0])
})

test('all clients are released at once on request, and those that are held again meanwhile stay', (t) => {
  const { clients, gone } = held(t)
  clients.add(() => void clients.add(() => void gone.push('again')))
  clients.add(() => void gone.push('b'))
  clients.releaseAll()
  assert.deepEqual([gone, clients.size], [['b'], 1])
})

test('a client that has left is not called, and no client is called twice', (t) => {
  const { clients, gone, pass } = held(t)
  const leave = clients.add(() => void gone.push('a'))
  clients.add(() => void gone.push('b'))
  leave()
  leave()
  pass(2000)
  assert.deepEqual([gone, clients.size], [['b'], 0])
})
