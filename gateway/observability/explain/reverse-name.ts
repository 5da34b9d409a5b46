// The names of an address in DNS (PTR), for people: no test uses them.
import { promises as dns } from 'node:dns'
import { type Endpoint, formatEndpoint } from '../../../crds/values/endpoint.ts'
import { visibleText } from '../../../crds/values/visible-text.ts'
import { codeOf, messageOf } from '../../../runtime/caught.ts'

export interface ReverseNames {
  readonly names: readonly string[]
  /** Why they are not known. */
  readonly error?: string
}

const namesAtMost = 5
const longestName = 255

/** Asks the DNS servers; never rejects. */
export async function reverseNames(address: string, servers: readonly Endpoint[], timeoutMs: number): Promise<ReverseNames> {
  try {
    const resolver = new dns.Resolver({ timeout: Math.ceil(timeoutMs / 2), tries: 2 })
    resolver.setServers(servers.map(formatEndpoint))
    const timer = setTimeout(() => resolver.cancel(), timeoutMs)
    try {
      const names = await resolver.reverse(address)
      return { names: names.slice(0, namesAtMost).map((name) => visibleText(name.slice(0, longestName))) }
    } finally {
      clearTimeout(timer)
    }
  } catch (error) {
    const code = codeOf(error)
    if (code === 'ENOTFOUND' || code === 'ENODATA') return { names: [] }
    return { names: [], error: code === 'ECANCELLED' || code === 'ETIMEOUT' ? 'the DNS servers did not answer in time' : messageOf(error) }
  }
}
