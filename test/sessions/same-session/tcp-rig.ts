// Plays a dialogue over TCP: a client, the gateway's connections on one kind of sockets, and scripted mail servers.
import { AddressWatch } from '../../../gateway/core/client-address/address-watch.ts'
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import type { TestContext } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { Backends } from '../../../gateway/backend/backends.ts'
import { Relays } from '../../../gateway/backend/running-relays.ts'
import { newScreening } from '../../../gateway/core/clients.ts'
import type { LogRecord } from '../../../gateway/core/vocabulary.ts'
import type { Log } from '../../../gateway/observability/log.ts'
import { Metrics } from '../../../gateway/observability/metrics.ts'
import { Connection, type SessionServices } from '../../../gateway/smtp/connection.ts'
import { Linger } from '../../../gateway/smtp/linger.ts'
import { WaitQueues } from '../../../gateway/smtp/wait-queues.ts'
import { longTimeouts } from '../../gateway/backend/long-timeouts.ts'
import { listenOn, type Shell } from '../../gateway/sockets/shells.ts'
import { rulesOf } from '../../support/core-session.ts'
import { dial, type End, listen, refusingPort } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'
import type { Dialogue } from './dialogue.ts'
import { ScriptedCall } from './scripted-backend.ts'
import { promisesOf, usualSpec } from './usual.ts'

export interface Rig {
  readonly client: End
  readonly connection: Connection
  /** For each mail server its calls so far. */
  readonly calls: readonly (readonly ScriptedCall[])[]
  readonly log: readonly LogRecord[]
  readonly remembered: ReadonlyMap<string, string>
  readonly services: SessionServices
  readonly relays: Relays
  readonly metrics: Metrics
}

/** Nothing of the levels is looked at. */
export function newMetrics(): Metrics {
  return new Metrics('test', {
    sessions: () => ({}),
    allowlistEntries: () => 0,
    sharedAllowlist: () => undefined,
    stress: () => false,
    backends: () => ({}),
    failingLists: () => ({}),
    listHealth: () => ({ resolver: 'works', lists: [] }),
    connections: () => undefined,
    clientAddresses: () => new AddressWatch().report,
    bans: () => undefined,
    senders: () => [],
    leftOut: () => 0,
  })
}

/** Starts everything and lets the client connect. */
export async function startRig(t: TestContext, shell: Shell, dialogue: Dialogue): Promise<Rig> {
  const rules = rulesOf({ ...usualSpec, ...dialogue.spec })
  const { backends, calls } = await startBackends(t, shell, dialogue)
  const log: LogRecord[] = []
  const remembered = new Map<string, string>()
  const bugs: unknown[] = []
  const metrics = newMetrics()
  const quiet = { relay: () => undefined, sessionWarning: () => undefined } as unknown as Log
  const relays = new Relays(quiet, metrics)
  const services: SessionServices = {
    screening: newScreening(),
    linger: new Linger(() => performance.now()),
    waits: new WaitQueues(() => performance.now()),
    rules,
    tls: undefined,
    promises: promisesOf(dialogue),
    now: () => Date.now(),
    recall: () => undefined,
    remember: (key, record) => void remembered.set(key, record),
    lookup: () => assert.fail('there is no list'),
    relay: (id, request, events) => relays.start(id, request, backends, events),
    replay: (id, request, onReplayed) => relays.replay(id, request, backends, onReplayed),
    relayJoined: (id, request, joined, at, events) => relays.startJoined(id, request, joined, at, events),
    log: (_, record) => void log.push(record),
    count: () => undefined,
    decided: () => undefined,
    tlsResult: () => undefined,
    ended: () => undefined,
    bug: (_, error) => void bugs.push(error),
  }
  const accepted = Promise.withResolvers<Connection>()
  const listener = await listenOn(shell, (socket) => {
    const ends = { client: { address: '192.0.2.7', port: 4711 }, server: { address: '198.51.100.1', port: 25 } }
    const connection = new Connection(services, socket, ends, 'test')
    accepted.resolve(connection)
    connection.start()
  })
  const client = await dial(listener.endpoint.port)
  t.after(() => {
    client.socket.destroy()
    relays.cut()
    listener.close()
    backends.close()
    services.linger.close()
    assert.deepEqual(bugs, [])
  })
  return { client, connection: await accepted.promise, calls, log, remembered, services, relays, metrics }
}

async function startBackends(
  t: TestContext,
  shell: Shell,
  { backends: scripts = [{}], holdMs = 0 }: Dialogue,
): Promise<{ readonly backends: Backends; readonly calls: readonly ScriptedCall[][] }> {
  const calls: ScriptedCall[][] = scripts.map(() => [])
  const addresses = []
  for (const [i, script] of scripts.entries()) {
    if (script === 'refuses') {
      addresses.push({ address: '127.0.0.1', port: await refusingPort(t) })
      continue
    }
    const listener = await listen((socket) => serve(socket, (wire) => {
      const call = new ScriptedCall(script, wire)
      calls[i]?.push(call)
      return call
    }))
    t.after(() => listener.close())
    addresses.push({ address: '127.0.0.1', port: listener.port })
  }
  const options = { ...longTimeouts, proxyProtocol: 'V1' as const, probeAfterMs: 0, patienceMs: 20_000, holdMs, connect: shell.connect }
  const made = new Backends({ addresses, ...options })
  return { backends: made, calls }
}

function serve(socket: Socket, begin: (wire: ConstructorParameters<typeof ScriptedCall>[1]) => ScriptedCall): void {
  socket.setNoDelay(true)
  const call = begin({
    send: (text) => void socket.write(text, 'latin1'),
    end: () => void socket.end(),
    later: (ms, run) => void setTimeout(run, ms),
  })
  socket
    .on('data', (bytes: Buffer) => call.take(bytes.toString('latin1')))
    .on('end', () => socket.end())
    .on('close', () => call.end())
}

/** Reads whole replies from what has come. */
export class ReplyReader {
  readonly #client: End
  #at = 0

  constructor(client: End) {
    this.#client = client
  }

  #complete(): string | undefined {
    const text = this.#client.text().slice(this.#at)
    return /^(?:[2-5][0-9]{2}-[^\n]*\n)*[2-5][0-9]{2}(?: [^\n]*)?\n/.exec(text)?.[0]
  }

  /** The next reply, its lines joined by ` | `; what there is of it when the connection has ended. */
  async next(): Promise<string> {
    await this.#client.until(() => this.#complete() !== undefined)
    const reply = this.#complete() ?? this.#client.text().slice(this.#at)
    this.#at += reply.length
    return reply.trimEnd().split(/\r?\n/).join(' | ')
  }

  /** Reads replies until one begins so. */
  async nextUntil(want: string): Promise<void> {
    for (;;) {
      const reply = await this.next()
      if (reply.startsWith(want)) return
      assert.notEqual(reply, '', `the connection has ended without ${want}`)
    }
  }

  /** Waits for this text. */
  async bytes(want: string): Promise<void> {
    await this.#client.until((text) => text.length - this.#at >= want.length)
    assert.equal(this.#client.text().slice(this.#at, this.#at + want.length), want)
    this.#at += want.length
  }

  /** Waits for the end of the connection; nothing may come before it. */
  async end(): Promise<void> {
    const { text } = await this.#client.ended()
    assert.equal(text.slice(this.#at), '', 'something comes before the end')
  }
}

/** Plays the client's part, and compares what it reads. @param most steps to play */
export async function playClient({ client }: Rig, steps: Dialogue['client'], reader = new ReplyReader(client)): Promise<void> {
  assert.match(await reader.next(), /^220 /)
  for (const step of steps) {
    if ('do' in step) {
      if (step.do === 'half') client.socket.end()
      else if (step.do === 'reset') client.socket.resetAndDestroy()
      else if (step.do === 'closed') await reader.end()
      else if (step.do === 'pause') await sleep(step.ms)
      continue
    }
    const [send, replies] = 'raw' in step ? [step.raw, 'gets' in step ? (step.gets ?? []) : []] : [withEnd(step[0]), step.slice(1)]
    if (send !== '') client.socket.write(send, 'latin1')
    if ('bytes' in step) await reader.bytes(step.bytes)
    for (const want of replies) {
      const reply = await reader.next()
      assert.ok(reply.startsWith(want), `${JSON.stringify(send)} gets ${JSON.stringify(reply)} instead of ${JSON.stringify(want)}`)
    }
  }
}

export const withEnd = (text: string): string => (text.endsWith('\n') ? text : `${text}\r\n`)

/** Compares what is left behind. */
export async function checkAfter({ calls, log, remembered }: Rig, { reads, logs = [], passed }: Dialogue): Promise<void> {
  for (const [i, want] of (reads ?? []).entries()) {
    if (want === undefined) continue
    const read = (): unknown => calls[i]?.map((call) => call.read)
    await until(() => JSON.stringify(read()) === JSON.stringify(want)).catch(() => undefined)
    assert.deepEqual(read(), want, `mail server ${i}`)
  }
  for (const call of calls.flat()) if (call.header !== '') assert.equal(call.header, 'PROXY TCP4 192.0.2.7 198.51.100.1 4711 25')
  await until(() => logs.every((event) => log.some((record) => record.event === event))).catch(() => undefined)
  const events = log.map(({ event }) => event)
  for (const event of logs) assert.ok(events.includes(event as LogRecord['event']), `${event} in ${events.join(', ')}`)
  if (passed === undefined) return
  const stamps = remembered.get('192.0.2.7')?.split(';').slice(2) ?? []
  assert.equal(stamps.length > 0 && stamps.every((stamp) => Number(stamp) > 1), passed, `the allowlist has ${stamps.join(';')}`)
}
