// The errors of a Valkey connection, by the reasons that the metrics count.
import { codeOf, messageOf } from '../../runtime/caught.ts'

const valkeyReasons = ['timeout', 'connection', 'auth', 'loading', 'readonly', 'full', 'cluster', 'tls', 'settings', 'other'] as const

/** timeout: no answer in time. full: OOM. settings: the file of a password or certificate cannot be read. */
export type ValkeyReason = (typeof valkeyReasons)[number]

/** An error with its reason. */
export class ValkeyError extends Error {
  readonly reason: ValkeyReason

  constructor(reason: ValkeyReason, message: string) {
    super(message)
    this.name = 'ValkeyError'
    this.reason = reason
  }
}

/** Error replies begin with a word (RESP); errors of ioredis are sentences, system errors have codes. */
const replies: readonly (readonly [RegExp, ValkeyReason])[] = [
  [/^(NOAUTH|WRONGPASS|NOPERM)\b|without any password configured|invalid password/i, 'auth'],
  [/^(LOADING|BUSY|MASTERDOWN)\b/, 'loading'],
  [/^(READONLY|NOREPLICAS)\b/, 'readonly'],
  [/^(OOM|MISCONF)\b/, 'full'],
  [/^(CLUSTERDOWN|MOVED|ASK|TRYAGAIN|CROSSSLOT)\b|Too many Cluster redirections|slots cache|startup nodes/i, 'cluster'],
  [/timed out|timeout|unanswered/i, 'timeout'],
  [/certificate|self[- ]signed|\bSSL\b|\bTLS\b|altnames/i, 'tls'],
  [/closed|isn't writeable|sentinels? (are|is) unreachable|ended|reset|refused/i, 'connection'],
]

const tlsCode = /^(ERR_TLS|ERR_SSL|CERT_|DEPTH_|SELF_SIGNED|UNABLE_TO_(GET|VERIFY)|EPROTO)/
const networkCode = /^(ECONN|EPIPE|ENOTFOUND|EAI_|EHOST|ENET|EADDR|EACCES|ENOENT)/

function reasonOf(caught: unknown): ValkeyReason {
  const code = codeOf(caught)
  if (code !== undefined && tlsCode.test(code)) return 'tls'
  if (code === 'ETIMEDOUT') return 'timeout'
  if (code !== undefined && networkCode.test(code)) return 'connection'
  const message = messageOf(caught)
  return replies.find(([form]) => form.test(message))?.[1] ?? 'other'
}

/** Any exception as a ValkeyError. ioredis puts the cause of a cluster's failure into `lastNodeError`. */
export function valkeyError(caught: unknown): ValkeyError {
  if (caught instanceof ValkeyError) return caught
  const inner = caught instanceof Error && 'lastNodeError' in caught ? caught.lastNodeError : undefined
  if (inner instanceof Error) return new ValkeyError(reasonOf(inner), `${messageOf(caught)} ${inner.message}`)
  const code = codeOf(caught)
  const message = messageOf(caught)
  return new ValkeyError(reasonOf(caught), message === '' ? (code ?? 'unknown error') : message)
}
