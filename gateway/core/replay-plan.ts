// What a replay repeats to a backend, and how it ends.
import type { OfferedKeywords } from './ehlo-keywords-offered.ts'
import type { ReplayReply } from './replay-reply.ts'

/** What to repeat: the client's own lines with their ends, one byte a character. */
export type ReplayPlan =
  | {
      readonly goal: 'RCPT'
      readonly helo: string | undefined
      readonly mail: string
      readonly rcpt: string
      /** What the EHLO reply promised; undefined for a client that has not said EHLO. */
      readonly promised: OfferedKeywords | undefined
    }
  | { readonly goal: 'STARTTLS'; readonly helo: string | undefined }

/** Where a backend was in the dialogue. */
export type ReplayStage = 'greeting' | 'NOOP' | 'HELO' | 'MAIL' | 'RCPT' | 'STARTTLS'

/**
 * Why a backend was left. `gone`: it closed the connection. `garbage`: what it said is not SMTP. `promise`: it does not
 * offer what was promised to the client. `notOffered`: it does not offer STARTTLS.
 */
export type ReplayFailure = 'gone' | 'timeout' | 'garbage' | 'promise' | 'notOffered'

export type ReplayOutcome =
  /** The backend has answered. `reply` is for the client, and more bytes of the backend may follow it in there. */
  | { readonly is: 'joined'; readonly reply: string }
  /** The backend has refused the client, in these words. */
  | { readonly is: 'refused'; readonly at: ReplayStage; readonly reply: ReplayReply }
  | { readonly is: 'failed'; readonly why: ReplayFailure }
