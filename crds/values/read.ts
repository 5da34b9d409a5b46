// What every reader of this folder returns: the value that a text stands for, or why the text is refused.

/** `why` continues a sentence that begins with the name of the field: `must be …`. */
export type Read<T> = { readonly value: T } | { readonly why: string }

/**
 * The value of a text that the program itself contains, or that has been checked before. Throws for any other text:
 * that is a mistake in the program.
 */
export function valueOf<T>(read: Read<T>): T {
  if ('why' in read) throw new TypeError(read.why)
  return read.value
}
