// SMTP clients of all sorts, each from an address of its own where there are many.
import { connect } from 'node:net'
import { clientAddress } from './surroundings.ts'

export interface Visit {
  /** Everything that the server said. */
  readonly heard: string
  /** Our own address, as the other end sees it if no proxy hides it. */
  readonly from: string
  readonly ending: 'hung up' | 'late' | (string & {})
  readonly tookMs: number
}

export interface Call {
  readonly host: string
  readonly port?: number
  /** Which of the many addresses is ours. */
  readonly client?: number
  /** Said at once, without waiting for a greeting. */
  readonly early?: string
  /** Said one by one, each after the end of a reply. */
  readonly turns?: readonly string[]
  /** Stops before the turn of this number, says so, and waits. */
  readonly pause?: { readonly before: number; readonly reached: () => void; readonly until: Promise<unknown> }
  readonly withinMs?: number
}

/** The number of complete replies in what was heard: a line `NNN ` ends one. */
const replies = (heard: string): number => heard.match(/^\d{3} .*\r\n/gm)?.length ?? 0

/** One session. Never rejects: how it ended is part of the result. */
export function visit({ host, port = 25, client = 0, early, turns = [], pause, withinMs = 30_000 }: Call): Promise<Visit> {
  const began = performance.now()
  const localAddress = clientAddress(client)
  return new Promise((resolve) => {
    const socket = connect({ host, port, ...(localAddress !== undefined && { localAddress }) })
    let heard = ''
    let said = 0
    let from = ''
    const end = (ending: Visit['ending']): void => {
      clearTimeout(timer)
      socket.destroy()
      resolve({ heard, from, ending, tookMs: performance.now() - began })
    }
    const timer = setTimeout(() => end('late'), withinMs)
    let waitsFor = pause
    const speak = (): void => {
      while (said < turns.length && replies(heard) > said) {
        if (waitsFor !== undefined && said === waitsFor.before) {
          waitsFor.reached()
          waitsFor.until
            .finally(() => {
              waitsFor = undefined
              speak()
            })
            .catch(end)
          return
        }
        socket.write(turns[said++] ?? '')
      }
    }
    socket.setEncoding('latin1')
    socket.on('connect', () => {
      from = socket.localAddress ?? ''
      if (early !== undefined) socket.write(early)
    })
    socket.on('data', (text: string) => {
      heard = (heard + text).slice(-16_384)
      speak()
    })
    socket.on('error', (error: NodeJS.ErrnoException) => end(error.code ?? error.message))
    socket.on('close', () => end('hung up'))
  })
}

/** A client as mail servers are: waits for its turn each time, and delivers one message. */
export function deliver(call: Omit<Call, 'turns' | 'early'> & { readonly subject?: string; readonly to?: string }): Promise<Visit> {
  const { subject = 'story', to = 'user@example.com' } = call
  const message = `From: sender@example.net\r\nTo: ${to}\r\nSubject: ${subject}\r\n\r\nHello.\r\n.\r\n`
  return visit({
    ...call,
    turns: ['EHLO client.example.net\r\n', 'MAIL FROM:<sender@example.net>\r\n', `RCPT TO:<${to}>\r\n`, 'DATA\r\n', message, 'QUIT\r\n'],
  })
}

export interface HeldDelivery {
  /** It has said RCPT, and Postfix has answered; or it has ended before. */
  readonly inTheMiddle: Promise<unknown>
  readonly goOn: () => void
  readonly ended: Promise<Visit>
}

/** The same, but it stops in the middle, before DATA, until it is told to go on. */
export function deliverInTwoParts(call: Omit<Call, 'turns' | 'early' | 'pause'>): HeldDelivery {
  const middle = Promise.withResolvers<void>()
  const rest = Promise.withResolvers<void>()
  const ended = deliver({ ...call, pause: { before: 3, reached: middle.resolve, until: rest.promise } })
  return { inTheMiddle: Promise.race([middle.promise, ended]), goOn: rest.resolve, ended }
}

export const wasQueued = ({ heard }: Visit): boolean => /^250 2\.0\.0 Ok: queued as/m.test(heard)

/** The first that a new client hears: the teaser. It hangs up then, so that it is new the next time too. */
export function teaser(host: string, port = 25): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port })
    socket.setTimeout(10_000, () => socket.destroy(new Error(`${host} says nothing`)))
    socket.once('data', (bytes) => {
      socket.destroy()
      resolve(bytes.toString('latin1'))
    })
    socket.once('error', reject)
    socket.once('end', () => reject(new Error(`${host} has hung up`)))
  })
}
