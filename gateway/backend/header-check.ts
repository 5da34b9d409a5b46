// Checks for one client that its backend has read the PROXY header: a backend that was proven may have lost that
// setting.
//
// A mail server that does not read the header replies to it as to a command, and the client then takes each reply for
// the reply to its next command. It would also accept the client's commands as those of the gateway's address. So,
// until the first reply is known to be the right one:
//
//   quiet    the client has sent nothing: the backend may send nothing but a 4xx reply
//   hello    the client has sent EHLO or HELO and nothing else, as usual: the reply may not mean an unknown command
//   asking   the client has sent anything else: the backend first has to reply to a NOOP of the gateway
//
// What the client sends during `hello` and `asking` waits. For a client that waits for replies (RFC 5321) this causes
// no delay.
import { readReply } from '../core/backend-reply.ts'

const hello = /^(?:EHLO|HELO) [\x21-\x7e]+ *\r?\n$/i
/**
 * RFC 5321 4.2.4: 500 and 502 for a command that is not known, 503 for one before EHLO. 221: version 2 of the header
 * contains a line with QUIT.
 */
const wrongForHello = /^(?:50[023]|221)/
const digits = 3
const nothing = Buffer.alloc(0)

export class HeaderCheck {
  #phase: 'quiet' | 'hello' | 'asking' | 'over' = 'quiet'
  #received = nothing
  readonly #ask: () => void

  /** @param ask sends `NOOP` to the backend */
  constructor(ask: () => void) {
    this.#ask = ask
  }

  /** Whether the first reply was the right one: nothing is held, and the check has ended. */
  get over(): boolean {
    return this.#phase === 'over'
  }

  /** Whether the client's bytes wait for a reply from the backend. */
  get holds(): boolean {
    return this.#phase === 'hello' || this.#phase === 'asking'
  }

  /** Whether the client's command may have caused the reply: then it proves nothing about the backend. */
  get isAboutClient(): boolean {
    return this.#phase === 'hello'
  }

  /** Bytes of the client. @returns whether they must wait */
  fromClient(bytes: Uint8Array): boolean {
    if (this.#phase !== 'quiet') return this.holds
    if (hello.test(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1'))) {
      this.#phase = 'hello'
      return false
    }
    this.#phase = 'asking'
    this.#ask()
    return true
  }

  /** Bytes of the backend. @returns those for the client, or `unread` when they show that the header was not read */
  fromBackend(bytes: Uint8Array): Uint8Array | 'unread' {
    const received = this.#received.length === 0 ? Buffer.from(bytes) : Buffer.concat([this.#received, bytes])
    this.#received = received
    const text = received.toString('latin1')
    if (this.#phase === 'asking') return this.#replied(received, text)
    if (received.length < digits) return nothing
    if (this.#phase === 'quiet' ? !text.startsWith('4') : wrongForHello.test(text)) return 'unread'
    if (this.#phase === 'hello') this.#phase = 'over'
    this.#received = nothing
    return received
  }

  /** The reply to NOOP is not for the client, except 421, which a server may send at any time (RFC 5321 3.8). */
  #replied(received: Buffer, text: string): Uint8Array | 'unread' {
    const reply = readReply(text)
    if (reply === 'more') return nothing
    if (reply === 'malformed') return 'unread'
    if (reply.code === '421') {
      this.#received = nothing
      return received
    }
    if (!reply.code.startsWith('2') || reply.code === '221' || reply.length < received.length) return 'unread'
    this.#phase = 'over'
    return nothing
  }
}
