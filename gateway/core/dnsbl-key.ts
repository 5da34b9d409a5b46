// The key of a DNS list that knows its customers: part of every question to it, and never shown anywhere else.

/** A key is one label of about 26 letters and digits; a label has at most 63 characters (RFC 1035 2.3.4). */
const label = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i

/** A key whose text is not shown when an object that holds it is printed, logged or serialised. */
export class DnsblKey {
  readonly #text: string

  private constructor(text: string) {
    this.#text = text
  }

  /**
   * Reads a key that may have white space around it; undefined when it is not a label of letters, digits and hyphens.
   */
  static read(text: string): DnsblKey | undefined {
    const trimmed = text.trim()
    return label.test(trimmed) ? new DnsblKey(trimmed) : undefined
  }

  /** The text, for the name in a question and for comparing; do not use it elsewhere. */
  reveal(): string {
    return this.#text
  }

  toJSON(): string {
    return '(key)'
  }
}
