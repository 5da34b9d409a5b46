// Which DNS servers are asked about lists, and how long each may take.
import { readFileSync } from 'node:fs'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { parseResolvConf } from './resolv-conf.ts'

/** Short enough that a second server is asked within the usual greet wait. */
const queryTimeoutMs = 1500
const attempts = 2

export interface DnsServers {
  readonly servers: readonly Endpoint[]
  readonly queryTimeoutMs: number
  readonly attempts: number
}

/** @param named servers of the command line or of the policy. None: those of the system. */
export function dnsServers(named: readonly Endpoint[]): DnsServers {
  if (named.length === 0) {
    const system = parseResolvConf(systemResolvConf())
    // glibc's five seconds would use up the greet wait for one lost datagram.
    return { ...system, queryTimeoutMs: Math.min(system.queryTimeoutMs, queryTimeoutMs) }
  }
  return { servers: named, queryTimeoutMs, attempts }
}

function systemResolvConf(): string {
  try {
    return readFileSync('/etc/resolv.conf', 'utf8')
  } catch {
    return ''
  }
}
