// Both implementations of Network, for tests that every implementation must pass.
import { linuxNetwork } from '../../../gateway/linux/linux-network.ts'
import type { Listener, Network } from '../../../gateway/sockets/network.ts'
import { nodeNetwork } from '../../../gateway/sockets/node-network.ts'
import type { TcpSocket } from '../../../gateway/sockets/tcp-socket.ts'

/** Also where it cannot be used: its tests are skipped there, and fail in CI. */
const linux = linuxNetwork()
if (typeof linux === 'string' && process.env['CI'] === 'true') throw new Error(`the network of Linux must be tested in CI, but ${linux}`)

export interface Shell extends Network {
  readonly skip: string | false
}

export const shells: readonly Shell[] = [
  { ...nodeNetwork, skip: false },
  typeof linux === 'string' ? { ...nodeNetwork, name: 'linux', skip: linux } : { ...linux, skip: false },
]

/** Listens on a free port; a client that cannot be accepted is a failure. */
export function listenOn(network: Network, accept: (socket: TcpSocket) => void, address = '127.0.0.1'): Promise<Listener> {
  return network.listen({
    endpoint: { address, port: 0 },
    isShared: false,
    accept,
    failed: (error) => {
      throw error
    },
  })
}
