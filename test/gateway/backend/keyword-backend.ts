// A mail server for tests of EHLO keywords: greets, answers EHLO with given lines, and notes who is named in the PROXY header.
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { parseProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { type End, endOf, listen } from '../../support/tcp-ends.ts'

export interface KeywordBackend {
  readonly port: number
  /** Connections that have said EHLO: the client that their header named, what they said in it, and all the bytes behind the header. */
  readonly asked: { readonly client: string | undefined; readonly end: End }[]
  /** Keywords by the client that is named; `all` for the others. */
  readonly offers: Map<string, readonly string[]>
  /** What to say in place of a greeting at once. */
  greet: (socket: Socket) => void
  /** The reply to EHLO in place of keywords. */
  reply: string | undefined
}

/** Starts it. It answers the readiness probe too. */
export async function keywordBackend(t: TestContext, ...keywords: readonly string[]): Promise<KeywordBackend> {
  const server: { -readonly [key in keyof KeywordBackend]: KeywordBackend[key] } = {
    port: 0,
    asked: [],
    offers: new Map([['all', keywords]]),
    greet: (socket) => void socket.write('220 mx\r\n'),
    reply: undefined,
  }
  const listener = await listen((socket) => {
    const end = endOf(socket)
    server.greet(socket)
    const said = (text: string): boolean => end.text().endsWith(text)
    socket.on('data', () => {
      if (said('NOOP\r\n')) socket.write('250 2.0.0 Ok\r\n')
      else if (said('QUIT\r\n')) socket.end('221 2.0.0 Bye\r\n')
      else if (/EHLO \S+\r\n$/.test(end.text())) {
        const header = parseProxyHeader(end.bytes())
        const client = header.is === 'header' ? header.addresses?.client.address : undefined
        server.asked.push({ client, end })
        socket.write(server.reply ?? ehloReply(server.offers.get(client ?? 'all') ?? server.offers.get('all') ?? []))
      }
    })
  })
  t.after(() => listener.close())
  server.port = listener.port
  return server
}

const ehloReply = (keywords: readonly string[]): string =>
  ['mx.example.test', ...keywords].map((line, at) => `250${at === keywords.length ? ' ' : '-'}${line}\r\n`).join('')
