// A table of as many networks as one likes, in the form of cidr_table(5).
import { formatIPv4 } from '../../crds/values/address.ts'

/** Networks of equal size that cover every second part of the address space: half of all addresses are in one. */
export function tableText(networks: number): string {
  // The smallest prefix length whose networks are at least twice as many.
  const prefix = Math.ceil(Math.log2(networks * 2))
  const size = 2 ** (32 - prefix)
  const lines = Array.from({ length: networks }, (_, index) => `${formatIPv4(2 * index * size)}/${prefix} permit`)
  return `${lines.join('\n')}\n`
}
