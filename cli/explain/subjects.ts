// The addresses or networks that a word of the command line stands for.
import { promises as dns } from 'node:dns'
import { canonicalAddress } from '../../crds/values/address.ts'
import { hostNameProblem } from '../../crds/values/host.ts'
import { readSubject } from '../../gateway/observability/explain/explain-page.ts'
import { messageOf } from '../../runtime/caught.ts'

export const wordWhy = 'must be an address, a network or a host name, such as 192.0.2.1, 2001:db8::/64 or mail.example.com'

/** A host with more addresses is explained in part. */
const addressesAtMost = 8

/** `isArgument`: the word itself is wrong, so the exit code is that of wrong arguments. */
export type Subjects = { readonly subjects: readonly string[] } | { readonly why: string; readonly isArgument: boolean }

/** Resolves a host name with the resolver of this machine. */
export async function subjectsOf(word: string): Promise<Subjects> {
  const read = readSubject(word)
  if ('value' in read) return { subjects: [read.value.is === 'address' ? read.value.address : word] }
  if (word.includes('/')) return { why: `${JSON.stringify(word)}: ${read.why}`, isArgument: true }
  const name = word.endsWith('.') ? word.slice(0, -1) : word
  if (hostNameProblem(name) !== undefined || word.includes(':')) return { why: `${JSON.stringify(word)}: ${wordWhy}`, isArgument: true }
  try {
    const found = await dns.lookup(word, { all: true })
    const addresses = [...new Set(found.map(({ address }) => canonicalAddress(address) ?? address))]
    return { subjects: addresses.slice(0, addressesAtMost) }
  } catch (error) {
    return { why: `${word} has no address: ${messageOf(error)}`, isArgument: false }
  }
}
