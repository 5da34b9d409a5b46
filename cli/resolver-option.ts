// The option --resolver of every command that asks DNS: one form, one help text and one error.
import { type Endpoint, readResolvers } from '../crds/values/endpoint.ts'
import type { Read } from '../crds/values/read.ts'

export const resolverOption = { type: 'string', multiple: true } as const

/**
 * Its line in the help of a command.
 * @param column where the texts of the options begin
 * @param condition when the option can be used, if not always
 */
export const resolverHelp = (column: number, condition = ''): string =>
  `${'  --resolver SERVER'.padEnd(column)}${condition}a DNS server, as ADDRESS or ADDRESS:PORT; may be repeated. Default: those of the policy, or of this machine`

/** No server: the default. */
export function readResolverOption(texts: readonly string[] = []): Read<readonly Endpoint[]> {
  const read = readResolvers(texts)
  return 'why' in read ? { why: `--resolver ${read.why}` } : read
}
