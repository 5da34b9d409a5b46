// What the processes of one gateway tell each other about senders: one of them reads the records, the others learn the
// results.

export type SpfMessage =
  /** Senders as text (sender-text.ts). */
  | { readonly is: 'news'; readonly senders: readonly string[] }
  /** A process that has just started asks for all senders. */
  | { readonly is: 'ask' }

/** The channel to the other processes. */
export interface SpfChannel {
  /** Whether this process reads the records. */
  readonly isReader: () => boolean
  readonly send: (message: SpfMessage) => void
}

/** A process without others. */
export const alone: SpfChannel = { isReader: () => true, send: () => undefined }
