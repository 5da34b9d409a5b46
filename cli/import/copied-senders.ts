// Recognizes an access table that is a copy of senders' SPF records, as postwhite and similar programs make it. Such a
// table says so in a comment or in its name, so no list of senders is needed, which would become outdated.

/** `_spf.example.com` and `postscreen_spf_whitelist.cidr` too. */
const mention = /(?<![a-z0-9])(?:spf|postwhite)(?![a-z0-9])/i

/**
 * Where the table says it: `line 1` or `its name`; undefined: it does not.
 * @param path of the table's file
 */
export function copiedSenders(path: string, text: string): string | undefined {
  const at = text.split('\n').findIndex((line) => /^\s*#/.test(line) && mention.test(line))
  if (at >= 0) return `line ${at + 1}`
  return mention.test(path.split('/').at(-1) ?? '') ? 'its name' : undefined
}
