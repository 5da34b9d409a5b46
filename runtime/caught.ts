// The message and the code of a caught value of any type.

/** Its message, or itself as text. */
export function messageOf(caught: unknown): string {
  return caught instanceof Error ? caught.message : String(caught)
}

/** The code of a system error such as ENOENT; undefined when it has none. */
export function codeOf(caught: unknown): string | undefined {
  return caught instanceof Error && 'code' in caught && typeof caught.code === 'string' ? caught.code : undefined
}
