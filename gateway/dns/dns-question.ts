// What a DNS server knows of a question, and the client of an attempt to get it answered.

/** A question that was sent to one DNS server. It may still be answered after the next server was asked. */
export interface Attempt {
  /** No answer came in time; the attempt stays open. The timeout is counted for the server. */
  timedOut(): void
  /** Answers are no longer wanted. */
  release(): void
}

export interface OpenQuestion {
  /** From encodeQuery; its sender writes an id into it. */
  readonly query: Buffer
  /** Answered, failed or no longer wanted. Its attempts are released when it ends. */
  readonly isOver: boolean
  readonly attempts: Attempt[]
}
