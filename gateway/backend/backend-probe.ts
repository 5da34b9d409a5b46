// The probe of a backend: a short SMTP conversation that succeeds only if the backend reads the PROXY header of the
// policy.
//
//   header with a test address -> 220 -> NOOP -> 250 -> QUIT -> 221
//
// A mail server that does not read the header takes it for commands, so its replies come too early: for version 2
// Postfix sends `500` three times after its greeting, for version 1 `500` and then `250` for the `NOOP`. Each command
// is sent only after the reply to the one before.
import { randomInt } from 'node:crypto'
import { judgeGreeting, quoteReply, readReply } from '../core/backend-reply.ts'
import { writeLocalProxyHeader, writeProxyHeader } from '../core/proxy-header.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp, TcpSocket } from '../sockets/tcp-socket.ts'
import { BackendCall, type CallFailed } from './backend-call.ts'

export type ProxyVersion = 'V2' | 'V1' | 'None'

export type ProbeResult =
  /** It is an SMTP server that reads the PROXY header of the policy. */
  | { readonly is: 'proven' }
  /** It is down, busy or silent, which may be temporary. `refused`: no program accepts connections there. */
  | { readonly is: 'failed'; readonly reason: string; readonly refused: boolean }
  /** Policy and backend do not match. The reason says what to change. */
  | { readonly is: 'misconfigured'; readonly reason: string }
  /** This process could not make the probe, which says nothing about the backend. */
  | { readonly is: 'local'; readonly reason: string }

export interface ProbeOptions {
  readonly proxyProtocol: ProxyVersion
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  readonly connect: ConnectTcp
  /** How often `onSilent` is called while an open connection has no greeting. */
  readonly patienceMs: number
  readonly onSilent: (silentMs: number) => void
  /** Whether to find the reason of a failure with further conversations and other headers. */
  readonly diagnose: boolean
  readonly onDiagnosis: () => void
}

export interface BackendProbe {
  /** Ends the probe; `done` will not be called. */
  giveUp(): void
}

/** The outcome of one conversation. */
type Talk =
  | { readonly is: 'proven' }
  | {
      readonly is: 'down' | 'unanswered' | 'silent' | 'closed' | 'refused' | 'unread' | 'screened' | 'notSmtp' | 'local'
      readonly reason: string
    }

/**
 * What a conversation sends first. `test`: a header with an address that no host has. `own`: with the gateway's own
 * address.
 */
interface Opening {
  readonly version: ProxyVersion
  readonly address: 'test' | 'own'
}

const replyMs = 10_000
const goodbyeMs = 5000
/**
 * A greeting whose last line does not come within this time is from a postscreen, which waits there for clients that
 * talk too early (postscreen_greet_wait is 6 s, or 2 s under stress).
 */
const teaserMs = 1500

/**
 * Starts a probe.
 * @param done called once, later, unless the probe is given up
 */
export function startProbe(to: Endpoint, options: ProbeOptions, done: (result: ProbeResult) => void): BackendProbe {
  const probe = new RunningProbe(to, options)
  void probe.run(done)
  return probe
}

class RunningProbe implements BackendProbe {
  readonly #to: Endpoint
  readonly #options: ProbeOptions
  #talk: Conversation | undefined
  #over = false

  constructor(to: Endpoint, options: ProbeOptions) {
    this.#to = to
    this.#options = options
  }

  giveUp(): void {
    this.#over = true
    this.#talk?.giveUp()
  }

  async run(done: (result: ProbeResult) => void): Promise<void> {
    const result = await this.#result()
    if (!this.#over) done(result)
  }

  async #result(): Promise<ProbeResult> {
    const { proxyProtocol, diagnose } = this.#options
    const talk = await this.#specified()
    switch (talk.is) {
      case 'proven':
        return talk
      case 'local':
      case 'down':
      case 'unanswered':
        return unreached(talk.is, talk.reason)
      case 'screened':
      case 'notSmtp':
        return { is: 'misconfigured', reason: talk.reason }
      case 'unread':
        return { is: 'misconfigured', reason: `${unreadText(proxyProtocol)} (${talk.reason})` }
      case 'silent':
      case 'closed':
      case 'refused':
    }
    const failed = { is: 'failed', reason: talk.reason, refused: false } as const
    // A backend that does not read a header sends a greeting; one that waits for a header does not.
    return diagnose && (talk.is !== 'silent' || proxyProtocol === 'None') ? this.#diagnosed(failed) : failed
  }

  /**
   * The conversation with the header of the policy. A refusal may concern the test address, so the gateway's own
   * address is tried then.
   */
  async #specified(): Promise<Talk> {
    const { proxyProtocol: version } = this.#options
    const talk = await this.#converse({ version, address: 'test' })
    return talk.is === 'refused' && version !== 'None' ? this.#converse({ version, address: 'own' }) : talk
  }

  /** Finds out whether the backend would be proven with another version. */
  async #diagnosed(failed: ProbeResult & { readonly is: 'failed' }): Promise<ProbeResult> {
    const { proxyProtocol, onDiagnosis } = this.#options
    onDiagnosis()
    for (const version of ['V2', 'V1', 'None'] as const) {
      if (version === proxyProtocol) continue
      const talk = await this.#converse({ version, address: 'own' })
      if (talk.is !== 'proven') continue
      // The backend may work again by now; then the policy is right.
      const again = await this.#specified()
      return again.is === 'proven' ? again : { is: 'misconfigured', reason: `${insteadText(proxyProtocol, version)} (${failed.reason})` }
    }
    return failed
  }

  #converse(opening: Opening): Promise<Talk> {
    const { promise, resolve } = Promise.withResolvers<Talk>()
    if (!this.#over) this.#talk = new Conversation(this.#to, opening, this.#options, resolve)
    return promise
  }
}

/** One conversation. */
class Conversation {
  readonly #version: ProxyVersion
  readonly #done: (talk: Talk) => void
  readonly #call: BackendCall
  #teaser: NodeJS.Timeout | undefined
  #socket: TcpSocket | undefined

  constructor(to: Endpoint, { version, address }: Opening, options: ProbeOptions, done: (talk: Talk) => void) {
    this.#version = version
    this.#done = done
    const { connectTimeoutMs, greetingTimeoutMs, connect, patienceMs, onSilent } = options
    let silentMs = 0
    const call = {
      to,
      header: (socket: TcpSocket) => headerOf(version, address, socket),
      connectTimeoutMs,
      greetingTimeoutMs,
      connect,
      patienceMs,
      onSilent: () => onSilent((silentMs += patienceMs)),
      onTeaser: () => (this.#teaser = setTimeout(() => this.#screened(), teaserMs)),
    }
    this.#call = new BackendCall(call, (result) => {
      clearTimeout(this.#teaser)
      // A postscreen that drops clients that talk too early sends 521 after its 220-.
      if (result.is === 'failed' && result.cause === 'malformed' && this.#teaser !== undefined) return this.#screened()
      if (result.is === 'failed') return done(failedTalk(result))
      this.#socket = result.socket
      this.#greeted(result.socket, result.received.toString('latin1'))
    })
  }

  giveUp(): void {
    clearTimeout(this.#teaser)
    this.#call.giveUp()
    this.#socket?.destroy()
  }

  #screened(): void {
    this.giveUp()
    const reason =
      'it is a postscreen or a gateway, which pauses within its greeting and would test every client again: ' +
      'spec.backend must name the port of an smtpd behind it'
    this.#done({ is: 'screened', reason })
  }

  #greeted(socket: TcpSocket, received: string): void {
    const greeting = readReply(received)
    if (typeof greeting === 'string') return this.#over(socket, 'notSmtp', quoteReply(received))
    const extra = received.slice(greeting.length)
    const verdict = judgeGreeting(greeting)
    const said = quoteReply(greeting.line)
    if (verdict === undefined) return this.#over(socket, 'notSmtp', `${said}, which is not an SMTP greeting`)
    if (verdict !== 'welcome') {
      socket.write('QUIT\r\n')
      return this.#over(socket, 'refused', said)
    }
    if (extra !== '') return this.#over(socket, 'unread', quoteReply(extra))
    this.#ask(socket, 'NOOP', (code, text) => {
      if (code === '421') return this.#over(socket, 'closed', quoteReply(text))
      if (this.#version !== 'None' && !code.startsWith('2')) return this.#over(socket, 'unread', quoteReply(text))
      this.#ask(socket, 'QUIT', (last, lastText) => {
        if (this.#version !== 'None' && last !== '221') return this.#over(socket, 'unread', `${quoteReply(lastText)} to QUIT`)
        const timer = setTimeout(() => socket.destroy(), goodbyeMs).unref()
        socket.reader = { onData: () => false, onEnd: () => undefined, onClose: () => clearTimeout(timer) }
        socket.end()
        socket.resume()
        this.#done({ is: 'proven' })
      })
    })
  }

  /** Sends a command and reads the one reply to it. */
  #ask(socket: TcpSocket, command: 'NOOP' | 'QUIT', took: (code: string, text: string) => void): void {
    let text = ''
    const settle = (next: () => void): void => {
      clearTimeout(timer)
      socket.pause()
      socket.reader = undefined
      next()
    }
    const onData = (bytes: Buffer): boolean => {
      text += bytes.toString('latin1')
      const reply = readReply(text)
      if (reply === 'more') return true
      settle(() => {
        if (reply === 'malformed') this.#over(socket, 'notSmtp', `${quoteReply(text)} to ${command}, which is not an SMTP reply`)
        else if (reply.length < text.length) this.#over(socket, 'unread', `${quoteReply(text.slice(reply.length))}, unasked`)
        else took(reply.code, reply.line)
      })
      return true
    }
    const onEnd = (): void => settle(() => this.#over(socket, 'closed', `closed the connection after ${command}`))
    const timer = setTimeout(() => settle(() => this.#over(socket, 'closed', `did not reply to ${command}`)), replyMs)
    socket.reader = { onData, onEnd, onClose: onEnd }
    socket.resume()
    socket.write(`${command}\r\n`)
  }

  #over(socket: TcpSocket, is: 'refused' | 'unread' | 'notSmtp' | 'closed', reason: string): void {
    socket.endAndClose()
    const text = is === 'notSmtp' ? `it does not speak SMTP: it ${reason}` : reason
    // Without a header none can be ignored.
    this.#done({ is: is === 'unread' && this.#version === 'None' ? 'closed' : is, reason: text })
  }
}

function failedTalk({ cause, reason }: CallFailed): Talk {
  switch (cause) {
    case 'refused':
      return { is: 'down', reason }
    case 'local':
    case 'unanswered':
    case 'silent':
      return { is: cause, reason }
    case 'malformed':
      return { is: 'notSmtp', reason: `it does not speak SMTP: it ${reason}` }
    case 'other':
      return { is: 'closed', reason }
  }
}

function unreached(how: 'local' | 'down' | 'unanswered', reason: string): ProbeResult {
  return how === 'local' ? { is: how, reason } : { is: 'failed', reason, refused: how === 'down' }
}

/**
 * The test address is a random one for documentation. The gateway's own address would not show what clients experience:
 * a postscreen does not test addresses in mynetworks, and those that have passed. Postfix refuses UNKNOWN in version 1.
 */
function headerOf(version: ProxyVersion, address: 'test' | 'own', socket: TcpSocket): Uint8Array | undefined {
  const ends = version === 'None' ? undefined : socket.endpoints()
  if (ends === undefined || version === 'None') return undefined
  if (address === 'test') return writeProxyHeader(version, testAddressFor(ends.server), ends.client)
  return version === 'V2' ? writeLocalProxyHeader() : writeProxyHeader('V1', ends.server, ends.client)
}

/**
 * RFC 5737 and RFC 3849. Name servers know that these addresses have no names (RFC 6303), so no lookup delays the
 * greeting.
 */
function testAddressFor({ address }: Endpoint): Endpoint {
  const port = randomInt(1024, 65_536)
  if (address.includes(':')) return { address: `2001:db8::${randomInt(1, 65_536).toString(16)}`, port }
  const network = ['192.0.2', '198.51.100', '203.0.113'][randomInt(3)]
  return { address: `${network}.${randomInt(1, 255)}`, port }
}

function unreadText(version: ProxyVersion): string {
  const header = version === 'V1' ? 'version 1' : 'version 2'
  return `it does not read the PROXY header (${header}): set smtpd_upstream_proxy_protocol = haproxy for this port of Postfix, or spec.backend.proxyProtocol: None`
}

function insteadText(version: ProxyVersion, fitting: ProxyVersion): string {
  if (fitting === 'None') return unreadText(version)
  if (version === 'None')
    return `it expects a PROXY header: set spec.backend.proxyProtocol: ${fitting}, or turn the PROXY protocol off for this port of the mail server`
  return `it reads the PROXY header only in another version: set spec.backend.proxyProtocol: ${fitting}`
}
