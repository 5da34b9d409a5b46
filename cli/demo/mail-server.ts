// The mail server of the demo: accepts all mail from the gateway, reports it, and stores nothing.
import type { Readable } from 'node:stream'
import { SMTPServer } from 'smtp-server'
import type { SMTPServerSession } from 'smtp-server'
import type { Endpoint } from '../../crds/values/endpoint.ts'

/** One received message. `client` is from the PROXY header: the address of the client, not of the gateway. */
export interface Mail {
  readonly client: Endpoint
  readonly from: string
  readonly to: readonly string[]
  readonly subject: string
  readonly bytes: number
}

export interface MailServer {
  readonly endpoint: Endpoint
  close(): Promise<void>
}

/** The number of bytes in which the subject of a message is searched. */
const headLimit = 16_384

/**
 * Starts the mail server on a free port of 127.0.0.1. It expects a PROXY header of version 1, the only one that
 * smtp-server reads.
 */
export async function serveMail(show: (mail: Mail) => void): Promise<MailServer> {
  const server = new SMTPServer({
    name: 'mail.demo',
    banner: 'demo mail server',
    useProxy: true,
    disabledCommands: ['AUTH', 'STARTTLS'],
    disableReverseLookup: true,
    closeTimeout: 500,
    onData: (stream, session, done) => void take(stream, session, show, done),
  })
  // A hang-up needs no line here, because the gateway has reported it.
  server.on('error', () => undefined)
  const socket = server.listen(0, '127.0.0.1')
  await new Promise<void>((resolve, reject) => {
    socket.once('listening', resolve)
    socket.once('error', reject)
  })
  const bound = socket.address()
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0
  return { endpoint: { address: '127.0.0.1', port }, close: () => new Promise((resolve) => server.close(() => resolve())) }
}

type Done = (error?: Error, reply?: string) => void

async function take(stream: Readable, session: SMTPServerSession, show: (mail: Mail) => void, done: Done): Promise<void> {
  try {
    const { mailFrom, rcptTo } = session.envelope
    const { subject, bytes } = await readMail(stream)
    const client = { address: session.remoteAddress, port: session.remotePort }
    const from = mailFrom === false ? '' : mailFrom.address
    show({ client, from, to: rcptTo.map(({ address }) => address), subject, bytes })
    done(undefined, 'shown in the terminal where the demo runs')
  } catch (error) {
    done(error instanceof Error ? error : new Error(String(error)))
  }
}

async function readMail(stream: Readable): Promise<{ subject: string; bytes: number }> {
  let head = ''
  let bytes = 0
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (head.length < headLimit) head += chunk.toString('utf8')
  }
  return { bytes, subject: /^Subject:[ \t]*([^\r\n]*)/im.exec(head)?.[1] ?? '' }
}
