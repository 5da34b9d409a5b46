// SMTP replies: what one is, how it looks on the wire, and every reply of the gateway.
// Replies that depend on the policy are formatted once for each policy.

/** One SMTP reply (RFC 5321 4.2). */
export interface Reply {
  readonly code: number
  /**
   * What follows the code, with the enhanced status code if there is one; several lines have a newline (LF) between
   * them.
   */
  readonly text: string
}

/** Replies that are the same under every policy (postscreen_smtpd.c, postscreen.c). */
export const reply = {
  tooManyConnections: { code: 421, text: '4.7.0 Error: too many connections' },
  serverPortsBusy: { code: 421, text: '4.3.2 All server ports are busy' },
  screeningPortsBusy: { code: 421, text: '4.3.2 All screening ports are busy' },
  noSystemResources: { code: 421, text: '4.3.2 No system resources' },
  unavailable: { code: 421, text: '4.3.2 Service currently unavailable' },
  // RFC 3463 3.4: 4.3.5, the system is not configured correctly.
  addressLost: { code: 421, text: '4.3.5 Server configuration error: your address is not known here, try again later' },
  comeAgain: { code: 450, text: '4.3.2 Service currently unavailable' },
  deniedDrop: { code: 521, text: '5.3.2 Service currently unavailable' },
  deniedEnforce: { code: 550, text: '5.3.2 Service currently unavailable' },
  protocolErrorDrop: { code: 521, text: '5.5.1 Protocol error' },
  protocolErrorEnforce: { code: 550, text: '5.5.1 Protocol error' },
  nonSMTPCommandDrop: { code: 521, text: '5.7.0 Error: I can break rules, too. Goodbye.' },
  heloSyntax: { code: 501, text: 'Syntax: HELO hostname' },
  ehloSyntax: { code: 501, text: 'Syntax: EHLO hostname' },
  // postscreen incompatibility: Postfix 3.7 says `501 Syntax: EHLO hostname` here by mistake; 3.8 corrected the text.
  starttlsSyntax: { code: 501, text: '5.5.4 Syntax: STARTTLS' },
  tlsAlreadyActive: { code: 554, text: '5.5.1 Error: TLS already active' },
  notImplemented: { code: 502, text: '5.5.1 Error: command not implemented' },
  tlsUnavailable: { code: 454, text: '4.7.0 TLS not available due to local problem' },
  readyForTls: { code: 220, text: '2.0.0 Ready to start TLS' },
  mustStartTls: { code: 530, text: '5.7.0 Must issue a STARTTLS command first' },
  sendHeloFirst: { code: 503, text: '5.5.1 Error: send HELO/EHLO first' },
  nestedMail: { code: 503, text: '5.5.1 Error: nested MAIL command' },
  mailSyntax: { code: 501, text: '5.5.4 Syntax: MAIL FROM:<address>' },
  senderOk: { code: 250, text: '2.1.0 Ok' },
  needMail: { code: 503, text: '5.5.1 Error: need MAIL command' },
  rcptSyntax: { code: 501, text: '5.5.4 Syntax: RCPT TO:<address>' },
  dataSyntax: { code: 501, text: '5.5.4 Syntax: DATA' },
  needRcpt: { code: 503, text: '5.5.1 Error: need RCPT command' },
  noValidRecipients: { code: 554, text: '5.5.1 Error: no valid recipients' },
  bdatSyntax: { code: 501, text: '5.5.4 Syntax: BDAT count [LAST]' },
  bdatNeedsMail: { code: 554, text: '5.5.1 Error: need MAIL command' },
  ok: { code: 250, text: '2.0.0 Ok' },
  vrfySyntax: { code: 501, text: '5.5.4 Syntax: VRFY address' },
  cannotVrfy: { code: 252, text: '2.0.0 Cannot VRFY user, send some mail and I will try' },
  vrfyDisabled: { code: 502, text: '5.5.1 VRFY command is disabled' },
  // For a client that has passed, when no backend takes its transaction. Temporary: it says nothing about the message.
  backendGone: { code: 451, text: '4.3.2 Service currently unavailable' },
  backendGarbage: { code: 451, text: '4.3.0 Error: mail server protocol error' },
  promiseBroken: { code: 451, text: '4.3.5 Server configuration changed, try again later' },
  etrnSyntax: { code: 500, text: 'Syntax: ETRN domain' },
  cannotQueue: { code: 458, text: 'Unable to queue messages' },
  bye: { code: 221, text: '2.0.0 Bye' },
  // To health checks, which postscreen does not know. Temporary: mail that comes this way by mistake must not be lost.
  checkNetworkMail: { code: 450, text: '4.3.2 Error: no mail from here: this address is in spec.probes.networks' },
  checkUnnamedMail: { code: 450, text: '4.3.2 Error: no mail from here: the PROXY header names no client' },
  notRecognized: { code: 502, text: '5.5.2 Error: command not recognized' },
} as const satisfies Readonly<Record<string, Reply>>

/** A 4xx reply: the client may try again later. */
export const isTemporary = ({ code }: Reply): boolean => code >= 400 && code < 500

/** A 4xx or 5xx reply. */
export const isRefusal = ({ code }: Reply): boolean => code >= 400

/** A reply as the client reads it, each line ended by CRLF. */
export function wire({ code, text }: Reply): string {
  const last = text.lastIndexOf('\n')
  if (last < 0) return `${code} ${text}\r\n`
  return `${code}-${text.slice(0, last).replaceAll('\n', `\r\n${code}-`)}\r\n${code} ${text.slice(last + 1)}\r\n`
}

/** The first line of a reply whose other lines are sent later. */
export function firstLine({ code, text }: Reply): string {
  return `${code}-${text}\r\n`
}

/** A reply of one line as logs and policies write it, without its line end. */
export function oneLine({ code, text }: Reply): string {
  return `${code} ${text}`
}

/**
 * soft_bounce: turns a permanent refusal into a temporary one, in the reply code and in the enhanced status code
 * (psc_soften_reply).
 */
export function soften({ code, text }: Reply): Reply {
  // Sic: postscreen looks at the first character of the text whatever the code, so a host name that begins with 5
  // changes too.
  return { code: code >= 500 ? code - 100 : code, text: text.startsWith('5') ? `4${text.slice(1)}` : text }
}

/** Replies that name the host. */
export interface HostReplies {
  /** The `220-` line before the early tests; undefined when the pregreet test is off. */
  readonly teaser: Reply | undefined
  readonly greeting: Reply
  readonly helo: Reply
  readonly timeLimit: Reply
  readonly tryAgainLater: Reply
}

/** @param teaser text of the `220-` line; empty: none. */
export function hostReplies(hostname: string, banner: string, teaser: string): HostReplies {
  return {
    teaser: teaser === '' ? undefined : { code: 220, text: teaser },
    greeting: { code: 220, text: banner },
    helo: { code: 250, text: hostname },
    timeLimit: { code: 421, text: `4.4.2 ${hostname} Error: timeout exceeded` },
    tryAgainLater: { code: 421, text: `${hostname} Service unavailable - try again later` },
  }
}

/** The reply to a client that DNS lists contain: 521 drops it, 550 refuses its recipients. */
export function blockedUsing(code: 521 | 550, client: string, list: string): Reply {
  return { code, text: `5.7.1 Service unavailable; client [${client}] blocked using ${list}` }
}

/** The reply to a client whose network is banned. */
export function bannedReply(client: string): Reply {
  return { code: 521, text: `5.7.1 Service unavailable; client [${client}] is banned after repeated failures` }
}
