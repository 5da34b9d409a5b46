// A stand-in for the smtpd behind the gateway: just enough of Postfix's words for scenarios that go on after the hand-off.

import { once } from 'node:events'
import { createServer } from 'node:net'
import type { AddressInfo, Socket } from 'node:net'

const ehlo = [
  'mx.example.test',
  'PIPELINING',
  'SIZE 10240000',
  'VRFY',
  'ETRN',
  'ENHANCEDSTATUSCODES',
  '8BITMIME',
  'DSN',
  'SMTPUTF8',
  'CHUNKING',
]

export const smtpdGreeting = '220 mx.example.test ESMTP Postfix\r\n'

/** What smtpd answers to a line; scenarios ask it no more than this. */
export function smtpdReply(line: string): string {
  const verb = (/^[A-Za-z]*/.exec(line)?.[0] ?? '').toUpperCase()
  switch (verb) {
    case 'HELO':
      return '250 mx.example.test\r\n'
    case 'EHLO':
      return ehlo.map((word, index) => `250${index === ehlo.length - 1 ? ' ' : '-'}${word}\r\n`).join('')
    case 'MAIL':
      return '250 2.1.0 Ok\r\n'
    case 'RCPT':
      return '250 2.1.5 Ok\r\n'
    case 'QUIT':
      return '221 2.0.0 Bye\r\n'
    case 'NOOP':
    case 'RSET':
      return '250 2.0.0 Ok\r\n'
    default:
      return '500 5.5.2 Error: command not recognized\r\n'
  }
}

export interface StandInSmtpd {
  readonly port: number
  stop(): void
}

/** Listens on a free port of 127.0.0.1, behind a PROXY header of version 2. */
export async function startStandInSmtpd(): Promise<StandInSmtpd> {
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => socket.destroy())
    serve(socket)
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  }
}

function serve(socket: Socket): void {
  let unread = Buffer.alloc(0)
  let greeted = false
  socket.on('data', (chunk: Buffer) => {
    unread = Buffer.concat([unread, chunk])
    if (!greeted) {
      // Signature, version and family take 14 bytes, then comes the length of the rest.
      if (unread.length < 16 || unread.length < 16 + unread.readUInt16BE(14)) return
      unread = unread.subarray(16 + unread.readUInt16BE(14))
      greeted = true
      socket.write(smtpdGreeting)
    }
    for (let end = unread.indexOf('\n'); end >= 0; end = unread.indexOf('\n')) {
      const reply = smtpdReply(unread.toString('latin1', 0, end))
      unread = unread.subarray(end + 1)
      if (reply.startsWith('221')) socket.end(reply)
      else socket.write(reply)
    }
  })
}
