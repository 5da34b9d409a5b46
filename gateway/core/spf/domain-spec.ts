// The domain in a term of an SPF record (RFC 7208 7.1): checks its syntax and fills in the macros that do not depend on
// a message.
import type { Read } from '../../../crds/values/read.ts'

/**
 * `name`: what to ask DNS for, in lower case. `needsMessage`: the macros depend on the message, so that the name is
 * unknown. `unusable`: valid syntax, but DNS has no such names.
 */
export type DomainSpec =
  | { readonly is: 'name'; readonly name: string }
  | { readonly is: 'needsMessage'; readonly macros: string }
  | { readonly is: 'unusable'; readonly why: string }

/** Letters of RFC 7208 7.2 that are allowed outside of explanations. */
const macro = /%(?:\{([slodiphv])(\d*)(r?)([-.+,/_=]*)\}|([%_-]))/gi
/** Everything that is not part of a macro, one character each. */
const withMacrosRemoved = (text: string): string => text.replaceAll(macro, '')
const fixed: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' }
const endsInMacro = /%(?:\{[slodiphv]\d*r?[-.+,/_=]*\}|[%_-])$/i
const longestName = 253
const longestLabel = 63

/** Whether a text consists of visible characters and valid macros, as the value of a modifier must (RFC 7208 7.1). */
export const isMacroString = (text: string): boolean => /^[!-~]*$/.test(text) && !withMacrosRemoved(text).includes('%')

/** Reads a domain-spec of the record of `domain`. */
export function readDomainSpec(text: string, domain: string): Read<DomainSpec> {
  if (text === '') return { why: 'the domain is missing' }
  if (!isMacroString(text)) return { why: 'the domain has an invalid macro or character' }
  if (!endsInTopLabel(text) && !endsInMacro.test(text)) return { why: 'the domain does not end in a top-level domain' }
  const macros = [...text.matchAll(macro)].filter(([, letter]) => letter !== undefined)
  if (macros.some(([, , digits = '']) => /^0+$/.test(digits))) return { why: 'a macro has the number 0' }
  const unknown = macros.filter(([, letter]) => letter?.toLowerCase() !== 'd')
  if (unknown.length > 0) return { value: { is: 'needsMessage', macros: unknown.map(([written]) => written).join(' ') } }
  const filled = text.replaceAll(
    macro,
    (_, letter: string | undefined, digits: string, reverse: string, delimiters: string, other: string) =>
      letter === undefined ? (fixed[other] ?? '') : transformed(domain, { keep: digits, isReversed: reverse !== '', delimiters }),
  )
  return { value: nameOf(filled) }
}

/** RFC 7208 7.1: the last label has a letter or a hyphen, and a hyphen neither at its begin nor at its end. */
function endsInTopLabel(text: string): boolean {
  const name = text.endsWith('.') ? text.slice(0, -1) : text
  const dot = name.lastIndexOf('.')
  const label = name.slice(dot + 1)
  return dot >= 0 && /^[a-z0-9-]+$/i.test(label) && /[a-z-]/i.test(label) && !label.startsWith('-') && !label.endsWith('-')
}

interface Transformer {
  /** Digits, or empty. */
  readonly keep: string
  readonly isReversed: boolean
  readonly delimiters: string
}

/** RFC 7208 7.3. */
function transformed(value: string, { keep, isReversed, delimiters }: Transformer): string {
  const parts = [...value].reduce<string[]>(
    (all, character) => {
      if ((delimiters === '' ? '.' : delimiters).includes(character)) all.push('')
      else all.push(`${all.pop() ?? ''}${character}`)
      return all
    },
    [''],
  )
  const ordered = isReversed ? parts.toReversed() : parts
  const count = keep === '' ? ordered.length : Math.min(Number(keep), ordered.length)
  return ordered.slice(ordered.length - count).join('.')
}

/** A name that is too long loses labels at its left (RFC 7208 7.3). */
function nameOf(text: string): DomainSpec {
  const whole = text.toLowerCase().replace(/\.$/, '')
  const tooMany = whole.length - longestName
  const labels = (tooMany <= 0 ? whole : whole.slice(whole.indexOf('.', tooMany - 1) + 1)).split('.')
  const isValid = labels.every((label) => label.length > 0 && label.length <= longestLabel)
  return isValid ? { is: 'name', name: labels.join('.') } : { is: 'unusable', why: 'DNS has no names with such labels' }
}
