// How long a client waits for the reply to each command of its session.
import { connect } from 'node:net'
import { clientAddress } from './surroundings.ts'

export interface TimedSession {
  readonly greeting: string
  /** One for each command: its reply, and how long the client waited for it. */
  readonly replies: readonly { readonly text: string; readonly ms: number }[]
}

/** Says the commands one by one and leaves. Rejects when the session ends before, or takes longer than a minute. */
export function timedSession(host: string, client: number, commands: readonly string[]): Promise<TimedSession> {
  const localAddress = clientAddress(client)
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port: 25, noDelay: true, ...(localAddress !== undefined && { localAddress }) })
    const heard: { text: string; ms: number }[] = []
    let unread = ''
    let asked = performance.now()
    const end = (problem?: string): void => {
      socket.destroy()
      if (problem !== undefined) return reject(new Error(`${problem}: ${JSON.stringify(heard)}`))
      const [greeting, ...replies] = heard
      resolve({ greeting: greeting?.text ?? '', replies })
    }
    socket.setTimeout(60_000, () => end('late'))
    socket.setEncoding('latin1')
    socket.on('data', (text: string) => {
      unread += text
      const [reply] = /^(?:\d{3}-.*\r\n)*\d{3} .*\r\n/.exec(unread) ?? []
      if (reply === undefined) return
      unread = unread.slice(reply.length)
      heard.push({ text: reply, ms: performance.now() - asked })
      const command = commands[heard.length - 1]
      if (command === undefined) return end()
      asked = performance.now()
      socket.write(command)
    })
    socket.on('error', (error) => end(error.message))
    socket.on('end', () => end('hung up'))
  })
}

/** The value below which a share of them lies. */
export function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}
