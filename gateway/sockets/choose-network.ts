// Chooses the sockets of a gateway: those of Linux where they can be used, otherwise Node's own.
import { linuxNetwork } from '../linux/linux-network.ts'
import type { Network, NetworkChoice } from './network.ts'
import { nodeNetwork } from './node-network.ts'

export interface ChosenNetwork {
  readonly network: Network
  /** Why it is not the network of Linux; undefined if it is. */
  readonly reason: string | undefined
}

export function chooseNetwork(choice: NetworkChoice): ChosenNetwork {
  if (choice === 'node') return { network: nodeNetwork, reason: '--io node' }
  const network = linuxNetwork()
  return typeof network === 'string' ? { network: nodeNetwork, reason: network } : { network, reason: undefined }
}
