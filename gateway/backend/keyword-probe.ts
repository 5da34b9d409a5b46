// Asks a backend which EHLO keywords it offers to an unknown client. The readiness probe cannot tell this: a
// backend may offer more, or less, to the gateway itself.
//
//   header that names a documentation address -> 220 -> EHLO -> 250 -> QUIT
import { readReply } from '../core/backend-reply.ts'
import { type OfferedKeywords, parseEhloReply } from '../core/ehlo-keywords-offered.ts'
import { strangers } from '../core/client-address/stranger.ts'
import { writeProxyHeader } from '../core/proxy-header.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { ConnectTcp, TcpSocket } from '../sockets/tcp-socket.ts'
import { BackendCall } from './backend-call.ts'
import type { ProxyVersion } from './backend-probe.ts'
import type { ClientFamily } from './client-family.ts'

export type KeywordsHeard =
  | { readonly is: 'offered'; readonly offered: OfferedKeywords; readonly greeting: GreetingManner }
  /** It has refused this address, or there was no complete conversation. This is not a failure of the backend. */
  | { readonly is: 'nothing'; readonly reason: string; readonly greeting: GreetingManner }

/**
 * How it has greeted. `paused`: after the first line of its greeting it waited, as postscreen does. `late`: it took
 * more than two seconds.
 */
export type GreetingManner = 'prompt' | 'paused' | 'late'

export interface KeywordProbeOptions {
  readonly proxyProtocol: ProxyVersion
  readonly family: ClientFamily
  readonly connectTimeoutMs: number
  readonly greetingTimeoutMs: number
  readonly connect: ConnectTcp
  /** Monotonic time in milliseconds. */
  readonly now: () => number
}

const lateMs = 2000
const replyMs = 10_000
const goodbyeMs = 5000

const helloOf: Readonly<Record<ClientFamily, string>> = {
  ipv4: `EHLO [${strangers.ipv4.client}]\r\n`,
  ipv6: `EHLO [IPv6:${strangers.ipv6.client}]\r\n`,
}

/** A probe that runs. It calls `done` once, later, unless it is given up before. */
export class KeywordProbe {
  readonly #done: (heard: KeywordsHeard) => void
  readonly #call: BackendCall
  readonly #began: number
  #socket: TcpSocket | undefined
  #timer: NodeJS.Timeout | undefined
  #greeting: GreetingManner = 'prompt'

  constructor(to: Endpoint, options: KeywordProbeOptions, done: (heard: KeywordsHeard) => void) {
    const { connectTimeoutMs, greetingTimeoutMs, connect, family, now } = options
    this.#done = done
    this.#began = now()
    const call = {
      to,
      header: (socket: TcpSocket) => headerFor(options, socket),
      connectTimeoutMs,
      greetingTimeoutMs,
      connect,
      onTeaser: () => (this.#greeting = 'paused'),
    }
    this.#call = new BackendCall(call, (result) => {
      if (this.#greeting === 'prompt' && now() - this.#began > lateMs) this.#greeting = 'late'
      if (result.is === 'failed') return this.#nothing(result.reason)
      this.#socket = result.socket
      if (result.reply.code !== '220') return this.#leave(`said ${result.reply.line}`)
      if (result.received.length > result.reply.length) return this.#leave('said more than a greeting')
      this.#ask(result.socket, helloOf[family])
    })
  }

  giveUp(): void {
    clearTimeout(this.#timer)
    this.#call.giveUp()
    this.#socket?.destroy()
  }

  #ask(socket: TcpSocket, hello: string): void {
    let text = ''
    const settle = (): void => {
      clearTimeout(this.#timer)
      socket.pause()
      socket.reader = undefined
    }
    const onEnd = (): void => {
      settle()
      socket.destroy()
      this.#nothing('closed the connection after EHLO')
    }
    this.#timer = setTimeout(onEnd, replyMs)
    const onData = (bytes: Buffer): boolean => {
      text += bytes.toString('latin1')
      const reply = readReply(text)
      if (reply === 'more') return true
      settle()
      if (reply === 'malformed' || reply.length < text.length) this.#leave('gave a reply to EHLO that is not valid')
      else if (reply.code !== '250') this.#leave(`said ${reply.line}`)
      else this.#heard(parseEhloReply(text.trimEnd().split('\n')))
      return true
    }
    socket.reader = { onData, onEnd, onClose: onEnd }
    socket.resume()
    socket.write(hello)
  }

  #heard(offered: OfferedKeywords): void {
    this.#quit()
    this.#done({ is: 'offered', offered, greeting: this.#greeting })
  }

  #leave(reason: string): void {
    this.#quit()
    this.#nothing(reason)
  }

  #nothing(reason: string): void {
    this.#done({ is: 'nothing', reason, greeting: this.#greeting })
  }

  /** Without QUIT, Postfix would log a lost connection. */
  #quit(): void {
    const socket = this.#socket
    if (socket === undefined) return
    const timer = setTimeout(() => socket.destroy(), goodbyeMs).unref()
    socket.reader = { onData: () => false, onEnd: () => undefined, onClose: () => clearTimeout(timer) }
    socket.write('QUIT\r\n')
    socket.end()
    socket.resume()
  }
}

function headerFor({ proxyProtocol, family }: KeywordProbeOptions, socket: TcpSocket): Uint8Array | undefined {
  const ends = proxyProtocol === 'None' ? undefined : socket.endpoints()
  if (ends === undefined || proxyProtocol === 'None') return undefined
  const { client, server } = strangers[family]
  const ours = ends.client.address.includes(':') ? 'ipv6' : 'ipv4'
  const to = ours === family ? ends.client : { address: server, port: ends.client.port }
  return writeProxyHeader(proxyProtocol, { address: client, port: ends.client.port }, to)
}
