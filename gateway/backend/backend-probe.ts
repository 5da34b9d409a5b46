// The proof of a backend: a short SMTP conversation of our own that succeeds only where the PROXY header that the policy specifies is read.
//
//   header that names a stranger -> 220 -> NOOP -> 250 -> QUIT -> 221
//
// A mail server that does not read the header takes it for commands, so that its replies come too early: Postfix sends three times `500` behind its
// greeting for version 2, and `500` and then `250` for the `NOOP` for version 1. Everything is sent only when the reply to what came before is there.
import { randomInt } from 'node:crypto'
import { judgeGreeting, quoteReply, readReply } from '../core/backend-reply.ts'
import { writeLocalProxyHeader, writeProxyHeader } from '../core/proxy-header.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp, TcpSocket } from '../sockets/tcp-socket.ts'
import { BackendCall, type CallFailed } from './backend-call.ts'

export type ProxyVersion = 'V2' | 'V1' | 'None'

export type ProbeResult =
  /** It is an SMTP server that reads what the policy specifies. */
  | { readonly is: 'proven' }
  /** It is down, busy or silent, which may pass by itself. `refused`: no program takes connections there. */
  | { readonly is: 'failed'; readonly reason: string; readonly refused: boolean }
  /** Policy and backend do not fit, until a person changes one of them; the reason says how. */
  | { readonly is: 'misconfigured'; readonly reason: string }
  /** This process could not ask: nothing was learnt. */
  | { readonly is: 'local'; readonly reason: string }

export interface ProbeOptions {
  readonly proxyProtocol: ProxyVersion
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  readonly connect: ConnectTcp
  /** How often `onSilent` is called while a connection stands and the greeting has not come. */
  readonly patienceMs: number
  readonly onSilent: (silentMs: number) => void
  /** Whether the reason of a failure is looked for, by further conversations with other headers. */
  readonly diagnose: boolean
  readonly onDiagnosis: () => void
}

export interface BackendProbe {
  /** Ends it; its `done` will not come. */
  giveUp(): void
}

/** What one conversation showed. */
type Talk =
  | { readonly is: 'proven' }
  | {
      readonly is: 'down' | 'unanswered' | 'silent' | 'closed' | 'refused' | 'unread' | 'screened' | 'stranger' | 'local'
      readonly reason: string
    }

/** What a conversation sends first. `stranger`: a header that names an address which no host has. `own`: the gateway itself. */
interface Opening {
  readonly version: ProxyVersion
  readonly names: 'stranger' | 'own'
}

const replyMs = 10_000
const goodbyeMs = 5000
/**
 * A greeting whose last line does not come within this time is that of a postscreen, which waits there for clients that talk too early:
 * postscreen_greet_wait is 6 s, or 2 s under stress.
 */
const teaserMs = 1500

/**
 * Begins a proof.
 * @param done called once, later, unless the proof is given up
 */
export function startProbe(to: Endpoint, options: ProbeOptions, done: (verdict: ProbeResult) => void): BackendProbe {
  const proof = new RunningProbe(to, options)
  void proof.run(done)
  return proof
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

  async run(done: (verdict: ProbeResult) => void): Promise<void> {
    const verdict = await this.#verdict()
    if (!this.#over) done(verdict)
  }

  async #verdict(): Promise<ProbeResult> {
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
      case 'stranger':
        return { is: 'misconfigured', reason: talk.reason }
      case 'unread':
        return { is: 'misconfigured', reason: `${unreadText(proxyProtocol)} (${talk.reason})` }
      case 'silent':
      case 'closed':
      case 'refused':
    }
    const failed = { is: 'failed', reason: talk.reason, refused: false } as const
    // A backend that does not read a header greets; one that waits for a header does not.
    return diagnose && (talk.is !== 'silent' || proxyProtocol === 'None') ? this.#diagnosed(failed) : failed
  }

  /** The conversation that the policy specifies. A refusal of the stranger may be about its address alone, so the gateway then comes as itself. */
  async #specified(): Promise<Talk> {
    const { proxyProtocol: version } = this.#options
    const talk = await this.#converse({ version, names: 'stranger' })
    return talk.is === 'refused' && version !== 'None' ? this.#converse({ version, names: 'own' }) : talk
  }

  /** Whether it is for another version that the backend would be proven. */
  async #diagnosed(failed: ProbeResult & { readonly is: 'failed' }): Promise<ProbeResult> {
    const { proxyProtocol, onDiagnosis } = this.#options
    onDiagnosis()
    for (const version of ['V2', 'V1', 'None'] as const) {
      if (version === proxyProtocol) continue
      const talk = await this.#converse({ version, names: 'own' })
      if (talk.is !== 'proven') continue
      // What has healed meanwhile is no reason to blame the policy.
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

  constructor(to: Endpoint, { version, names }: Opening, options: ProbeOptions, done: (talk: Talk) => void) {
    this.#version = version
    this.#done = done
    const { connectTimeoutMs, greetingTimeoutMs, connect, patienceMs, onSilent } = options
    let silentMs = 0
    const call = {
      to,
      header: (socket: TcpSocket) => headerOf(version, names, socket),
      connectTimeoutMs,
      greetingTimeoutMs,
      connect,
      patienceMs,
      onSilent: () => onSilent((silentMs += patienceMs)),
      onTeaser: () => (this.#teaser = setTimeout(() => this.#screened(), teaserMs)),
    }
    this.#call = new BackendCall(call, (result) => {
      clearTimeout(this.#teaser)
      // A postscreen that drops clients which talk too early says 521 behind its 220-.
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
    if (typeof greeting === 'string') return this.#over(socket, 'stranger', quoteReply(received))
    const extra = received.slice(greeting.length)
    const verdict = judgeGreeting(greeting)
    const said = quoteReply(greeting.line)
    if (verdict === undefined) return this.#over(socket, 'stranger', `${said}, which is not an SMTP greeting`)
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

  /** Says a command and takes the one reply to it. */
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
        if (reply === 'malformed') this.#over(socket, 'stranger', `${quoteReply(text)} to ${command}, which is not an SMTP reply`)
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

  #over(socket: TcpSocket, is: 'refused' | 'unread' | 'stranger' | 'closed', reason: string): void {
    socket.endAndClose()
    const text = is === 'stranger' ? `it does not speak SMTP: it ${reason}` : reason
    // Without a header there is none to be read.
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
      return { is: 'stranger', reason: `it does not speak SMTP: it ${reason}` }
    case 'other':
      return { is: 'closed', reason }
  }
}

function unreached(how: 'local' | 'down' | 'unanswered', reason: string): ProbeResult {
  return how === 'local' ? { is: how, reason } : { is: 'failed', reason, refused: how === 'down' }
}

/**
 * The stranger is an address for documentation, another one each time. A header that names the gateway itself would not show what clients meet:
 * a postscreen lets through whom mynetworks has, and one that it has tested already. Postfix refuses UNKNOWN in version 1.
 */
function headerOf(version: ProxyVersion, names: 'stranger' | 'own', socket: TcpSocket): Uint8Array | undefined {
  const ends = version === 'None' ? undefined : socket.endpoints()
  if (ends === undefined || version === 'None') return undefined
  if (names === 'stranger') return writeProxyHeader(version, strangerFor(ends.server), ends.client)
  return version === 'V2' ? writeLocalProxyHeader() : writeProxyHeader('V1', ends.server, ends.client)
}

/** RFC 5737 and RFC 3849; name servers know that these have no names (RFC 6303), so that no lookup holds the greeting up. */
function strangerFor({ address }: Endpoint): Endpoint {
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
