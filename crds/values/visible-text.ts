// Finds characters that are invisible or that affect terminals and log readers, and replaces them with a visible
// notation.

/**
 * By Unicode's general categories: control characters (Cc), format characters (Cf), surrogates (Cs), private use (Co),
 * unassigned (Cn), line and paragraph separators (Zl, Zp). Also characters that a program without their glyph leaves
 * out:
 * variation selectors, fillers, tags (Default_Ignorable_Code_Point).
 */
const acting = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
/** The same pattern, for replacements. */
export const everyActing = new RegExp(acting, 'gu')

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const written = (character: string): string => named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** Whether the text contains such a character. */
export const holdsActing = (text: string): boolean => acting.test(text)

/** The text with each such character written as `\n`, `\r`, `\t` or `\u{202e}`, so that one line shows it. */
export function visibleText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(everyActing, written)
}

/** The same for a message of several lines. Line breaks stay. */
export const visibleLines = (text: string): string => text.split('\n').map(visibleText).join('\n')
