// Reads the text of /etc/resolv.conf (resolv.conf(5), glibc): which DNS servers to ask, how long and how often.

import { isIP } from 'node:net'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** A line that had no effect: its number from 1, its text, and why. */
export interface IgnoredLine {
  readonly line: number
  readonly text: string
  readonly why: string
}

export interface ResolvConf {
  /**
   * In the order of the file; an IPv6 address keeps its %scope, because a link-local server cannot be reached without
   * it.
   */
  readonly servers: readonly Endpoint[]
  /** How long one server may think before the next is asked. */
  readonly queryTimeoutMs: number
  /** How many rounds over the servers. */
  readonly attempts: number
  readonly ignored: readonly IgnoredLine[]
}

// resolv.h: MAXNS, RES_TIMEOUT, RES_DFLRETRY, RES_MAXRETRANS, RES_MAXRETRY.
const mostServers = 3
const defaultTimeout = 5
const defaultAttempts = 2
const mostTimeout = 30
const mostAttempts = 5

/** Lines about names that are not fully qualified, which the name of a DNS list always is, or about other resolvers. */
const forOthers = new Set(['search', 'domain', 'sortlist', 'lookup', 'family'])

/**
 * Never throws: a line that is not valid is left out and listed in `ignored`. Without a usable `nameserver` line the
 * server is 127.0.0.1, as in glibc. Options other than timeout and attempts have no meaning here and are ignored.
 */
export function parseResolvConf(text: string): ResolvConf {
  const servers: Endpoint[] = []
  const ignored: IgnoredLine[] = []
  const limits = { timeout: defaultTimeout, attempts: defaultAttempts }
  for (const [i, raw] of text.split('\n').entries()) {
    const line = raw.trimEnd()
    if (line === '' || line.startsWith('#') || line.startsWith(';')) continue
    const [keyword = '', ...values] = line.split(/\s+/)
    let why: string | undefined
    if (keyword === 'nameserver') why = addServer(servers, values[0] ?? '')
    else if (keyword === 'options') why = setLimits(limits, values)
    else if (!forOthers.has(keyword)) why = 'unknown keyword'
    if (why !== undefined) ignored.push({ line: i + 1, text: line, why })
  }
  if (servers.length === 0) servers.push({ address: '127.0.0.1', port: 53 })
  return { servers, queryTimeoutMs: limits.timeout * 1000, attempts: limits.attempts, ignored }
}

function addServer(servers: Endpoint[], address: string): string | undefined {
  if (isIP(address) === 0) return 'not an IP address'
  if (servers.some((server) => server.address === address)) return 'named before'
  if (servers.length === mostServers) return `only the first ${mostServers} servers are asked`
  servers.push({ address, port: 53 })
  return undefined
}

function setLimits(limits: { timeout: number; attempts: number }, options: readonly string[]): string | undefined {
  let why: string | undefined
  for (const option of options) {
    const [name, value] = option.split(':')
    if (name !== 'timeout' && name !== 'attempts') continue
    // glibc reads a value with atoi and accepts 0 and less, which would disable lookups here.
    if (value === undefined || !/^[1-9]\d{0,8}$/.test(value)) why = `${name} needs a whole number from 1`
    else limits[name] = Math.min(Number(value), name === 'timeout' ? mostTimeout : mostAttempts)
  }
  return why
}
