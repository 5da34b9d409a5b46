// DNS servers that are dead, slow or lie, each with a gateway of its own: who passes and when, and what is left afterwards.
import { createSocket } from 'node:dgram'
import { endOf, loopbackAddress, type Visit, visitAll } from '../laboratory/clients.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { startMailSink } from '../laboratory/mail-sink.ts'
import { openFiles } from '../laboratory/process-use.ts'
import { askReport, reportingFlags } from '../laboratory/reported.ts'
import { lists, polite } from '../laboratory/scripts.ts'
import { untilQuiet } from '../laboratory/status.ts'
import { answerBytes, framed, type Question, startStubServer, type StubServer } from '../gateway/dns/dns-server-stub.ts'
import { startGatewayProcess } from '../peers/gateway.ts'

export interface DnsFault {
  readonly what: string
  /** What the server does with a question. Whatever it says, it must not count: every client is clean. */
  readonly onQuestion: (question: Question) => void
}

export interface DnsFaultOutcome {
  readonly served: number
  /** The last line and the ending of those that were not, with counts. */
  readonly wrong: Readonly<Record<string, number>>
  /** Milliseconds from the connection to the end of the visit of the slowest. */
  readonly slowestMs: number
  /** What the gateway has more than before when all is over: lookups, sockets, timers, files. Empty if all is well. */
  readonly left: Readonly<Record<string, number>>
}

export const greetWaitMs = 2000
/** The time limit of a lookup, after which nothing of it is left. */
const lookupLimitMs = 10_000
const listing = { addresses: ['127.0.0.2'] } as const

const silent = (): void => undefined

/** A listing, ten seconds late. */
function answerLate(question: Question): void {
  const late = (): void => {
    try {
      question.reply(listing)
    } catch {
      // The server is gone by now.
    }
  }
  setTimeout(late, 10_000).unref()
}

/** Over UDP the answer is cut; over TCP this is said. */
const overTcp =
  (say: (question: Question) => void) =>
  (question: Question): void => {
    if (question.via === 'udp') question.reply({ truncated: true })
    else say(question)
  }

/** A message of 64 KB: the question, and addresses of other names that would be listings. */
function large(question: Question): Buffer {
  const answers = Array.from({ length: 1500 }, (_, i) => ({ type: 'A' as const, name: `${i}.other.example`, ttl: 60, data: '127.0.0.2' }))
  return answerBytes(question, { answers })
}

/** Names that stand for each other, and a listing of neither. */
const loop = ({ name }: Question) => [
  { type: 'CNAME' as const, name, ttl: 60, data: 'a.loop.example' },
  { type: 'CNAME' as const, name: 'a.loop.example', ttl: 60, data: 'b.loop.example' },
  { type: 'CNAME' as const, name: 'b.loop.example', ttl: 60, data: 'a.loop.example' },
]

export const dnsFaults: readonly DnsFault[] = [
  { what: 'says nothing', onQuestion: silent },
  { what: 'answers after ten seconds', onQuestion: answerLate },
  { what: 'answers with another number', onQuestion: (question) => question.reply({ ...listing, id: question.id ^ 1 }) },
  { what: 'answers another question', onQuestion: (question) => question.reply({ ...listing, name: `x.${question.name}` }) },
  { what: 'answers from another port', onQuestion: (question) => question.replyFromOtherPort(listing) },
  { what: 'sends half a message', onQuestion: (question) => question.replyBytes(answerBytes(question, listing).subarray(0, 14)) },
  { what: 'cuts its answers, and is silent over TCP', onQuestion: overTcp(silent) },
  { what: 'promises 64 KB over TCP and sends ten bytes', onQuestion: overTcp((question) => question.replyBytes(Buffer.alloc(12, 255))) },
  { what: 'sends 64 KB of other names over TCP', onQuestion: overTcp((question) => question.replyBytes(framed(large(question)))) },
  { what: 'leads names in a circle', onQuestion: (question) => question.reply({ answers: loop(question) }) },
  { what: 'refuses', onQuestion: (question) => question.reply({ rcode: 5 }) },
]

const spec = {
  hostname: 'mx.example.test',
  greet: { action: 'Drop', wait: `${greetWaitMs / 1000}s`, stressWait: `${greetWaitMs / 1000}s` },
  dnsbl: { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) },
  allowlist: { retention: '1h' },
} as const

/** Lets so many clean clients come at once while the server does that, and looks what is left. */
export async function dnsFault({ onQuestion }: DnsFault, clients: number): Promise<DnsFaultOutcome> {
  const server = await startStubServer(onQuestion)
  const sink = await startMailSink('header')
  const flags = ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `127.0.0.1:${server.endpoint.port}`]
  const gateway = await startGatewayProcess({ spec, flags, nodeFlags: [...gatewayFlags, ...reportingFlags] })
  // One round before, so that what the gateway opens once and keeps is there.
  await crowd(gateway.port, 10, 69)
  await untilQuiet(gateway.admin, 2 * lookupLimitMs)
  const before = await holdings(gateway.pid)
  const visits = await crowd(gateway.port, clients, 68)
  const quiet = await untilQuiet(gateway.admin, 2 * lookupLimitMs)
  const left = { ...quiet, ...(await more(gateway.pid, before)) }
  await gateway.stop()
  await server.close()
  sink.stop()
  const wrong: Record<string, number> = {}
  for (const visit of visits.filter((one) => !isServed(one))) {
    const how = endOf(visit)
    wrong[how] = (wrong[how] ?? 0) + 1
  }
  const times = visits.map(({ beganAt, endedAt }) => endedAt - beganAt)
  return { served: visits.filter((visit) => isServed(visit)).length, wrong, slowestMs: Math.max(...times), left }
}

/** A server that lists all clients dies and comes back at the same port: clients pass meanwhile, and are dropped later. */
export async function restartedServer(clients: number): Promise<{ before: number; dead: number; after: number }> {
  const listAll = (question: Question): void => question.reply(listing)
  let server: StubServer = await startStubServer(listAll)
  const { port } = server.endpoint
  const sink = await startMailSink('header')
  const flags = ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `127.0.0.1:${port}`]
  const gateway = await startGatewayProcess({ spec, flags, nodeFlags: gatewayFlags })
  const dropped = async (second: number): Promise<number> => {
    const visits = await crowd(gateway.port, clients, second)
    return visits.filter(({ heard }) => /^521 .*blocked using/m.test(heard)).length
  }
  // On a machine that stands still, answers may come after the greet wait. A gateway that does not ask never drops all.
  let before = 0
  for (let second = 90; second < 95 && before < clients; second++) before = await dropped(second)
  // Its port stays ours: sockets of other gateways are bound to all addresses at first, and are given none that is in use on any.
  const holder = createSocket('udp4')
  await new Promise<void>((resolve) => holder.bind(port, '127.0.0.2', resolve))
  await server.close()
  const dead = await dropped(67)
  server = await startStubServer(listAll, port)
  holder.close()
  let after = 0
  for (let second = 100; second < 105 && after < clients; second++) after = await dropped(second)
  await gateway.stop()
  await server.close()
  sink.stop()
  return { before, dead, after }
}

const isServed = ({ heard }: Visit): boolean => /^221 /m.test(heard)

async function crowd(port: number, count: number, second: number): Promise<readonly Visit[]> {
  const visits: Visit[] = []
  const client = (index: number) => ({ from: loopbackAddress(second, index), script: polite })
  await visitAll({ port, count, atOnce: count, patienceMs: 30_000, client, onVisit: (visit) => visits.push(visit) })
  return visits
}

interface Holdings {
  readonly resources: Readonly<Record<string, number>>
  readonly files: number
}

async function holdings(pid: number): Promise<Holdings> {
  const { resources } = await askReport(pid)
  return { resources, files: openFiles(pid) }
}

/** What the process holds more than before, after at most half a minute. */
async function more(pid: number, before: Holdings): Promise<Readonly<Record<string, number>>> {
  for (const deadline = performance.now() + 30_000; ;) {
    const now = await holdings(pid)
    const kinds = ['TCPSocketWrap', 'UDPWRAP', 'Timeout']
    const all = kinds.map((kind) => [kind, (now.resources[kind] ?? 0) - (before.resources[kind] ?? 0)] as const)
    const extra = [...all, ['files', now.files - before.files] as const].filter(([, count]) => count > 0)
    if (extra.length === 0 || performance.now() > deadline) return Object.fromEntries(extra)
  }
}
