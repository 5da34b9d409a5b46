// Whether an address is one at which this gateway itself listens: a backend there would be a loop.
import { networkInterfaces } from 'node:os'
import { parseEndpoint } from '../../crds/values/endpoint.ts'

/**
 * @param listening ADDR:PORT of each listening socket; `0.0.0.0` and `::` stand for all addresses of their family
 * @param addresses this machine's own
 */
export function isOwnAddress(
  to: { readonly address: string; readonly port: number },
  listening: readonly string[],
  addresses: readonly string[] = machineAddresses(),
): boolean {
  const isHere = addresses.includes(to.address) || to.address.startsWith('127.')
  const any = to.address.includes(':') ? '::' : '0.0.0.0'
  return listening.some((text) => {
    const endpoint = parseEndpoint(text)
    if (endpoint === undefined || endpoint.port !== to.port) return false
    return endpoint.address === to.address || (endpoint.address === any && isHere)
  })
}

const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
