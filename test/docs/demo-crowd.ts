// Runs the demo of `npm start` with a small scripted crowd of clients, and returns what it printed in its terminal.
import { spawn } from 'node:child_process'
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))

/** An SMTP client of the crowd. */
interface Client {
  /** An address of 127.0.0.0/8; the demo's DNS lists and access list know some of them. */
  readonly from: string
  readonly sender: string
  readonly subject: string
  /** Sends its commands at once, without waiting for the greeting or for replies. */
  readonly early?: boolean
}

const goodClient: Client = { from: '127.0.0.21', sender: 'alice@example.net', subject: 'Minutes of the meeting' }
const pregreetBot: Client = { from: '127.0.0.13', sender: 'win@example.net', subject: 'You have won', early: true }
const listedBot: Client = { from: '127.0.0.66', sender: 'pills@example.net', subject: 'Cheap pills' }

/** One visit: a mail, one command after each reply, until the server closes the connection. */
async function visit(port: number, { from, sender, subject, early }: Client): Promise<void> {
  const envelope = ['EHLO client.example.net', `MAIL FROM:<${sender}>`, 'RCPT TO:<you@example.com>']
  const commands = early === true ? [...envelope, 'QUIT'] : [...envelope, 'DATA', `Subject: ${subject}\r\n\r\nHello.\r\n.`, 'QUIT']
  const socket = createConnection({ port, host: '127.0.0.1', localAddress: from })
  if (early === true) socket.write(commands.splice(0).join('\r\n').concat('\r\n'))
  for await (const line of createInterface({ input: socket })) {
    if (/^5\d\d /.test(line)) commands.splice(0, commands.length, ...commands.slice(-1))
    if (/^\d{3} /.test(line) && commands.length > 0) socket.write(`${commands.shift()}\r\n`)
  }
}

/** The crowd: a good client, and while it waits for the greeting two bots; then the good client again. */
async function crowd(port: number): Promise<void> {
  await Promise.all([visit(port, goodClient), visit(port, pregreetBot), visit(port, listedBot)])
  await visit(port, goodClient)
}

/** All lines that the demo prints, with ANSI colours. `args` are those of `postscreen demo`. Linux only: other systems lack the addresses. */
export async function demoOutput(args: readonly string[]): Promise<readonly string[]> {
  const { NO_COLOR: _, ...env } = process.env
  const demo = spawn(process.execPath, [entry, 'demo', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: { ...env, FORCE_COLOR: '1' },
  })
  const lines: string[] = []
  let over: Promise<unknown> | undefined
  const stop = (): boolean => demo.kill('SIGTERM')
  for await (const line of createInterface({ input: demo.stdout })) {
    lines.push(line)
    const port = Number(/▶ 127\.0\.0\.1:(\d+), the gateway/.exec(line)?.[1])
    if (port > 0) over = crowd(port).then(stop, stop)
  }
  await over
  return lines
}
