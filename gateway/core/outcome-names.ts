// The outcomes of sessions, as metrics and the live page name them. Each session has exactly one.

/**
 * `known`, `new`: a mail server has the client, which had passed before or has passed just now. `comeBack`: it passed
 * and was asked to come back (450). `hangup`: it left by itself. `limits`: of connections, or of the dialogue.
 * `noBackend`: it passed, and no mail server took it. `backendRefused`: a mail server refused the recipient that was
 * repeated to it. `shutdown`: the gateway ended it.
 */
export const outcomes = [
  'known',
  'new',
  'comeBack',
  'hangup',
  'pregreet',
  'dnsbl',
  'deepTests',
  'accessList',
  'banned',
  'limits',
  'noBackend',
  'backendRefused',
  'shutdown',
] as const
export type Outcome = (typeof outcomes)[number]
