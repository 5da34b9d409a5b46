// Opens connections with Node's net.Socket.
import { connect } from 'node:net'
import { NodeSocket } from './node-socket.ts'
import type { ConnectTcp } from './tcp-socket.ts'

const keepAlive = { idleMs: 60_000, intervalMs: 10_000, probes: 6 }

export const connectNodeSocket: ConnectTcp = ({ address, port }, reader) => {
  const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false }).pause()
  socket.once('connect', () => {
    socket.setKeepAlive(true, keepAlive.idleMs, keepAlive.intervalMs, keepAlive.probes)
    reader.onConnect()
  })
  const connection = new NodeSocket(socket)
  connection.reader = reader
  return connection
}
