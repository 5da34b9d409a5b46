// The networks of senders for a simulation, which asks no DNS: what `postscreen spf -o json` has printed.
import { readFileSync } from 'node:fs'
import { isObject } from '../../crds/is-object.ts'
import { type Network, readNetwork } from '../../crds/values/network.ts'
import { messageOf } from '../../runtime/caught.ts'

/** Networks by domain, in lower case. */
export type SenderNetworks = ReadonlyMap<string, readonly Network[]>

/** A domain whose record could not be used, or not be read completely, is left out: not all its networks are known. */
export function readSendersFile(file: string): { readonly senders: SenderNetworks } | { readonly why: string } {
  let page: unknown
  try {
    page = JSON.parse(readFileSync(file, 'utf8'))
  } catch (error) {
    return { why: `${file}: ${messageOf(error)}` }
  }
  const domains = isObject(page) ? page['domains'] : undefined
  if (!Array.isArray(domains)) return { why: `${file}: expected what postscreen spf DOMAIN -o json prints` }
  const senders = new Map<string, readonly Network[]>()
  for (const one of domains.filter(isObject)) {
    const { domain, networks, failed, unread = [], leftOut = null } = one
    if (typeof domain !== 'string' || !Array.isArray(networks))
      return { why: `${file}: each entry of domains must have a domain and networks` }
    const read = networks.map((text) => (typeof text === 'string' ? readNetwork(text) : { why: 'must be a text' }))
    for (const [at, network] of read.entries())
      if ('why' in network) return { why: `${file}: network ${JSON.stringify(networks[at])} of ${domain} ${network.why}` }
    if (failed !== null && failed !== undefined) continue
    if (Array.isArray(unread) && unread.length > 0) continue
    // The policy permits none of them (see permittedBy), which is known.
    senders.set(domain.toLowerCase(), leftOut === null ? read.flatMap((network) => ('value' in network ? [network.value] : [])) : [])
  }
  return { senders }
}
