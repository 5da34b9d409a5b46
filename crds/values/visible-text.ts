// Characters that act on terminals and log readers, or that cannot be seen: how they are found, and how they are written instead.

/**
 * By Unicode's general categories: controls (Cc), marks of format and direction (Cf), halves of characters (Cs), private ones (Co), code points
 * without a character (Cn), line and paragraph separators (Zl, Zp). And what a program that cannot draw it leaves out: variation selectors,
 * fillers, tags (Default_Ignorable_Code_Point).
 */
const acting = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}]/u
/** The same, for replacements. */
export const everyActing = new RegExp(acting, 'gu')

const named: Readonly<Record<string, string>> = { '\n': '\\n', '\r': '\\r', '\t': '\\t' }

const written = (character: string): string => named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`

/** Whether the text holds such a character. */
export const holdsActing = (text: string): boolean => acting.test(text)

/** The text with each such character written as `\n`, `\r`, `\t` or `\u{202e}`: one line that shows what it is. */
export function visibleText(text: string): string {
  return /^[\x20-\x7e]*$/.test(text) ? text : text.replace(everyActing, written)
}

/** The same for a message of several lines, which stay. */
export const visibleLines = (text: string): string => text.split('\n').map(visibleText).join('\n')
