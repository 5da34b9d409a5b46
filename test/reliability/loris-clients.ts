// A process of slow-loris clients: each connects, waits for its greeting, then says a command letter by letter and never ends it. Gone ones come again.
import { connect, type Socket } from 'node:net'
import { loopbackAddress } from '../laboratory/clients.ts'
import type { LorisOrder, LorisState } from './slow-loris.ts'

/**
 * Connections that have not heard the gateway yet. More than the listen queue holds (net.core.somaxconn) would be lost without either side
 * knowing: the kernel answers with cookies then, and a client that waits for a greeting has nothing to send again.
 */
const unheardLimit = 1000
const tickMs = 20
/** A client that was closed connects again after about this time. */
const againMs = 10_000
/** No client speaks before its greeting is complete. */
const silenceMs = 2000
const letter = Buffer.from('N')

process.once('message', (order: LorisOrder) => run(order))
// Without its parent it has nothing to do.
process.once('disconnect', () => process.exit())

function run({ port, first, count, everyMs }: LorisOrder): void {
  const there: (Socket | undefined)[] = Array.from({ length: count })
  const outside = Array.from({ length: count }, (_, index) => index)
  let unheard = 0
  let heard = 0
  let gone = 0
  const come = (index: number): void => {
    unheard++
    const socket = connect({ port, host: '127.0.0.1', localAddress: loopbackAddress(64, first + index) })
    socket.once('data', () => {
      unheard--
      heard++
      setTimeout(() => (there[index] = socket.destroyed ? undefined : socket), silenceMs)
    })
    socket.on('error', () => undefined)
    socket.on('close', () => {
      if (socket.bytesRead > 0) gone++
      else unheard--
      there[index] = undefined
      setTimeout(() => outside.push(index), againMs * (0.5 + Math.random()))
    })
  }
  let turn = 0
  let letters = 0
  setInterval(() => {
    while (unheard < unheardLimit && outside.length > 0) come(outside.pop() ?? 0)
    // In turn, so that letters come evenly.
    for (letters += (count * tickMs) / everyMs; letters >= 1; letters--) there[turn++ % count]?.write(letter)
  }, tickMs)
  setInterval(() => process.send?.({ heard, gone } satisfies LorisState), 100)
}
