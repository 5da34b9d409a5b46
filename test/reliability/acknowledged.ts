// kill -9 of gateways at random while clients deliver: what a client saw acknowledged is in Postfix's queue, and exactly once.
import { setTimeout as sleep } from 'node:timers/promises'
import { Client, loopbackAddress, type Script, type Visit } from '../laboratory/clients.ts'
import { gatewayFlags } from '../laboratory/gateway-flags.ts'
import { type Postfix, startPostfix } from '../peers/postfix.ts'
import { Fleet } from './fleet.ts'

export interface AcknowledgedOptions {
  readonly messages: number
  /** Clients that deliver at the same time. */
  readonly clients: number
  /** Between two kills, on average. */
  readonly killEveryMs: number
  /** At most so many messages a second; no limit where left out. */
  readonly perSecond?: number
  readonly say?: (text: string) => void
}

export interface AcknowledgedOutcome {
  readonly messages: number
  readonly kills: number
  readonly seconds: number
  /** Sessions that ended before their time, and were begun again with what was not acknowledged. */
  readonly cutSessions: number
  /** Times that a client had sent a message and saw no answer: it may or may not be in the queue, and is sent again. */
  readonly unanswered: number
  /** Messages of which the queue has fewer than were acknowledged. Never any. */
  readonly lost: number
  /** Messages of which the queue has more than were acknowledged and unanswered together. Never any. */
  readonly surplus: number
  /** Messages that are there twice because a client saw no answer: what SMTP promises, no more. */
  readonly twice: number
}

const inSession = 5
const patienceMs = 20_000
const logPatienceMs = 30_000
const permitted = '127.70.0.0/16'

const spec = {
  hostname: 'mx.example.test',
  access: [{ action: 'Permit', cidrs: [permitted] }],
  limits: { connectionsPerClient: 0 },
} as const

/** What is known of each message: how often it was acknowledged, and how often it was sent without an answer. */
interface Ledger {
  readonly acknowledged: Uint16Array
  readonly unanswered: Uint16Array
}

export async function acknowledged(options: AcknowledgedOptions): Promise<AcknowledgedOutcome> {
  const postfix = await startPostfix({ mainCf: { enable_long_queue_ids: 'yes' } })
  const flags = ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`]
  const fleet = await Fleet.start(3, { spec, flags, nodeFlags: gatewayFlags })
  try {
    return await deliverDuringKills(postfix, fleet, options)
  } finally {
    await fleet.stop()
    await postfix.stop()
  }
}

async function deliverDuringKills(postfix: Postfix, fleet: Fleet, options: AcknowledgedOptions): Promise<AcknowledgedOutcome> {
  const { messages, clients, say = () => undefined } = options
  const began = performance.now()
  const ledger: Ledger = { acknowledged: new Uint16Array(messages), unanswered: new Uint16Array(messages) }
  const killing = killAtRandom(fleet, options.killEveryMs)
  const { cutSessions } = await deliverAll(fleet, ledger, options)
  const kills = await killing.stop()
  const seconds = (performance.now() - began) / 1000
  say(`${messages} messages acknowledged in ${seconds.toFixed(0)} s, ${kills} gateways killed`)
  const unanswered = ledger.unanswered.reduce((sum, times) => sum + times, 0)
  say(`${clients} clients had ${cutSessions} sessions cut, ${unanswered} messages sent without an answer`)
  const found = compare(await countQueued(postfix, ledger), ledger)
  return { messages, kills, seconds, cutSessions, unanswered, ...found }
}

/** @param queued how often each message is, or was, in the queue */
function compare(queued: Uint16Array, ledger: Ledger): Pick<AcknowledgedOutcome, 'lost' | 'surplus' | 'twice'> {
  const verdict = { lost: 0, surplus: 0, twice: 0 }
  for (const [message, times] of queued.entries()) {
    const sure = ledger.acknowledged[message] ?? 0
    if (times < sure) verdict.lost++
    else if (times > sure + (ledger.unanswered[message] ?? 0)) verdict.surplus++
    else if (times > sure) verdict.twice++
  }
  return verdict
}

/** Each of so many clients takes the next messages and does not give up before all are acknowledged. */
async function deliverAll(fleet: Fleet, ledger: Ledger, options: AcknowledgedOptions): Promise<{ cutSessions: number }> {
  const { messages, clients, perSecond = Number.POSITIVE_INFINITY, say = () => undefined } = options
  const began = performance.now()
  let next = 0
  let cutSessions = 0
  const work = async (client: number): Promise<void> => {
    let own: number[] = []
    for (let turn = 0; ; turn++) {
      while (own.length < inSession && next < messages) {
        if (next > 0 && next % 10_000 === 0) say(`${next} messages begun`)
        own.push(next++)
      }
      if (own.length === 0) return
      const visit = await session(fleet.endpoints.port(), loopbackAddress(70, client + clients * turn), own)
      const sure = countOf(visit, /^250 2\.0\.0 Ok: queued/gm)
      const begun = countOf(visit, /^354 /gm)
      for (const message of own.slice(0, sure)) ledger.acknowledged[message] = (ledger.acknowledged[message] ?? 0) + 1
      for (const message of own.slice(sure, begun)) ledger.unanswered[message] = (ledger.unanswered[message] ?? 0) + 1
      if (sure < own.length) {
        cutSessions++
        await sleep(100)
      }
      own = own.slice(sure)
      const early = (next / perSecond) * 1000 - (performance.now() - began)
      if (early > 0) await sleep(early)
    }
  }
  await Promise.all(Array.from({ length: clients }, (_, client) => work(client)))
  return { cutSessions }
}

/** One session with several messages, as smtp-source has it. */
function session(port: number | undefined, from: string, messages: readonly number[]): Promise<Visit | undefined> {
  if (port === undefined) return Promise.resolve(undefined)
  return new Promise((resolve) => {
    const client = new Client(port, from, script(messages), (visit) => {
      clearTimeout(timer)
      resolve(visit)
    })
    const timer = setTimeout(() => client.leave('late'), patienceMs)
  })
}

const line = (text: string): Buffer => Buffer.from(`${text}\r\n`)

/** The envelope's sender tells which message it is: Postfix's queue manager logs it with each message that it takes. */
function script(messages: readonly number[]): Script {
  const turns = messages.flatMap((message) => [
    line(`MAIL FROM:<m${message}@client.example>`),
    line('RCPT TO:<b@example.test>'),
    line('DATA'),
    line(`Subject: ${message}\r\n\r\n${'x'.repeat(500)}\r\n.`),
  ])
  return { turns: [line('EHLO client.example'), ...turns, line('QUIT')] }
}

const countOf = (visit: Visit | undefined, pattern: RegExp): number => visit?.heard.match(pattern)?.length ?? 0

/** Kills gateways, any of them, until told to stop, but never the last one; each has a successor at once, which takes a second to be ready. */
function killAtRandom(fleet: Fleet, everyMs: number): { stop(): Promise<number> } {
  const over = new AbortController()
  const run = async (): Promise<number> => {
    const successions: Promise<void>[] = []
    for (;;) {
      await sleep(everyMs * (0.5 + Math.random()), undefined, { signal: over.signal }).catch(() => undefined)
      if (over.signal.aborted) break
      const { ready } = fleet.endpoints
      const victim = ready[Math.floor(Math.random() * ready.length)]
      if (victim !== undefined && ready.length > 1) successions.push(fleet.kill(victim))
    }
    await Promise.all(successions)
    return successions.length
  }
  const running = run()
  return {
    stop: () => {
      over.abort()
      return running
    },
  }
}

/** How often each message is, or was, in the queue. Waits until the log tells of all that were acknowledged, and a moment for the others. */
async function countQueued(postfix: Postfix, { acknowledged: sure }: Ledger): Promise<Uint16Array> {
  const isComplete = (times: Uint16Array): boolean => sure.every((count, message) => (times[message] ?? 0) >= count)
  for (const deadline = performance.now() + logPatienceMs; performance.now() < deadline; await sleep(500)) {
    if (isComplete(queuedSoFar(postfix, sure.length))) break
  }
  await sleep(1000)
  return queuedSoFar(postfix, sure.length)
}

function queuedSoFar(postfix: Postfix, messages: number): Uint16Array {
  const taken = /^(\w+): from=<m(\d+)@client\.example>, size=\d+, nrcpt=1 \(queue active\)/
  const times = new Uint16Array(messages)
  // A message that could not be delivered at once is taken again, under the same name.
  const seen = new Set<string>()
  for (const text of postfix.log.linesOf('postfix/qmgr')) {
    const [, id = '', message] = taken.exec(text) ?? []
    if (message === undefined || seen.has(id)) continue
    seen.add(id)
    times[Number(message)] = (times[Number(message)] ?? 0) + 1
  }
  return times
}
