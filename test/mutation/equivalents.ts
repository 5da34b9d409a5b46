// Mutants that do what the program does, or that no test is meant to notice, each with the reason. They do not count.

export interface Equivalent {
  readonly file: string
  /** The line of the program, where several lines become the same. */
  readonly was?: string
  /** As `npm run mutants` prints it, one or several lines of the program. */
  readonly becomes: string
  readonly why: string
}

const ofFile = (file: string, why: string, ...becomes: readonly string[]): readonly Equivalent[] =>
  becomes.map((text) => ({ file, becomes: text, why }))

export const equivalents: readonly Equivalent[] = [
  ...ofFile(
    'gateway/core/access-list.ts',
    'any index without a decision continues the search, as Dunno of a table does',
    'const decisionOf = (rule: number): number => decisions[rule] ?? -2',
    "const tableDecisions: readonly TableDecision[] = ['Permit', 'Reject', '', 'Unknown']",
  ),
  ...ofFile('gateway/core/access-list.ts', 'a segment without rules decides nothing', 'if (plain.length >= 0)'),
  ...ofFile(
    'gateway/core/allowlist-key.ts',
    'every family but 4 is formatted as IPv6',
    'return { family: 7, value: (address.value >> host) << host }',
    'return { family: 5, value: (address.value >> host) << host }',
  ),
  ...ofFile(
    'gateway/core/allowlist-key.ts',
    'an empty text is not an address',
    String.raw`const [, host = '', length] = /^([^/]*)(?:\/([1-9][0-9]*))?$/.exec(text) ?? []`,
  ),
  ...ofFile(
    'gateway/core/allowlist-merge.ts',
    'both records have five stamps',
    "return one.map((stamp, i) => Math.max(stamp, other[i] ?? 1)).join(';')",
  ),
  ...ofFile('gateway/core/allowlist-record.ts', 'a number of 21 digits is out of range too', 'const mostDigits = 21'),
  ...ofFile(
    'gateway/core/allowlist-record.ts',
    'the exact and the fast way of reading a number agree for 15 digits',
    'const safeDigits = 14',
    'if (!negative && digits.length < safeDigits) return Number(digits)',
  ),
  ...ofFile(
    'gateway/core/allowlist-record.ts',
    'there is no character behind the end, and no sign before the start of a field',
    'const separated = end <= text.length && text.charCodeAt(end) === semicolon',
    'stamps[i] = stampOf(text.slice(digits, behind), text.charCodeAt(digits - 1) === 0x2d && digits >= start)',
  ),
  ...ofFile(
    'gateway/core/backend-reply.ts',
    'only question marks are counted',
    "const prints = (line: string): boolean => questionMarks(printableText(line.replaceAll('\\t', ''))) === questionMarks(line)",
  ),
  ...ofFile(
    'gateway/core/command-lines.ts',
    'there is nothing to read, or to replace, then',
    'for (let at = 0; at <= read.length;) {',
    "const trimmed = text.replace(/^ */, '')",
  ),
  ...ofFile(
    'gateway/core/early-tests.ts',
    'a millisecond is shown as 0 and counts as no second',
    'const elapsed = Math.max(1, turn.now - s.stageStart)',
  ),
  ...ofFile(
    'gateway/core/early-tests.ts',
    'a score that has reached the threshold is above a negative allowThreshold',
    'if (anyFailure(s) || allowThreshold >= 0 || s.score.total > threshold || s.score.total > allowThreshold) return',
  ),
  ...["case 'DNSBL ERROR CODE':", "case 'AUDIT':", "case 'TESTS':"].map((was) => ({
    file: 'gateway/core/log-text.ts',
    was,
    becomes: "case '':",
    why: 'an event without a line gives undefined one way or the other',
  })),
  ...ofFile('gateway/core/printable.ts', 'the lowest of seven bits is shifted out', 'let code = bytes.charCodeAt(i) & (126 >> length)'),
  ...ofFile(
    'gateway/core/printable.ts',
    'the short cut for ASCII changes no result',
    String.raw`if (/^[\x00-\x7f]+$/.test(bytes)) return true`,
    String.raw`if (/^[\x00-\x7f]$/.test(bytes)) return true`,
    String.raw`if (/^[\x20-\x7e]$/.test(bytes)) return bytes`,
  ),
  ...ofFile(
    'operator/compile/compilations.ts',
    'without tables there is nothing to read',
    "const readable = refs.length >= 0 && 'policy' in parsePolicy(policy)",
  ),
  ...ofFile(
    'operator/compile/compilations.ts',
    'the policy is parsed if and only if there are rules for tenants',
    "if (this.#tenants === undefined && parsed === undefined || 'problems' in parsed) return undefined",
  ),
  ...ofFile(
    'operator/compile/compile.ts',
    'these words are for tables that do not parse or have too many networks, which a valid list in a policy of 1.5 MiB never does',
    "return this.#toFile(entry, tableText(inline), path, '')",
    "return this.#toFile(entry, tableText([{ action, cidrs }]), path, '')",
  ),
  ...ofFile(
    'operator/compile/secret-files.ts',
    'the files are distinct, so no two are equal; only the sign of the result counts',
    'return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` <= `${b.secret}/${b.key}` ? -1 : 1))',
    'return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` < `${b.secret}/${b.key}` ? -2 : 1))',
    'return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` < `${b.secret}/${b.key}` ? -1 : 2))',
  ),
  ...ofFile('operator/compile/shards.ts', 'the first file begins a shard in any case', 'let room = 1'),
  ...ofFile(
    'operator/status/awaiting.ts',
    'the operator writes whole seconds; at the time itself both results are now',
    'return since > 1 && since <= now ? since : now',
    'return since > 0 && since < now ? since : now',
  ),
  ...ofFile(
    'operator/status/findings.ts',
    'this finding is only read when it is not good',
    "if (deployment === undefined || up >= total) return finding('', 'Ready', '')",
    "if (deployment === undefined || up >= total) return finding('True', '', '')",
  ),
  ...ofFile('operator/status/writer.ts', 'it is set when the first field is omitted, and not read before', '#since = 1'),
]
