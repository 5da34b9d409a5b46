// Mutants that do what the program does, or that no test is meant to notice, each with the reason. They do not count.

export interface Equivalent {
  readonly file: string
  /** As `npm run mutants` prints them, one or several lines of the program. */
  readonly becomes: string | RegExp
  readonly why: string
}

export const equivalents: readonly Equivalent[] = [
  {
    file: 'gateway/core/access-list.ts',
    becomes: /decisions\[rule\] \?\? -2|'Reject', '', 'Unknown'\]/,
    why: 'any index without a decision continues the search, as Dunno of a table does',
  },
  { file: 'gateway/core/access-list.ts', becomes: 'if (plain.length >= 0)', why: 'a segment without rules decides nothing' },
  {
    file: 'gateway/core/allowlist-key.ts',
    becomes: /family: [57], value|\^\(\[\^\/\]\*\)/,
    why: 'every family but 4 is formatted as IPv6; an empty text is not an address',
  },
  { file: 'gateway/core/allowlist-merge.ts', becomes: /other\[i\] \?\? 1/, why: 'both records have five stamps' },
  {
    file: 'gateway/core/allowlist-record.ts',
    becomes: /mostDigits = (19|21)|safeDigits = 14|digits\.length < safeDigits|end <= text\.length|digits >= start/,
    why: 'the exact and the fast way of reading a number agree there; there is no character behind the end',
  },
  {
    file: 'gateway/core/backend-reply.ts',
    becomes: /replaceAll\('\\t', ''\)/,
    why: 'only question marks are counted',
  },
  { file: 'gateway/core/command-lines.ts', becomes: /\/\^ \*\/|at <= read\.length/, why: 'there is nothing to replace, or to read, then' },
  {
    file: 'gateway/core/dnsbl-codes.ts',
    becomes: /address: \/(127\S*\$|\^127[^$]*)\/,/,
    why: 'addresses are canonical IPv4 texts, in which 127 can only stand at the start and 255 of four numbers at the end',
  },
  {
    file: 'gateway/core/early-tests.ts',
    becomes: /Math\.max\(1, turn\.now|score\.total > threshold \|\|/,
    why: 'a millisecond is shown as 0 and counts as no second; a negative bound implies the threshold',
  },
  { file: 'gateway/core/log-text.ts', becomes: "case '':", why: 'events without a line give undefined one way or the other' },
  {
    file: 'gateway/core/printable.ts',
    becomes: /126 >> length|\/\^\[\\x20-\\x7e\]\$?\/\.test\(bytes\)\) return bytes|\/\^\[\\x00-\\x7f\]\+?\$\/\.test/,
    why: 'the short cut for ASCII changes no result; the lowest of seven bits is shifted out',
  },
]
