// Whether this gateway itself listens on an address: a backend there would be a loop.
import { networkInterfaces } from 'node:os'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/**
 * @param listening the place of each listening socket; `0.0.0.0` and `::` stand for all addresses of their family
 * @param addresses the addresses of this machine
 */
export function isOwnAddress(to: Endpoint, listening: readonly Endpoint[], addresses: readonly string[] = machineAddresses()): boolean {
  const isHere = addresses.includes(to.address) || to.address.startsWith('127.')
  const any = to.address.includes(':') ? '::' : '0.0.0.0'
  return listening.some(({ address, port }) => port === to.port && (address === to.address || (address === any && isHere)))
}

const machineAddresses = (): readonly string[] =>
  Object.values(networkInterfaces()).flatMap((all) => (all ?? []).map(({ address }) => address))
