// As much of Postfix behind a gateway as a well-behaved client notices, at little cost: takes a PROXY header, then any mail, and keeps nothing.
import { once } from 'node:events'
import { type AddressInfo, createServer, type Socket } from 'node:net'

export interface MailSink {
  readonly port: number
  /** Sessions that were greeted. */
  readonly sessions: () => number
  /** Messages that were accepted. */
  readonly messages: () => number
  stop(): void
}

const greeting = '220 mx.example ESMTP Postfix\r\n'
const replies: Readonly<Record<string, string>> = {
  EHLO: '250-mx.example\r\n250 PIPELINING\r\n',
  QUIT: '221 2.0.0 Bye\r\n',
  DATA: '354 End data with <CR><LF>.<CR><LF>\r\n',
}
const dot = '\r\n.\r\n'

/** Starts it on a free port of 127.0.0.1. With `header`, the first packet must be a PROXY header and nothing else. */
export async function startMailSink(header: 'header' | 'no header'): Promise<MailSink> {
  let sessions = 0
  let messages = 0
  const serve = (socket: Socket): void => {
    let greeted = header === 'no header'
    /** The end of what was sent as a message, while one is being sent. */
    let tail: string | undefined
    const greet = (): void => {
      greeted = true
      sessions++
      socket.write(greeting)
    }
    const answer = (chunk: Buffer): void => {
      const verb = chunk.toString('latin1', 0, 4)
      socket.write(replies[verb] ?? '250 2.1.0 Ok\r\n')
      if (verb === 'DATA') tail = ''
      if (verb === 'QUIT') socket.end()
    }
    const take = (chunk: Buffer, before: string): void => {
      tail = (before + chunk.toString('latin1', Math.max(0, chunk.length - dot.length))).slice(-dot.length)
      if (tail !== dot) return
      tail = undefined
      messages++
      socket.write('250 2.0.0 Ok: queued as 4XyzAb1234\r\n')
    }
    socket.on('error', () => undefined).on('end', () => socket.end())
    socket.on('data', (chunk: Buffer) => {
      if (!greeted) greet()
      else if (tail !== undefined) take(chunk, tail)
      else answer(chunk)
    })
    if (greeted) greet()
  }
  const server = createServer({ allowHalfOpen: true, noDelay: true }, serve).listen({ port: 0, host: '127.0.0.1', backlog: 4096 })
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { port, sessions: () => sessions, messages: () => messages, stop: () => server.close() }
}
