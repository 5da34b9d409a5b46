// The networks that no host on the internet has an address of.
import { type Network, readNetwork } from './network.ts'

/**
 * Of this host, of private networks, and of links: RFC 1122 (0/8, 127/8), RFC 1918, RFC 6598 (carriers' NAT, which some
 * clouds use for nodes and pods), RFC 3927, RFC 4193, RFC 4291. Networks for benchmarks (198.18/15) and for
 * documentation are not here: no node or load balancer has such an address, and a mail server does not trust them.
 */
const written = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '::/127',
  'fc00::/7',
  'fe80::/10',
]

export const privateNetworks: readonly Network[] = written.map((text) => {
  const read = readNetwork(text)
  if ('why' in read) throw new Error(`${text}: ${read.why}`)
  return read.value
})
