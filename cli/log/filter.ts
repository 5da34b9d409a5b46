// Which sessions `postscreen log` shows.
import { parseAddress } from '../../crds/values/address.ts'
import { contains, type Network, networkAround, readNetwork } from '../../crds/values/network.ts'
import { groups, type Outcome, outcomes } from './outcome.ts'
import type { SessionStory } from './sessions.ts'

export interface Filter {
  /** Empty: all clients. */
  readonly networks: readonly Network[]
  /** Undefined: all outcomes. */
  readonly outcomes: ReadonlySet<Outcome> | undefined
  /** In lower case; empty: all. */
  readonly text: string
}

interface FilterFlags {
  readonly address?: readonly string[]
  readonly outcome?: readonly string[]
  readonly grep?: string
}

/** Reads the options. */
export function readFilter({ address = [], outcome = [], grep = '' }: FilterFlags): { readonly value: Filter } | { readonly why: string } {
  const networks: Network[] = []
  for (const written of address) {
    const read = readNetwork(written)
    if ('why' in read) return { why: `--address ${JSON.stringify(written)}: ${read.why}` }
    networks.push(read.value)
  }
  const words = outcome.flatMap((one) => one.split(',')).filter((one) => one !== '')
  const wanted = new Set<Outcome>()
  for (const word of words) {
    const meant = outcomes.find((one) => one === word)
    const group = Object.hasOwn(groups, word) ? groups[word] : undefined
    if (meant === undefined && group === undefined)
      return { why: `--outcome ${JSON.stringify(word)}: expected one of ${outcomeNames.join(', ')}` }
    for (const one of group ?? (meant === undefined ? [] : [meant])) wanted.add(one)
  }
  return { value: { networks, outcomes: words.length === 0 ? undefined : wanted, text: grep.toLowerCase() } }
}

/** All words that --outcome takes. */
export const outcomeNames: readonly string[] = [...Object.keys(groups), ...outcomes]

/** Whether the filter lets every session through. */
export const isOpen = ({ networks, outcomes: wanted, text }: Filter): boolean =>
  networks.length === 0 && wanted === undefined && text === ''

/** Whether the session is shown. The text is looked for in every line of it. */
export function passes({ networks, outcomes: wanted, text }: Filter, { client, outcome, lines }: SessionStory): boolean {
  if (wanted !== undefined && !wanted.has(outcome)) return false
  if (networks.length > 0 && !isIn(client, networks)) return false
  return (
    text === '' || lines.some(({ msg, fields }) => msg.toLowerCase().includes(text) || JSON.stringify(fields).toLowerCase().includes(text))
  )
}

function isIn(client: string, networks: readonly Network[]): boolean {
  const address = parseAddress(client)
  if (address === undefined) return false
  const { network } = networkAround(address, address.family === 4 ? 32 : 128)
  return networks.some((one) => contains(one, network))
}
