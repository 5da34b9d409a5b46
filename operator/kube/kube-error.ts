// A failed request: the answer of the API server (metav1.Status), or the reason why there was no answer.

import { fieldsOf, isObject } from '../../crds/is-object.ts'

/** The longest message, in characters. */
const messageLimit = 500
const longestRetryAfterMs = 5 * 60_000

interface KubeErrorFacts {
  /** The HTTP status; 0 if there was no answer, or none that could be read. */
  readonly status: number
  /**
   * The reason of metav1.Status, such as `Conflict`. `NoConnection`, `Timeout`, `BadAnswer`, `TooLarge`,
   * `NoCredentials`, `Aborted` and `Busy` are our own.
   */
  readonly reason: string
  /** How long the server asks the client to wait, in milliseconds. */
  readonly retryAfterMs?: number | undefined
  readonly cause?: unknown
}

/** The message is one line of limited length without control characters or tokens, so it can be logged. */
export class KubeError extends Error {
  readonly status: number
  readonly reason: string
  readonly retryAfterMs: number | undefined

  constructor(message: string, { status, reason, retryAfterMs, cause }: KubeErrorFacts) {
    super(logText(message), cause === undefined ? undefined : { cause })
    this.name = 'KubeError'
    this.status = status
    this.reason = reason
    this.retryAfterMs = retryAfterMs === undefined ? undefined : Math.min(Math.max(0, retryAfterMs), longestRetryAfterMs)
  }
}

/**
 * The error for a metav1.Status: the body of an error response, or the object of an ERROR event of a watch.
 * `body` is what was received, of any form. `status` is used if the body has no code. `retryAfter` is the header.
 */
export function kubeErrorOf(what: string, status: number, body: unknown, retryAfter?: string): KubeError {
  const said = fieldsOf(body)
  const code = typeof said['code'] === 'number' && status === 0 ? said['code'] : status
  const reason = typeof said['reason'] === 'string' ? logText(said['reason']) : ''
  const message = typeof said['message'] === 'string' ? `: ${said['message']}` : ''
  return new KubeError(`${what}: ${code}${reason === '' ? '' : ` ${reason}`}${message}`, {
    status: code,
    reason,
    retryAfterMs: retryAfterOf(said['details'], retryAfter),
  })
}

/** RFC 9110 10.2.3: seconds, as the API server writes it. A date, which it never sends, is ignored. */
function retryAfterOf(details: unknown, header: string | undefined): number | undefined {
  if (header !== undefined && /^[0-9]{1,9}$/.test(header)) return Number(header) * 1000
  const seconds = isObject(details) ? details['retryAfterSeconds'] : undefined
  return typeof seconds === 'number' && seconds > 0 ? seconds * 1000 : undefined
}

/** The object does not exist. */
export const isNotFound = (error: unknown): boolean => hasStatus(error, 404)

/** Another writer was first, or (reason AlreadyExists) created the object first. */
export const isConflict = (error: unknown): boolean => hasStatus(error, 409)

/** The resource version, or the token for the next page, is too old: list again. */
export const isGone = (error: unknown): boolean => hasStatus(error, 410)

/** The action is not allowed (403), or the credentials are not accepted (401). */
export const isForbidden = (error: unknown): boolean => hasStatus(error, 403) || hasStatus(error, 401)

/** The server asks for fewer requests. */
export const isTooManyRequests = (error: unknown): boolean => hasStatus(error, 429)

/** There was no answer. */
export const isUnanswered = (error: unknown): boolean => hasStatus(error, 0)

function hasStatus(error: unknown, status: number): boolean {
  return error instanceof KubeError && error.status === status
}

/**
 * Prepares a text from another program for a log line: escapes control and invisible characters, removes what looks
 * like a token, and limits the length.
 */
export function logText(text: string, limit = messageLimit): string {
  const start = text
    .slice(0, 4 * limit)
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, '$1 ***')
    .replace(/\beyJ[\w-]{8,}(\.[\w-]*){0,2}/g, '***')
    .replace(/[\p{Cc}\p{Cf}\p{Cs}\p{Co}\u2028\u2029]/gu, (one) => `\\u${(one.codePointAt(0) ?? 0).toString(16).padStart(4, '0')}`)
  return start.length > limit || text.length > 4 * limit ? `${start.slice(0, limit - 1)}…` : start
}

/** A description of a thrown value, for a log. */
export function describeError(caught: unknown): string {
  return caught instanceof KubeError ? caught.message : logText(caught instanceof Error ? caught.message : String(caught))
}
