// Macros in texts of a policy: $name, ${name} or $(name); $$ is a dollar sign. Unknown names are refused; Postfix would
// only warn.

const macro = /\$(?:\$|([A-Za-z0-9_]+)|\{([^}]*)\}|\(([^)]*)\))?/g

/** Why a text is not a template with these macros; undefined if it is one. */
export function macroProblem(text: string, known: readonly string[]): string | undefined {
  for (const [written, bare, braced, parenthesised] of text.matchAll(macro)) {
    if (written === '$$') continue
    const name = bare ?? braced ?? parenthesised
    if (name === undefined || !known.includes(name)) {
      return `has ${written}, which is not a known macro; use ${known.map((one) => `$${one}`).join(', ')}, or $$ for a dollar sign`
    }
  }
  return undefined
}

/** Replaces the macros of a text that macroProblem accepts. A macro without a value becomes empty. */
export function expandMacros(text: string, values: Readonly<Record<string, string>>): string {
  return text.replaceAll(macro, (written: string, bare?: string, braced?: string, parenthesised?: string) =>
    written === '$$' ? '$' : (values[bare ?? braced ?? parenthesised ?? ''] ?? ''),
  )
}
