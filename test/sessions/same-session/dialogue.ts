// What a dialogue is: what the client says and must read, what the mail servers do, and what they must have read.
import type { SpecFragment } from '../../support/core-session.ts'
import type { Script } from './scripted-backend.ts'

/**
 * One step of the client: what it sends, then the start of each reply that it must read, its lines joined by ` | `. The
 * text gets CRLF unless it ends with a newline or is in `raw`. In place of a text: `half` (ends its stream), `reset`,
 * `closed` (must find the connection closed), `pause` (some milliseconds), `raw` (what follows is sent as it is).
 */
export type Step =
  | readonly [send: string, ...replies: string[]]
  | { readonly raw: string; readonly gets?: readonly string[] }
  /** What comes must begin with this text. */
  | { readonly raw: string; readonly bytes: string }
  | { readonly do: 'half' | 'reset' | 'closed' }
  | { readonly do: 'pause'; readonly ms: number }

export interface Dialogue {
  /** Of the table of 40, if it is one of them. */
  readonly row?: number
  readonly what: string
  /** Replaces parts of the usual policy. */
  readonly spec?: SpecFragment
  /** What the gateway promises in EHLO: `SIZE 100`, `DSN`. Null: nothing is known of the backends. */
  readonly promised?: readonly string[] | null
  /** One script for each mail server, in the order in which they are called. Default: one that accepts everything. */
  readonly backends?: readonly (Script | 'refuses')[]
  readonly holdMs?: number
  readonly client: readonly Step[]
  /** For each mail server, what it must have read in each call. Left out: not looked at. */
  readonly reads?: readonly (readonly (readonly string[])[] | undefined)[]
  /** Events of the gateway's log that must be there. */
  readonly logs?: readonly string[]
  /** What the temporary allowlist holds afterwards: whether the deep tests count as passed. Default: not looked at. */
  readonly passed?: boolean
  /** Not for the core: it is about sockets. */
  readonly onlyTcp?: boolean
}

export const E = 'EHLO c.test'
export const M = 'MAIL FROM:<a@x.test>'
export const R = 'RCPT TO:<u@example.test>'
export const okE = '250-mx.example.com'
export const okM = '250 2.1.0 Ok'
/** The backend's words, not the gateway's. */
export const okR = '250 2.1.5 Ok'

/** EHLO and MAIL, which the gateway answers itself. */
export const begun: readonly Step[] = [
  [E, okE],
  [M, okM],
]

/** The pipelining test is not due. */
export const withoutPipelining: SpecFragment = {
  deepTests: { handoff: 'SameSession', nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true } },
}
