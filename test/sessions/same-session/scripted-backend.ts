// A mail server that says what a dialogue wants, and keeps what it has read. It does not know what carries its bytes.

/**
 * What it does after a command, or at the start: text as it is (`EOF`: ends the connection, `nothing`: stays silent), or
 * in pieces with a pause before each.
 */
export type Act = string | { readonly say: readonly string[]; readonly pauseMs: number }

/** By verb; several acts are for the first, second … time in one call, and the last one stays. `connect`: the greeting. */
export type Script = Readonly<Partial<Record<string, Act | readonly Act[]>>>

/** The connection of one call. */
export interface Wire {
  send(text: string): void
  end(): void
  later(ms: number, run: () => void): void
}

const offers = ['PIPELINING', 'SIZE 10240000', 'STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING', 'XVERP']

/** A successful reply to EHLO with these keywords. */
export function ehlo(keywords: readonly string[] = offers): string {
  const lines = ['b.example.test', ...keywords]
  return lines.map((line, i) => `250${i === lines.length - 1 ? ' ' : '-'}${line}\r\n`).join('')
}

const usual: Script = {
  connect: '220 b.example.test ESMTP\r\n',
  EHLO: ehlo(),
  HELO: '250 b.example.test\r\n',
  MAIL: '250 2.1.0 Ok from b\r\n',
  RCPT: '250 2.1.5 Ok\r\n',
  DATA: '354 go on\r\n',
  '.': '250 2.0.0 Ok: queued as 1\r\n',
  BDAT: '250 2.0.0 Ok: queued as 2\r\n',
  RSET: '250 2.0.0 Ok\r\n',
  NOOP: '250 2.0.0 Ok\r\n',
  STARTTLS: '220 2.0.0 Ready to start TLS\r\n',
  QUIT: '221 2.0.0 Bye\r\n',
}

const list = (acts: Act | readonly Act[]): readonly Act[] => (Array.isArray(acts) ? acts : [acts as Act])

export class ScriptedCall {
  readonly #script: Script
  readonly #wire: Wire
  readonly #times = new Map<string, number>()
  #input = ''
  /** It has ended the connection. */
  #isOver = false
  #mode: 'header' | 'commands' | 'message' | 'tls' = 'header'
  /** The lines that it has read, without CRLF; a line that ended with LF alone keeps that. */
  readonly read: string[] = []
  header = ''
  /** What it has said. */
  spoken = ''
  isEnded = false

  constructor(script: Script, wire: Wire) {
    this.#script = script
    const send = (text: string): void => {
      this.spoken += text
      wire.send(text)
    }
    const end = (): void => {
      this.#isOver = true
      wire.end()
    }
    this.#wire = { ...wire, send, end }
  }

  #greet(): void {
    this.#mode = 'commands'
    this.#act('connect')
  }

  take(text: string): void {
    this.#input += text
    while (this.#input !== '' && !this.#isOver) {
      if (this.#mode === 'tls') {
        this.read.push(this.#input)
        this.#wire.send(`echo ${this.#input}`)
        this.#input = ''
        return
      }
      const end = this.#input.indexOf('\n')
      if (end < 0) return
      const line = this.#input.slice(0, end + 1)
      this.#input = this.#input.slice(end + 1)
      this.#line(line.endsWith('\r\n') ? line.slice(0, -2) : line)
    }
  }

  #line(line: string): void {
    if (this.#mode === 'header') {
      this.header = line
      return this.#greet()
    }
    this.read.push(line)
    const verb = (/^\s*([A-Za-z]+|\.$)/.exec(line)?.[1] ?? '').toUpperCase()
    if (this.#mode === 'message') {
      if (line !== '.') return
      this.#mode = 'commands'
      return this.#act('.')
    }
    const bdat = /^BDAT (\d+)/i.exec(line)
    if (bdat !== null) this.#input = this.#input.slice(Number(bdat[1]))
    this.#act(verb)
  }

  /** Whether it has come to this command, or to its greeting. */
  has(verb: string): boolean {
    return this.#times.has(verb)
  }

  /** The gateway has closed the connection. */
  end(): void {
    this.isEnded = true
  }

  #act(verb: string): void {
    const time = this.#times.get(verb) ?? 0
    this.#times.set(verb, time + 1)
    const acts = list(this.#script[verb] ?? usual[verb] ?? '500 5.5.2 what\r\n')
    const act = acts[Math.min(time, acts.length - 1)] ?? 'nothing'
    if (act === 'nothing') return
    if (act === 'EOF') return this.#wire.end()
    if (typeof act !== 'string') {
      act.say.forEach((part, i) => {
        this.#wire.later(act.pauseMs * (i + 1), () => (part === 'EOF' ? this.#wire.end() : this.#wire.send(part)))
      })
      return
    }
    this.#wire.send(act)
    if (verb === 'DATA' && act.startsWith('354')) this.#mode = 'message'
    if (verb === 'STARTTLS' && act.startsWith('220')) this.#mode = 'tls'
    if (verb === 'QUIT' || /^(421|521)/.test(act)) this.#wire.end()
  }
}
