// TLS with a client under test: a handshake within its time, then plaintext, and an end at the first TLS error.
import { printableText } from '../core/printable.ts'
import { type Endpoint, formatLogged } from '../../crds/values/endpoint.ts'
import { codeOf, messageOf } from '../../runtime/caught.ts'
import type { SecureContext, TcpSocket } from '../sockets/tcp-socket.ts'

/** Why a TLS session ended. `gone`: the client closed the connection. `library`: OpenSSL's errors, one line each. */
export type TlsTrouble =
  | { readonly kind: 'gone' | 'handshake timeout' | 'renegotiation' | 'no progress' }
  | { readonly kind: 'library'; readonly lines: readonly string[] }

/** `failed`: before the end of the handshake. `broken`: after it. */
export type TlsResult =
  | { readonly is: 'established'; readonly protocol: string; readonly cipher: string }
  | { readonly is: 'failed' | 'broken'; readonly trouble: TlsTrouble }

export interface TlsSession {
  /** The plaintext side. */
  readonly socket: TcpSocket
  /** Ends all reports; the socket then belongs to the caller. */
  release(): void
}

/**
 * How many bytes of TLS records a client may send before its first byte of plaintext; a usual handshake has 600.
 * Records that carry no plaintext (KeyUpdate, of which OpenSSL takes any number) cost CPU time but are not SMTP
 * commands, so the limits of the SMTP session do not apply to them.
 */
const recordAllowance = 64 * 1024
/** How many more for each byte of plaintext. A record with one byte has 22 to 90. */
const recordBytesForOne = 128
const checkMs = 1000

export interface TlsLimits {
  readonly handshakeMs: number
  readonly recordAllowance?: number
  readonly checkMs?: number
}

/**
 * Starts TLS as a server on a connection that is paused and has no reader.
 * @param onResult called once with `established` or `failed`, and once more with `broken` when a record after the
 *   handshake is not valid
 */
export function startTls(
  plain: TcpSocket,
  secureContext: SecureContext,
  limits: TlsLimits,
  onResult: (result: TlsResult) => void,
): TlsSession {
  const allowance = plain.bytesRead + (limits.recordAllowance ?? recordAllowance)
  const deadline = performance.now() + limits.handshakeMs
  let stage: 'handshake' | 'established' | 'over' = 'handshake'

  const release = (): void => {
    stage = 'over'
    clearInterval(checks)
  }
  const fail = (trouble: TlsTrouble): void => {
    if (stage === 'over') return
    const is = stage === 'handshake' ? 'failed' : 'broken'
    release()
    // After the handshake a client that leaves is not an error.
    if (is === 'failed' || trouble.kind !== 'gone') onResult({ is, trouble })
    socket.destroy()
  }
  const check = (): void => {
    if (stage === 'handshake' && performance.now() >= deadline) fail({ kind: 'handshake timeout' })
    else if (plain.bytesRead > allowance + socket.bytesRead * recordBytesForOne) fail({ kind: 'no progress' })
  }
  const checks = setInterval(check, Math.min(limits.checkMs ?? checkMs, limits.handshakeMs))

  const socket = plain.startTls(secureContext, {
    onSecure: (protocol, cipher) => {
      if (stage !== 'handshake') return
      stage = 'established'
      onResult({ is: 'established', protocol, cipher })
    },
    onError: (error) => fail(troubleOf(error)),
    onClose: () => fail({ kind: 'gone' }),
  })
  return { socket, release }
}

const mostLines = 5
const longestLine = 300

function troubleOf(error: unknown): TlsTrouble {
  const code = codeOf(error)
  if (code === 'ERR_TLS_RENEGOTIATION_DISABLED' || code === 'ERR_TLS_SESSION_ATTACK') return { kind: 'renegotiation' }
  // `THREAD:error:CODE:LIBRARY:FUNCTION:REASON:FILE:LINE:`, a line each.
  const lines = messageOf(error)
    .split('\n')
    .map((line) => /(^|:)(error:[0-9A-F]+:.*)/.exec(line)?.[2])
    .filter((line) => line !== undefined)
  return lines.length === 0 ? { kind: 'gone' } : { kind: 'library', lines: lines.slice(0, mostLines) }
}

/**
 * What tlsproxy logs as warnings in front of its line about the session (tls_print_errors, tlsp_ciphertext_event); none
 * when the client left.
 */
export function tlsWarnings(trouble: TlsTrouble, client: Endpoint): readonly string[] {
  switch (trouble.kind) {
    case 'gone':
      return []
    case 'handshake timeout':
      return [`ciphertext read/write timeout for ${formatLogged(client)}`]
    case 'renegotiation':
      return ['TLS renegotiation is not allowed']
    case 'no progress':
      return ['too many bytes of TLS records without a command']
    case 'library':
      return trouble.lines.map((line) => `TLS library problem: ${printableText(line, false).slice(0, longestLine)}`)
  }
}
