// What the parts of the DNS client know of a question that is on its way.

/** A question to one DNS server. It may still be answered after the next server was asked. */
export interface Attempt {
  /** No answer came in time; the attempt stays open. Counts against the server. */
  timedOut(): void
  /** Answers are no longer wanted. */
  release(): void
}

export interface OpenQuestion {
  /** From encodeQuery; its sender writes an id into it. */
  readonly query: Buffer
  /** Answered, failed or no longer wanted. The one that ends a question releases its attempts. */
  readonly isOver: boolean
  readonly attempts: Attempt[]
}
