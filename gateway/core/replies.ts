// Every SMTP reply of the gateway, each ended by CRLF; those that depend on the policy are formatted once per policy.

/** Replies that are the same under every policy (postscreen_smtpd.c, postscreen.c). */
export const reply = {
  tooManyConnections: '421 4.7.0 Error: too many connections\r\n',
  serverPortsBusy: '421 4.3.2 All server ports are busy\r\n',
  screeningPortsBusy: '421 4.3.2 All screening ports are busy\r\n',
  noSystemResources: '421 4.3.2 No system resources\r\n',
  unavailable: '421 4.3.2 Service currently unavailable\r\n',
  comeAgain: '450 4.3.2 Service currently unavailable\r\n',
  deniedDrop: '521 5.3.2 Service currently unavailable\r\n',
  deniedEnforce: '550 5.3.2 Service currently unavailable\r\n',
  protocolErrorDrop: '521 5.5.1 Protocol error\r\n',
  protocolErrorEnforce: '550 5.5.1 Protocol error\r\n',
  nonSMTPCommandDrop: '521 5.7.0 Error: I can break rules, too. Goodbye.\r\n',
  heloSyntax: '501 Syntax: HELO hostname\r\n',
  ehloSyntax: '501 Syntax: EHLO hostname\r\n',
  // postscreen incompatibility: Postfix 3.7 says `501 Syntax: EHLO hostname` here by mistake; 3.8 corrected the text.
  starttlsSyntax: '501 5.5.4 Syntax: STARTTLS\r\n',
  tlsAlreadyActive: '554 5.5.1 Error: TLS already active\r\n',
  notImplemented: '502 5.5.1 Error: command not implemented\r\n',
  tlsUnavailable: '454 4.7.0 TLS not available due to local problem\r\n',
  readyForTls: '220 2.0.0 Ready to start TLS\r\n',
  mustStartTls: '530 5.7.0 Must issue a STARTTLS command first\r\n',
  sendHeloFirst: '503 5.5.1 Error: send HELO/EHLO first\r\n',
  nestedMail: '503 5.5.1 Error: nested MAIL command\r\n',
  mailSyntax: '501 5.5.4 Syntax: MAIL FROM:<address>\r\n',
  senderOk: '250 2.1.0 Ok\r\n',
  needMail: '503 5.5.1 Error: need MAIL command\r\n',
  rcptSyntax: '501 5.5.4 Syntax: RCPT TO:<address>\r\n',
  dataSyntax: '501 5.5.4 Syntax: DATA\r\n',
  needRcpt: '503 5.5.1 Error: need RCPT command\r\n',
  noValidRecipients: '554 5.5.1 Error: no valid recipients\r\n',
  bdatSyntax: '501 5.5.4 Syntax: BDAT count [LAST]\r\n',
  bdatNeedsMail: '554 5.5.1 Error: need MAIL command\r\n',
  ok: '250 2.0.0 Ok\r\n',
  vrfySyntax: '501 5.5.4 Syntax: VRFY address\r\n',
  vrfyDisabled: '502 5.5.1 VRFY command is disabled\r\n',
  etrnSyntax: '500 Syntax: ETRN domain\r\n',
  cannotQueue: '458 Unable to queue messages\r\n',
  bye: '221 2.0.0 Bye\r\n',
  // Of probes, which postscreen does not know. Temporary: mail that comes this way by mistake must not be lost.
  probeNetworkMail: '450 4.3.2 Error: no mail from here: this address is in spec.probes.networks\r\n',
  probeUnnamedMail: '450 4.3.2 Error: no mail from here: the PROXY header names no client\r\n',
  notRecognized: '502 5.5.2 Error: command not recognized\r\n',
} as const

/** Replies that name the host, formatted when the policy is loaded. */
export interface HostReplies {
  /** `220-` line before the early tests, or undefined when the pregreet test is off. */
  readonly teaser: string | undefined
  readonly greeting: string
  readonly helo: string
  readonly timeLimit: string
  readonly tryAgainLater: string
}

/** @param teaser text of the `220-` line; empty: none. */
export function hostReplies(hostname: string, banner: string, teaser: string): HostReplies {
  return {
    teaser: teaser === '' ? undefined : `220-${teaser}\r\n`,
    greeting: `220 ${banner}\r\n`,
    helo: `250 ${hostname}\r\n`,
    timeLimit: `421 4.4.2 ${hostname} Error: timeout exceeded\r\n`,
    tryAgainLater: `421 ${hostname} Service unavailable - try again later\r\n`,
  }
}

/** The reply for a client that DNSBLs list. `code` is 521 (drop) or 550 (enforce). */
export function blockedUsing(code: '521' | '550', client: string, list: string): string {
  return `${code} 5.7.1 Service unavailable; client [${client}] blocked using ${list}\r\n`
}

/** soft_bounce: a permanent refusal made a temporary one, in the reply code and in the enhanced status code (psc_soften_reply). */
export function soften(text: string): string {
  const first = text.startsWith('5') ? `4${text.slice(1)}` : text
  return first[4] === '5' ? `${first.slice(0, 4)}4${first.slice(5)}` : first
}
