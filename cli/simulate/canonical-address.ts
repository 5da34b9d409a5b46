// The address of a client as the gateway writes it, from any notation in a log.
import { formatIPv4, formatIPv6, parseAddress } from '../../crds/values/address.ts'

/** Undefined for a text that is not an address. */
export function canonicalAddress(text: string): string | undefined {
  const value = text.length > 45 ? undefined : parseAddress(text)
  if (value === undefined) return undefined
  return value.family === 4 ? formatIPv4(value.value) : formatIPv6(value.value)
}
