// The messages of an import: errors, notes, and the parameters without a field in the policy.

/** A parameter of the input that the policy does not have, and why. */
export interface LeftOut {
  readonly name: string
  readonly why: string
}

/** The limit for messages of one kind about one file: a table with 100,000 bad lines is one mistake, not 100,000. */
const mostOfOneKind = 5

export class Findings {
  readonly errors: string[] = []
  readonly notes: string[] = []
  readonly leftOut: LeftOut[] = []
  readonly #counts = new Map<string, number>()

  /** A problem that must be fixed before a policy can be written. */
  error(text: string): void {
    if (!this.errors.includes(text)) this.errors.push(text)
  }

  /** Information about the policy for the user. */
  note(text: string): void {
    if (!this.notes.includes(text)) this.notes.push(text)
  }

  leaveOut(name: string, why: string): void {
    if (!this.leftOut.some((one) => one.name === name)) this.leftOut.push({ name, why })
  }

  /**
   * A note that may occur very often. After a few of the same kind, the others are only counted; `finish` reports the
   * number.
   */
  noteOneOfMany(kind: string, text: string): void {
    const count = (this.#counts.get(kind) ?? 0) + 1
    this.#counts.set(kind, count)
    if (count <= mostOfOneKind) this.note(text)
  }

  /** Reports how many notes were left out. */
  finish(): void {
    for (const [kind, count] of this.#counts)
      if (count > mostOfOneKind) this.note(`${kind}: ${count - mostOfOneKind} more messages of the same kind`)
    this.#counts.clear()
  }
}
