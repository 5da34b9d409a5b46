// The key of a DNS list that knows its customers: part of every question to it, and of nothing that anybody can read.

/** Lists give out one label of some 26 letters and digits; a label has at most 63 characters (RFC 1035 2.3.4). */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

/** A key that does not show when somebody prints, logs or serialises what holds it. */
export class DnsblKey {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /** The key in a text with white space around it; undefined when that is no label of letters, digits and hyphens. */
  static read(text: string): DnsblKey | undefined {
    const trimmed = text.trim()
    return label.test(trimmed) ? new DnsblKey(trimmed) : undefined
  }

  /** For the name in a question and for comparing; goes nowhere else. */
  reveal(): string {
    return this.#text
  }

  toJSON(): string {
    return '(key)'
  }
}
