// The network whose hosts are counted together: the nodes of a cluster, or the addresses of one load balancer, often
// share it.
import { allowlistKeys } from '../allowlist-key.ts'

/** The /24 of a canonical IPv4 address, the /64 of an IPv6 address. */
export const neighbourhood = allowlistKeys({ ipv4: 24, ipv6: 64 })
