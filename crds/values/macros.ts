// Texts with macros: $name, ${name} or $(name); $$ is a dollar sign. Unknown names are refused; Postfix would only
// warn.
import type { Read } from './read.ts'

/** Literal texts, and macros whose values take their place later. */
export type Template = readonly (string | { readonly macro: string })[]

const macro = /\$(?:\$|([A-Za-z0-9_]+)|\{([^}]*)\}|\(([^)]*)\))?/g

/** @param known the macros that the text can have */
export function readTemplate(text: string, known: readonly string[]): Read<Template> {
  const parts: (string | { readonly macro: string })[] = []
  let end = 0
  for (const { 0: written, 1: bare, 2: braced, 3: parenthesised, index } of text.matchAll(macro)) {
    if (index > end) parts.push(text.slice(end, index))
    end = index + written.length
    const name = bare ?? braced ?? parenthesised
    if (written === '$$') parts.push('$')
    else if (name !== undefined && known.includes(name)) parts.push({ macro: name })
    else
      return { why: `has ${written}, which is not a known macro; use ${known.map((one) => `$${one}`).join(', ')}, or $$ for a dollar sign` }
  }
  if (end < text.length) parts.push(text.slice(end))
  return { value: parts }
}

/** The text with the values of its macros. A macro without a value becomes empty. */
export const fillIn = (template: Template, values: Readonly<Record<string, string>>): string =>
  template.map((part) => (typeof part === 'string' ? part : (values[part.macro] ?? ''))).join('')
