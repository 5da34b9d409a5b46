// Asks a backend address how it is: a session of our own that says nothing but QUIT.
import type { Socket } from 'node:net'
import { writeLocalProxyHeader, writeProxyHeader } from '../../core/proxy-header.ts'
import { socketEndpoints } from '../proxy-protocol.ts'
import { BackendCall, connectPlainly, type Destination, judgeGreeting, quoteGreeting } from './backend-call.ts'
import type { BackendOptions, ProxyVersion } from './backends.ts'

const greetingMs = 10_000
const goodbyeMs = 5000

/**
 * Begins a probe. A connection without a header or a goodbye would be a warning in Postfix's log.
 * @param done called once, later, with why the address does not work or with undefined when it does; not called after `giveUp`
 */
export function probe(to: Destination, options: BackendOptions, done: (failure: string | undefined) => void): BackendCall {
  const { proxyProtocol, connectTimeoutMs, greetingTimeoutMs, connect } = options
  const call = {
    to,
    header: (socket: Socket) => probeHeader(proxyProtocol, socket),
    connectTimeoutMs,
    greetingTimeoutMs: Math.min(greetingTimeoutMs, greetingMs),
    connect: connect ?? connectPlainly,
  }
  return new BackendCall(call, (result) => {
    if (result.is === 'failed') return done(result.reason)
    sayGoodbye(result.socket)
    done(judgeGreeting(result.line) === 'later' ? quoteGreeting(result.line) : undefined)
  })
}

/** LOCAL means just that. Version 1 has no such word (Postfix refuses UNKNOWN), so the probe gives its own connection's true addresses. */
function probeHeader(version: ProxyVersion, socket: Socket): Uint8Array | undefined {
  if (version === 'V2') return writeLocalProxyHeader()
  const ends = version === 'V1' ? socketEndpoints(socket) : undefined
  return ends === undefined ? undefined : writeProxyHeader('V1', ends.server, ends.client)
}

function sayGoodbye(socket: Socket): void {
  const timer = setTimeout(() => socket.destroy(), goodbyeMs).unref()
  socket.on('error', () => undefined).on('close', () => clearTimeout(timer))
  socket.end('QUIT\r\n')
  socket.resume()
}
