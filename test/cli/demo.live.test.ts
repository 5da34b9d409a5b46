// The demo as `npm start` runs it: a mail goes through the gateway to the demo's mail server, and the terminal shows it.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { createConnection } from 'node:net'
import { createInterface } from 'node:readline'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const skip = process.platform === 'linux' ? false : 'only Linux lets a client use any 127.0.0.0/8 address'

/** Plays a mail to `port` as a client of the permanent access list, one command at a time. */
async function sendMail(port: number, from: string): Promise<string> {
  const commands = ['EHLO me', 'MAIL FROM:<a@example.net>', 'RCPT TO:<b@example.com>', 'DATA', 'Subject: through\r\n\r\ntext\r\n.', 'QUIT']
  const socket = createConnection({ port, host: '127.0.0.1', localAddress: from })
  let seen = ''
  for await (const line of createInterface({ input: socket })) {
    seen += `${line}\n`
    if (/^\d{3} /.test(line) && commands.length > 0) socket.write(`${commands.shift()}\r\n`)
  }
  return seen
}

test('the demo says where it listens, delivers a message, shows it, and ends on SIGTERM', { skip }, async () => {
  const demo = spawn(process.execPath, [entry, 'demo', '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const ended = new Promise<number | null>((resolve) => demo.once('exit', resolve))
  let printed = ''
  let sent: Promise<string> | undefined
  for await (const line of createInterface({ input: demo.stdout })) {
    printed += `${line}\n`
    const port = Number(/▶ 127\.0\.0\.1:(\d+), the gateway/.exec(line)?.[1])
    if (port > 0) sent = sendMail(port, '127.0.0.88')
    // Not before the client has had its last reply: the demo gives open sessions half a second.
    const stop = (): boolean => demo.kill('SIGTERM')
    if (line.includes('"through"')) void sent?.then(stop, stop)
  }
  assert.match(printed, /127\.0\.0\.88:\d+ +ALLOWLISTED +permitted by the permanent access list/)
  assert.match(printed, /127\.0\.0\.88:\d+ +MAIL +the mail server accepted \d+ bytes from <a@example\.net> to <b@example\.com>: "through"/)
  assert.match((await sent) ?? '', /^250 .*shown in the terminal/m)
  assert.equal(await ended, 0)
})
