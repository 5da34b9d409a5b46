// A mail server that does anything and closes anywhere, for property tests: what it does with a connection depends only on the client that the
// PROXY header names. It notes what it has said to each client, and what the gateway must never send.
import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { parseProxyHeader } from '../../gateway/core/proxy-header.ts'
import { type Random, seeded } from '../differential/random.ts'
import { isRunAddress, runOf } from './run-address.ts'

/** What it has said to the client of one run, and how often the client's session came to it. */
export interface RunRecord {
  readonly said: Set<string>
  connections: number
  /** What the gateway must not do: talk too early, several commands at once, or one command twice. */
  readonly violations: string[]
}

export interface ScriptedBackends {
  readonly ports: readonly number[]
  /** The record of a run; its memory is freed. */
  take(run: number): RunRecord
  stop(): void
}

/** Starts some of them, with the same conduct. */
export async function startScriptedBackends(count: number, seed: number): Promise<ScriptedBackends> {
  const records = new Map<number, RunRecord>()
  const recordOf = (run: number): RunRecord => {
    const record = records.get(run) ?? { said: new Set(), connections: 0, violations: [] }
    records.set(run, record)
    return record
  }
  const servers: Server[] = []
  for (let at = 0; at < count; at++) {
    const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => new Connection(socket, seed, recordOf)).listen({
      port: 0,
      host: '127.0.0.1',
      backlog: 1024,
    })
    await once(server, 'listening')
    servers.push(server)
  }
  return {
    ports: servers.map((server) => (server.address() as AddressInfo).port),
    take: (run) => {
      const record = recordOf(run)
      records.delete(run)
      return record
    },
    stop: () => servers.forEach((server) => server.close()),
  }
}

const keywords = ['SIZE 100000', 'STARTTLS', '8BITMIME', 'ENHANCEDSTATUSCODES', 'SMTPUTF8', 'CHUNKING', 'PIPELINING', 'DSN']

/** What it can do in place of a good reply. */
type Fault = 'later' | 'never' | 'bye421' | 'bye521' | 'strange' | 'garbage' | 'eof' | 'reset' | 'cut' | 'extra' | 'slow' | 'lines'

const faults: readonly (readonly [number, Fault])[] = [
  [4, 'later'],
  [4, 'never'],
  [2, 'bye421'],
  [2, 'bye521'],
  [2, 'strange'],
  [1, 'garbage'],
  [3, 'eof'],
  [2, 'reset'],
  [2, 'cut'],
  [1, 'extra'],
  [3, 'slow'],
  [2, 'lines'],
]

const refusals = { later: ['421', '450', '451', '452'], never: ['500', '501', '521', '550', '552', '554', '555'] } as const

class Connection {
  readonly #socket: Socket
  readonly #seed: number
  readonly #recordOf: (run: number) => RunRecord
  #record: RunRecord | undefined
  #random: Random | undefined
  #received = ''
  #greeted = false
  /** A reply is on its way: the gateway must not send a command now. */
  #busy = false
  /** RCPT or STARTTLS has been answered: what comes now is the client's. */
  #joined = false
  /** The next whole reply is the one to RCPT. */
  #joins = false
  readonly #seen = new Set<string>()
  #reading: 'lines' | 'message' | 'bytes' = 'lines'
  #chunkLeft = 0
  #chunkIsLast = false
  #token = ''
  #replies = 0
  #isWell = true
  #hasRecipient = false

  constructor(socket: Socket, seed: number, recordOf: (run: number) => RunRecord) {
    this.#socket = socket
    this.#seed = seed
    this.#recordOf = recordOf
    socket.on('error', () => undefined)
    socket.on('data', (bytes: Buffer) => this.#came(bytes))
    socket.on('end', () => socket.end())
  }

  #came(bytes: Buffer): void {
    if (this.#random === undefined) return this.#header(bytes)
    this.#received += bytes.toString('latin1')
    if (!this.#joined && (!this.#greeted || this.#busy)) this.#violation(`bytes before the reply: ${this.#received.slice(0, 60)}`)
    this.#work()
  }

  #header(bytes: Buffer): void {
    const header = parseProxyHeader(bytes)
    if (header.is !== 'header') return void this.#socket.destroy()
    const client = header.addresses?.client.address ?? ''
    const run = isRunAddress(client) ? runOf(client) : -1
    if (run >= 0) {
      this.#record = this.#recordOf(run)
      this.#record.connections++
    }
    const call = this.#record?.connections ?? 0
    this.#random = seeded(this.#seed, run, call)
    this.#token = `run${run}call${call}`
    // Probes, and half of the others, find a good server.
    this.#isWell = run < 0 || this.#random.chance(0.5)
    if (bytes.length > header.length) this.#violation('bytes behind the header')
    this.#reply('220', undefined, 0.3)
  }

  #violation(text: string): void {
    this.#record?.violations.push(`${this.#token}: ${text}`)
  }

  #work(): void {
    while (!this.#busy && !this.#socket.destroyed) {
      if (this.#reading === 'bytes') return this.#echo()
      if (this.#chunkLeft > 0) {
        const taken = Math.min(this.#chunkLeft, this.#received.length)
        this.#received = this.#received.slice(taken)
        this.#chunkLeft -= taken
        if (this.#chunkLeft > 0) return
        this.#reply(this.#hasRecipient ? '250' : '554')
        if (this.#chunkIsLast) this.#hasRecipient = false
        continue
      }
      const mark = this.#reading === 'message' ? '\r\n.\r\n' : '\n'
      const end = this.#received.indexOf(mark)
      if (end < 0) return
      const line = this.#received.slice(0, end + mark.length)
      this.#received = this.#received.slice(line.length)
      if (this.#reading === 'message') {
        this.#reading = 'lines'
        this.#hasRecipient = false
        this.#reply('250')
      } else this.#command(line)
    }
  }

  #command(line: string): void {
    const [verb = ''] = line.trim().toUpperCase().split(/[ :]/)
    if (!this.#joined) {
      if (this.#seen.has(verb)) this.#violation(`${verb} twice`)
      this.#seen.add(verb)
      if (this.#received !== '') this.#violation(`${verb} and more at once`)
    }
    switch (verb) {
      case 'EHLO':
        return this.#reply('250', undefined, 1, this.#keywords())
      case 'RCPT': {
        const code = this.#isWell || this.#random?.chance(0.8) === true ? '250' : (this.#random?.pick(['450', '550', '452']) ?? '250')
        this.#hasRecipient ||= code === '250'
        this.#joins = true
        return this.#reply(code)
      }
      case 'STARTTLS':
        return this.#reply('220', () => ((this.#joined = true), (this.#reading = 'bytes')))
      case 'DATA':
        return this.#reply(this.#hasRecipient ? '354' : '554', () => {
          if (this.#hasRecipient) this.#reading = 'message'
        })
      case 'BDAT': {
        const [, size = '0', last = ''] = line.trim().split(/ +/)
        this.#chunkLeft = Number(size)
        this.#chunkIsLast = last !== ''
        if (this.#chunkLeft === 0) this.#reply(this.#hasRecipient ? '250' : '554')
        return
      }
      case 'QUIT':
        this.#reply('221')
        return void this.#socket.end()
      default:
        return this.#reply('250')
    }
  }

  #keywords(): readonly string[] {
    if (this.#isWell) return keywords
    return keywords.filter(() => this.#random?.chance(0.9) ?? true)
  }

  /** Inside TLS: some bytes that show where they come from. */
  #echo(): void {
    if (this.#received === '') return
    this.#received = ''
    this.#say([`TLS ${this.#token}`])
  }

  /**
   * Replies with this code, or does something else.
   * @param done what a good reply means
   */
  #reply(code: string, done?: () => void, faultScale = 1, more: readonly string[] = []): void {
    const fault = this.#fault(faultScale)
    const lines = [`${code} ${this.#text()}`, ...more.map((line) => `${code} ${line}`)].map((line, at, all) =>
      at < all.length - 1 ? line.replace(' ', '-') : line,
    )
    if (fault === undefined) {
      done?.()
      return this.#say(lines)
    }
    this.#misbehave(fault, lines, done)
  }

  #fault(scale: number): Fault | undefined {
    if (this.#isWell || this.#random?.chance(0.15 * scale) !== true) return undefined
    return this.#random.weighted(faults)
  }

  #misbehave(fault: Fault, good: readonly string[], done: (() => void) | undefined): void {
    const random = this.#random ?? seeded(0)
    switch (fault) {
      case 'later':
      case 'never':
        return this.#say([`${random.pick(refusals[fault])} ${this.#text()}`])
      case 'bye421':
      case 'bye521':
        this.#say([`${fault.slice(3)} ${this.#text()}`])
        return void this.#socket.end()
      case 'strange':
        return this.#say([`${random.pick(['354', '334', '199', '299', '000', '25', '2500'])} ${this.#text()}`])
      case 'garbage':
        return this.#say([random.pick(['HTTP/1.1 400 Bad Request', '', '\x00\x01\x02', 'x'.repeat(5000)])])
      case 'eof':
        return void this.#socket.end()
      case 'reset':
        return void this.#socket.resetAndDestroy()
      case 'cut':
        this.#note(good)
        this.#socket.end(`${good.join('\r\n')}\r\n`.slice(0, random.between(1, 12)), 'latin1')
        return
      case 'extra':
        done?.()
        // Once the client hears the backend, it would take this for the reply to its next command.
        return this.#say(this.#joined || this.#joins ? good : [...good, `250 ${this.#text()}`])
      case 'lines':
        return this.#say([`450-${this.#text()}`, `450-`, `450 ${this.#text()}`])
      case 'slow': {
        this.#note(good)
        this.#busy = true
        const bytes = `${good.join('\r\n')}\r\n`
        const cut = random.between(1, bytes.length - 1)
        this.#socket.write(bytes.slice(0, cut), 'latin1')
        setTimeout(
          () => {
            done?.()
            this.#busy = false
            this.#greeted = true
            this.#joined ||= this.#joins
            if (!this.#socket.destroyed) this.#socket.write(bytes.slice(cut), 'latin1')
            this.#work()
          },
          random.between(1, 20),
        )
      }
    }
  }

  #text(): string {
    return `2.0.0 ${this.#token}reply${this.#replies++}`
  }

  #note(lines: readonly string[]): void {
    for (const line of lines) this.#record?.said.add(line)
  }

  #say(lines: readonly string[]): void {
    this.#note(lines)
    this.#joined ||= this.#joins
    this.#greeted = true
    if (!this.#socket.destroyed) this.#socket.write(`${lines.join('\r\n')}\r\n`, 'latin1')
  }
}
