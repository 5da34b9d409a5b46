// Runs of the property that matters most: whatever the backend does, and wherever it or the client stops, no message is acknowledged that the
// backend has not acknowledged, and no recipient is refused permanently that the backend has not refused.
import { type Random, seeded } from '../differential/random.ts'
import { closed, Player, timedOut } from '../support/player.ts'
import { message } from './random-dialogue.ts'
import { addressOfRun } from './run-address.ts'
import { type RunRecord, type ScriptedBackends, startScriptedBackends } from './scripted-backend.ts'
import { sameSessionSpec, startSameSessionGateway } from './same-session-gateway.ts'

export interface PropertyOptions {
  readonly count: number
  /** The number of the first run; 0 when left out. */
  readonly first?: number
  readonly seed: number
  /** Only this run. */
  readonly run?: number | undefined
  readonly atOnce?: number
  readonly flags?: readonly string[]
  readonly onProgress?: (done: number) => void
}

export interface BrokenRun {
  readonly run: number
  readonly why: readonly string[]
  /** What the client sent (`>`) and heard (`<`). */
  readonly dialogue: readonly string[]
}

export interface PropertyResult {
  readonly runs: number
  readonly broken: readonly BrokenRun[]
  /** How often runs reached what the property is about. */
  readonly reached: ReadonlyMap<string, number>
}

/** Runs them against a gateway process in front of three such backends. */
export async function runProperty(options: PropertyOptions): Promise<PropertyResult> {
  const backends = await startScriptedBackends(3, options.seed)
  const spec = { ...sameSessionSpec, backend: { holdTime: '0s' }, tls: { level: 'May' } }
  const gateway = await startSameSessionGateway(backends.ports, { spec, flags: options.flags ?? [] })
  const broken: BrokenRun[] = []
  const reached = new Map<string, number>()
  try {
    const numbers =
      options.run === undefined ? Array.from({ length: options.count }, (_, run) => (options.first ?? 0) + run) : [options.run]
    const queue = numbers.values()
    let done = 0
    const worker = async (): Promise<void> => {
      for (const run of queue) {
        const client = new Client(seeded(options.seed, run, -2))
        await client.play(addressOfRun(run), gateway.port)
        const why = judge(client, backends.take(run))
        for (const what of client.reached()) reached.set(what, (reached.get(what) ?? 0) + 1)
        if (why.length > 0) broken.push({ run, why, dialogue: client.dialogue })
        if (++done % 1000 === 0) options.onProgress?.(done)
      }
    }
    await Promise.all(Array.from({ length: options.atOnce ?? 32 }, worker))
    return { runs: numbers.length, broken, reached }
  } finally {
    await gateway.stop()
    backends.stop()
  }
}

type Kind = 'greeting' | 'EHLO' | 'MAIL' | 'RCPT' | 'DATA' | 'message' | 'BDAT' | 'STARTTLS' | 'TLS' | 'other'

interface Answer {
  readonly to: Kind
  readonly lines: readonly string[]
}

/** Longer than a busy machine takes for any reply; the backend never keeps the gateway waiting. */
const patience = 60

/** A client that says what a good client says, and stops anywhere. */
class Client {
  readonly dialogue: string[] = []
  readonly answers: Answer[] = []
  readonly #random: Random
  readonly #cut: { readonly after: number; readonly how: 'close' | 'reset' | 'half' } | undefined
  #sent = 0
  #player: Player | undefined
  /** It has said all that it will say. */
  #over = false

  constructor(random: Random) {
    this.#random = random
    this.#cut = random.chance(0.25) ? { after: random.between(0, 600), how: random.pick(['close', 'reset', 'half'] as const) } : undefined
  }

  async play(from: string, port: number): Promise<void> {
    this.#player = await Player.connect({ host: '127.0.0.1', port, from })
    try {
      await this.#read('greeting')
      await this.#opening()
      if (this.#random.chance(0.15)) await this.#starttls()
      const transactions = this.#random.between(1, 3)
      for (let at = 0; at < transactions && !this.#over; at++) await this.#transaction()
      await this.#ask('other', 'QUIT\r\n')
    } finally {
      await this.#player.close()
    }
  }

  *reached(): Iterable<string> {
    for (const { to, lines } of this.answers) yield `${to} ${lines[0]?.slice(0, 3)}`
    if (this.#cut !== undefined && this.#over) yield `client ${this.#cut.how}`
  }

  async #opening(): Promise<void> {
    await this.#ask('EHLO', this.#random.chance(0.9) ? 'EHLO client.example.net\r\n' : 'HELO client.example.net\r\n')
    if (this.#random.chance(0.1)) await this.#ask('other', 'NOOP\r\n')
  }

  async #starttls(): Promise<void> {
    const answer = await this.#ask('STARTTLS', 'STARTTLS\r\n')
    if (!answer.startsWith('220')) return
    await this.#ask('TLS', '\x16\x03\x01')
    this.#over = true
  }

  async #transaction(): Promise<void> {
    const size = this.#random.chance(0.2) ? ' SIZE=5000' : ''
    if (this.#random.chance(0.05)) {
      await this.#ask('MAIL', 'MAIL FROM:<reset@example.net>\r\n')
      await this.#ask('other', 'RSET\r\n')
    }
    await this.#ask('MAIL', `MAIL FROM:<sender@example.net>${size}\r\n`)
    const recipients = this.#random.between(1, 3)
    let accepted = 0
    for (let at = 0; at < recipients; at++) {
      if ((await this.#ask('RCPT', `RCPT TO:<user${at}@example.test>\r\n`)).startsWith('2')) accepted++
    }
    // Some clients send a message although all recipients were refused.
    if (accepted > 0 || this.#random.chance(0.2)) await (this.#random.chance(0.3) ? this.#chunks() : this.#data())
    if (this.#random.chance(0.3)) await this.#ask('other', 'RSET\r\n')
  }

  async #data(): Promise<void> {
    const answer = await this.#ask('DATA', 'DATA\r\n')
    if (answer.startsWith('354')) await this.#ask('message', `${message(this.#random).slice(0, 2000).replace(/^\./gm, '..')}\r\n.\r\n`)
  }

  async #chunks(): Promise<void> {
    for (const last of this.#random.chance(0.5) ? [false, true] : [true]) {
      const text = 'x'.repeat(this.#random.between(0, 300))
      const answer = await this.#ask('BDAT', `BDAT ${text.length}${last ? ' LAST' : ''}\r\n${text}`)
      if (!answer.startsWith('2')) return
    }
  }

  /** @returns the last line of the reply; empty when there is none */
  async #ask(kind: Kind, text: string): Promise<string> {
    if (this.#over || this.#player === undefined) return ''
    const left = this.#cut === undefined ? text.length : this.#cut.after - this.#sent
    this.#sent += text.length
    if (left >= text.length) {
      this.dialogue.push(`> ${JSON.stringify(text.slice(0, 200))}`)
      await this.#player.send(text)
      return this.#read(kind)
    }
    this.dialogue.push(`> ${JSON.stringify(text.slice(0, left))} ${this.#cut?.how}`)
    await this.#player.send(text.slice(0, left))
    this.#over = true
    if (this.#cut?.how === 'half') {
      this.#player.half()
      // What is answered now must be true as well; the last command was not complete.
      await this.#read('other')
    } else await this.#player[this.#cut?.how ?? 'close']()
    return ''
  }

  async #read(to: Kind): Promise<string> {
    const lines = (await this.#player?.replies(1, patience)) ?? []
    this.dialogue.push(...lines.map((line) => `< ${line.slice(0, 200)}`))
    // A line that was cut off is not an answer.
    const words = lines.filter((line) => line !== closed && !line.endsWith('<no line end>'))
    if (words.length > 0) this.answers.push({ to, lines: words })
    const last = lines.at(-1) ?? ''
    if (last === closed || /^(421|521) /.test(last)) this.#over = true
    return last
  }
}

/** What is wrong with a run. */
function judge({ answers }: Client, { said, violations }: RunRecord): readonly string[] {
  const wrong = [...violations]
  for (const { to, lines } of answers) {
    const text = `${to} was answered ${JSON.stringify(lines)}`
    if (lines.includes(timedOut)) wrong.push(`no reply to ${to}`)
    else if (!isAllowed(to, lines, said)) wrong.push(text)
  }
  return wrong
}

/** The gateway may say for itself that it takes HELO and MAIL and that something must be tried later. All else must be the backend's words. */
function isAllowed(to: Kind, lines: readonly string[], said: ReadonlySet<string>): boolean {
  const isBackends = lines.every((line) => said.has(line) || said.has(line.replace(/^554/, '552')))
  if (isBackends) return true
  const code = lines[0]?.slice(0, 1)
  switch (to) {
    case 'greeting':
    case 'EHLO':
    case 'MAIL':
    case 'other':
      return code === '2' || code === '4'
    // Not TLS, which would be a session in plain text, but a refusal to try.
    case 'STARTTLS':
      return code === '4' || lines[0]?.startsWith('502') === true
    case 'RCPT':
    case 'DATA':
    case 'message':
    case 'BDAT':
      return code === '4'
    case 'TLS':
      return false
  }
}

export type { ScriptedBackends }
