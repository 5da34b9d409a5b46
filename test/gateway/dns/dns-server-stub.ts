// A DNS server for tests, on UDP and TCP at one free port of 127.0.0.1, that does with each question what the test says.

import { createSocket, type RemoteInfo, type Socket } from 'node:dgram'
import { createServer, type Server, type Socket as TcpSocket } from 'node:net'
import { type Answer, AUTHORITATIVE_ANSWER, decode, encode, type RecordType, TRUNCATED_RESPONSE } from 'dns-packet'
import type { Endpoint } from '../../../crds/values/endpoint.ts'

/** What an answer says; what is left out is as in an honest answer. */
export interface Say {
  readonly addresses?: readonly string[]
  readonly ttl?: number
  readonly rcode?: number
  readonly soaTtl?: number
  readonly id?: number
  readonly name?: string
  readonly type?: RecordType
  readonly truncated?: boolean
  readonly answers?: Answer[]
}

export interface Question {
  readonly via: 'udp' | 'tcp'
  readonly id: number
  readonly name: string
  readonly type: RecordType
  readonly bytes: Buffer
  readonly fromPort: number
  /** An answer as it should be, with the changes of `say`. */
  readonly reply: (say: Say) => void
  /** Over UDP one datagram; over TCP as it is, without a length. */
  readonly replyBytes: (bytes: Buffer) => void
  readonly replyFromOtherPort: (say: Say) => void
}

export interface StubServer {
  readonly endpoint: Endpoint
  /** All questions so far. */
  readonly asked: readonly Question[]
  close(): Promise<void>
}

export function answerBytes(question: { id: number; name: string; type?: RecordType }, say: Say): Buffer {
  const name = question.name
  const addresses = (say.addresses ?? []).map((data): Answer => ({ type: 'A', name, ttl: say.ttl ?? 60, data }))
  const soa = { mname: 'ns.test', rname: 'root.test', serial: 1, refresh: 1, retry: 1, expire: 1, minimum: 7 }
  return encode({
    type: 'response',
    id: say.id ?? question.id,
    flags: AUTHORITATIVE_ANSWER | (say.truncated === true ? TRUNCATED_RESPONSE : 0) | (say.rcode ?? 0),
    questions: [{ type: say.type ?? question.type ?? 'A', name: say.name ?? name }],
    answers: [...addresses, ...(say.answers ?? [])],
    authorities: say.soaTtl === undefined ? [] : [{ type: 'SOA', name: 'test', ttl: say.soaTtl, data: soa }],
  })
}

/** @param at a port to take again; a free one where left out */
export async function startStubServer(onQuestion: (question: Question) => void, at = 0): Promise<StubServer> {
  const asked: Question[] = []
  const take = (question: Question) => {
    asked.push(question)
    onQuestion(question)
  }
  const { udp, tcp, port } = await listen(at)
  const other = createSocket('udp4')
  await new Promise<void>((resolve) => other.bind(0, '127.0.0.1', resolve))
  const open = new Set<TcpSocket>()
  udp.on('message', (bytes, from) => take(udpQuestion(bytes, from, udp, other)))
  tcp.on('connection', (socket) => {
    open.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', (bytes: Buffer) => take(tcpQuestion(bytes.subarray(2), socket)))
  })
  const close = async () => {
    for (const socket of open) socket.destroy()
    await Promise.all([closed(udp), closed(other), closed(tcp)])
  }
  return { endpoint: { address: '127.0.0.1', port }, asked, close }
}

function questionIn(bytes: Buffer): Pick<Question, 'id' | 'name' | 'type'> {
  const [asked] = decode(bytes).questions ?? []
  return { id: bytes.readUInt16BE(0), name: asked?.name ?? '', type: asked?.type ?? 'A' }
}

function udpQuestion(bytes: Buffer, from: RemoteInfo, socket: Socket, other: Socket): Question {
  const question = questionIn(bytes)
  const send = (by: Socket, reply: Buffer) => by.send(reply, from.port, from.address, () => undefined)
  return {
    via: 'udp',
    ...question,
    bytes,
    fromPort: from.port,
    reply: (say) => send(socket, answerBytes(question, say)),
    replyBytes: (reply) => send(socket, reply),
    replyFromOtherPort: (say) => send(other, answerBytes(question, say)),
  }
}

function tcpQuestion(bytes: Buffer, socket: TcpSocket): Question {
  const question = questionIn(bytes)
  return {
    via: 'tcp',
    ...question,
    bytes,
    fromPort: socket.remotePort ?? 0,
    reply: (say) => socket.write(framed(answerBytes(question, say))),
    replyBytes: (reply) => socket.write(reply),
    replyFromOtherPort: () => undefined,
  }
}

export function framed(message: Buffer): Buffer {
  const length = Buffer.alloc(2)
  length.writeUInt16BE(message.length, 0)
  return Buffer.concat([length, message])
}

/** The same port for both: TCP must get the one that UDP got, so try until it can. */
async function listen(at: number): Promise<{ udp: Socket; tcp: Server; port: number }> {
  for (;;) {
    const udp = createSocket('udp4')
    await new Promise<void>((resolve) => udp.bind(at, '127.0.0.1', resolve))
    const { port } = udp.address()
    const tcp = createServer()
    const got = await new Promise<boolean>((resolve) => {
      tcp.once('error', () => resolve(false))
      tcp.listen(port, '127.0.0.1', () => resolve(true))
    })
    if (got) return { udp, tcp, port }
    await closed(udp)
  }
}

function closed(server: Socket | Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()))
}
