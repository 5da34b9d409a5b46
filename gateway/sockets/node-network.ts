// The Network of Node's own sockets: on every system.
import type { Network } from './network.ts'
import { connectNodeSocket } from './node-connect.ts'
import { openNodeDatagramSocket } from './node-datagram-socket.ts'
import { listenOnNode } from './node-listener.ts'

export const nodeNetwork: Network = {
  name: 'node',
  listen: listenOnNode,
  connect: connectNodeSocket,
  openDatagramSocket: openNodeDatagramSocket,
}
