// A scripted crowd of mail clients for the live page: each has an address of 127.0.0.0/8 and behaves in one of three ways.
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'

/** `good` waits its turn and delivers to one recipient; `zombie` talks at once; `quitter` hangs up at the first line. */
export interface Visitor {
  readonly from: string
  readonly is: 'good' | 'zombie' | 'quitter'
  readonly helo?: string
  readonly sender?: string
}

/** Resolves when the connection has ended. */
export async function visit(port: number, { from, is, helo = 'mx3.example.edu', sender = 'anna@example.net' }: Visitor): Promise<void> {
  const commands = [`EHLO ${helo}`, `MAIL FROM:<${sender}>`, 'RCPT TO:<you@example.com>', 'QUIT']
  const socket = createConnection({ port, host: '127.0.0.1', localAddress: from })
  const ended = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => undefined)
  if (is === 'quitter') socket.once('data', () => socket.destroy())
  else if (is === 'zombie') {
    socket.write(commands.join('\r\n').concat('\r\n'))
    socket.resume()
  } else {
    createInterface({ input: socket }).on('line', (line) => {
      if (/^\d{3} /.test(line) && commands.length > 0) socket.write(`${commands.shift()}\r\n`)
    })
  }
  await ended
}
