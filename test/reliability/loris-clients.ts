// A process of slow-loris clients: each connects, waits for its greeting, then says a command letter by letter and never ends it. Gone ones come again.
import { connect, type Socket } from 'node:net'
import { loopbackAddress } from '../load/clients.ts'
import type { LorisOrder, LorisState } from './slow-loris.ts'

/** Connections that are begun in one go, so that the kernel's queue holds them. */
const atOnce = 200
const goMs = 50
/** Who was sent away comes again after this time, some sooner, some later. */
const againMs = 10_000
const letter = Buffer.from('N')

process.once('message', (order: LorisOrder) => run(order))
// Without its parent it has nothing to do.
process.once('disconnect', () => process.exit())

function run({ port, first, count, everyMs }: LorisOrder): void {
  const there: (Socket | undefined)[] = Array.from({ length: count })
  let heard = 0
  let gone = 0
  const come = (index: number): void => {
    const socket = connect({ port, host: '127.0.0.1', localAddress: loopbackAddress(64, first + index) })
    socket.once('data', () => {
      heard++
      there[index] = socket
    })
    socket
      .on('error', () => undefined)
      .on('close', () => {
        if (there[index] === socket) gone++
        there[index] = undefined
        setTimeout(() => come(index), againMs * (0.5 + Math.random()))
      })
  }
  let next = 0
  const coming = setInterval(() => {
    for (const end = Math.min(next + atOnce, count); next < end; next++) come(next)
    if (next === count) clearInterval(coming)
  }, goMs)
  // In turn, so that letters come evenly; nobody speaks before its greeting is complete, 2 s after the first line.
  let turn = 0
  let bytes = 0
  const tickMs = 20
  setTimeout(
    () => {
      setInterval(() => {
        for (bytes += (count * tickMs) / everyMs; bytes >= 1; bytes--) there[turn++ % count]?.write(letter)
      }, tickMs)
    },
    2000 + (count / atOnce) * goMs,
  )
  setInterval(() => process.send?.({ heard, gone } satisfies LorisState), 100)
}
