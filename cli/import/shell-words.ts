// Quotes the words of a command, so that a user can type it as it is printed.

/** A word in the notation of a POSIX shell. Control characters cannot be typed, so printf makes them. */
export function shellQuote(word: string): string {
  if (/^[A-Za-z0-9_./:=@%+,-]+$/.test(word)) return word
  // oxlint-disable-next-line no-control-regex -- these are the very characters
  if (/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(word)) {
    const bytes = [...Buffer.from(word)].map((byte) => `\\${byte.toString(8).padStart(3, '0')}`)
    return `"$(printf '${bytes.join('')}')"`
  }
  return `'${word.replaceAll("'", String.raw`'\''`)}'`
}

/** How this program was called: the words before its arguments. */
export function ownProgram(): string {
  if (process.env['npm_lifecycle_event'] === 'postscreen') return 'npm run -s postscreen --'
  const [node = 'node', script = ''] = process.argv
  return /(^|\/)postscreen$/.test(script) ? shellQuote(script) : `${shellQuote(node)} ${shellQuote(script)}`
}
