// Opens connections with Node's net.Socket.
import { connect } from 'node:net'
import { NodeSocket } from './node-socket.ts'
import type { ConnectTcp } from './tcp-socket.ts'

export const connectNodeSocket: ConnectTcp = ({ address, port }, reader) => {
  const socket = connect({ host: address, port, allowHalfOpen: true, noDelay: true, autoSelectFamily: false }).pause()
  socket.once('connect', () => reader.onConnect())
  const connection = new NodeSocket(socket)
  connection.reader = reader
  return connection
}
