// Lists in parameter values: words separated by commas and white space; {…} is one word (mystrtok(3), extpar(3)).
import { trimSpace } from './logical-lines.ts'

const separators = ', \t\r\n'

/** The words of a list. White space and commas inside braces do not separate words. */
export function splitWords(text: string): readonly string[] {
  const words: string[] = []
  let start = -1
  let level = 0
  for (let at = 0; at < text.length; at++) {
    const letter = text.charAt(at)
    if (level === 0 && separators.includes(letter)) {
      if (start >= 0) words.push(text.slice(start, at))
      start = -1
      continue
    }
    if (start < 0) start = at
    if (letter === '{') level++
    else if (letter === '}' && level > 0) level--
  }
  if (start >= 0) words.push(text.slice(start))
  return words
}

/**
 * The inside of a text that is one balanced `{…}`, without white space at the ends; `why` is the error message of
 * extpar(3).
 */
export function insideBraces(text: string): { readonly inside: string } | { readonly why: string } {
  if (!text.startsWith('{')) return { why: `no '{' at start of text in "${text}"` }
  let level = 0
  for (let at = 0; at < text.length; at++) {
    if (text[at] === '{') level++
    else if (text[at] === '}' && --level === 0) {
      if (at < text.length - 1) return { why: `syntax error after '}' in "${text}"` }
      return { inside: trimSpace(text.slice(1, at)) }
    }
  }
  return { why: `missing '}' in "${text}"` }
}
