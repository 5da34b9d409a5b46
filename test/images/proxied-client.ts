// A mail client behind a gateway: a PROXY v2 header that claims an address, then SMTP line by line.
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'

/** A PROXY v2 header (haproxy's proxy-protocol.txt 2.2) for a client with this IPv4 address. */
function header(address: string): Buffer {
  const signature = Buffer.from('0d0a0d0a000d0a515549540a', 'hex')
  const [client, server] = [address, '198.51.100.25'].map((text) => text.split('.').map(Number))
  return Buffer.from([...signature, 0x21, 0x11, 0, 12, ...(client ?? []), ...(server ?? []), 0x9c, 0x40, 0, 25])
}

export class ProxiedClient {
  readonly #pipe: ChildProcess
  #received = ''
  #closed = false

  /** @param pipe a process whose input and output are the connection */
  constructor(pipe: ChildProcess, address: string) {
    this.#pipe = pipe
    pipe.stdout?.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1')
    })
    pipe.on('close', () => {
      this.#closed = true
    })
    pipe.stdin?.on('error', () => undefined)
    pipe.stdin?.write(header(address))
  }

  /** The next whole reply; what came before the end, when the server hung up. */
  async reply(): Promise<string> {
    const whole = /^(?:\d{3}-.*\r\n)*\d{3}(?: .*)?\r\n/
    for (;;) {
      const [reply] = whole.exec(this.#received) ?? []
      if (reply !== undefined) {
        this.#received = this.#received.slice(reply.length)
        return reply
      }
      if (this.#closed) return this.#received
      await Promise.race([once(this.#pipe.stdout ?? this.#pipe, 'data'), once(this.#pipe, 'close')])
    }
  }

  /** Sends lines without waiting. */
  send(...lines: readonly string[]): void {
    this.#pipe.stdin?.write(lines.map((line) => `${line}\r\n`).join(''))
  }

  /** Sends one line after the other, each after the reply to the one before; resolves with the last reply. */
  async say(...lines: readonly string[]): Promise<string> {
    let reply = ''
    for (const line of lines) {
      this.send(line)
      reply = await this.reply()
    }
    return reply
  }

  end(): void {
    this.#pipe.stdin?.end()
  }
}
