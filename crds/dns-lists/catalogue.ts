// The catalogue of DNS lists: finds what is known about a list.
import { allowLists } from './allow-lists.ts'
import { blockLists } from './block-lists.ts'
import { closedLists } from './closed-lists.ts'
import type { ListFacts } from './list-facts.ts'
import { nameLists } from './name-lists.ts'

/** All entries. A domain has at most one. */
export const catalogue: readonly ListFacts[] = [...blockLists, ...allowLists, ...nameLists, ...closedLists]

const byZone = new Map(catalogue.map((entry) => [entry.zone, entry]))

/**
 * What the catalogue knows about a list; undefined if it is not there. A domain with one label more than a zone is the
 * zone with a key, as in an imported policy.
 */
export function factsOf(domain: string): ListFacts | undefined {
  let name = domain.toLowerCase().replace(/\.$/, '')
  for (let removed = 0; name !== ''; removed++) {
    const found = byZone.get(name)
    if (found !== undefined && (removed <= 1 || found.below === true)) return found
    const dot = name.indexOf('.')
    name = dot < 0 ? '' : name.slice(dot + 1)
  }
  return undefined
}

/** What happened to a list that has shut down, and what to do; undefined for any other list. */
export function closedList(domain: string): string | undefined {
  return factsOf(domain)?.closed
}

/** The domains of lists that must not be asked about addresses, as a regular expression that RE2 can read too. */
export const nameListPattern = `^([^.]+[.])*(${nameLists.map(({ zone }) => zone.replaceAll('.', '[.]')).join('|')})[.]?$`
