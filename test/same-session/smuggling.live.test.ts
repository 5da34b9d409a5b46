// SMTP smuggling: what looks like an end of data to some mail servers and not to others reaches the mail server byte for byte in a session that is
// continued there, so that it alone decides.
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { GatewayProcess } from '../peers/gateway.ts'
import type { Postfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'
import { closed, Player } from '../support/player.ts'
import { escapeBytes } from '../support/session-file.ts'
import { endOf, listen } from '../support/tcp-ends.ts'
import { writeProxyHeader } from '../../gateway/core/proxy-header.ts'
import { portOf, startHoldingPostfix } from './postfix-variants.ts'
import { queuedMessages } from './queue.ts'
import { startSameSessionGateway, untilKeywordsKnown } from './same-session-gateway.ts'

const skip = unless('postfix', 'openssl')

/** Between the first message and the commands that it hides. From the reports on SMTP smuggling of December 2023, and with bytes in between. */
const endings = [
  '\n.\n',
  '\n.\r\n',
  '\r\n.\n',
  '\r.\r',
  '\r.\r\n',
  '\r\n.\r',
  '\n.\r',
  '\r.\n',
  '\r\n\0.\r\n',
  '\r\n.\0\r\n',
  '\r\n.\r\r\n',
  '\r\r\n.\r\n',
  '\r\n..\r\n',
  '\n..\n',
  '\r\n .\r\n',
  '\r\n.\t\r\n',
  '\r\n\xc2\x85.\r\n',
  '\x0b.\x0b',
  '\x0c.\x0c',
]

const hidden = 'MAIL FROM:<hidden@example.net>\r\nRCPT TO:<user@example.test>\r\nDATA\r\nSubject: hidden\r\n\r\nhidden\r\n.\r\nQUIT\r\n'
const withEnding = (ending: string): string => `Subject: smuggled\r\n\r\ntext${ending}${hidden}`

let nextClient = 1
const newClient = (): string => `127.71.${nextClient >> 8}.${nextClient++ & 255}`

/** Says all up to DATA, then `text` in pieces of this size. @returns all that comes then */
async function deliver(port: number, text: string, piece: number, withHeader: boolean, from: string): Promise<readonly string[]> {
  const player = await Player.connect({ host: '127.0.0.1', port, from })
  try {
    const header = writeProxyHeader('V2', { address: from, port: player.port }, { address: '127.0.0.1', port })
    if (withHeader) await player.send(Buffer.from(header).toString('latin1'))
    await player.replies(1, 60)
    const heard: string[] = []
    for (const line of ['EHLO client.example.net', 'MAIL FROM:<open@example.net>', 'RCPT TO:<user@example.test>', 'DATA']) {
      await player.send(`${line}\r\n`)
      heard.push(...(await player.replies(1, 60)))
    }
    assert.match(heard.at(-1) ?? '', /^354/)
    for (let at = 0; at < text.length; at += piece) await player.send(text.slice(at, at + piece))
    return await player.end(60)
  } finally {
    await player.close()
  }
}

test('every ending reaches the mail server byte for byte', { skip: unless('loopback') }, async (t) => {
  const received: string[] = []
  const listener = await listen((socket) => {
    const end = endOf(socket)
    socket.write('220 mx\r\n')
    socket.on('data', () => {
      const text = end.text()
      const data = text.indexOf('DATA\r\n')
      if (data >= 0) {
        if (text.endsWith('DATA\r\n') && !text.includes('Subject')) socket.write('354 go\r\n')
        if (text.endsWith('QUIT\r\n')) {
          received.push(text.slice(data + 'DATA\r\n'.length))
          socket.end('221 bye\r\n')
        }
      } else if (text.endsWith('QUIT\r\n')) socket.end('221 bye\r\n')
      else if (/(EHLO|MAIL|RCPT|NOOP)[^\r\n]*\r\n$/.test(text)) socket.write('250 ok\r\n')
    })
  })
  const gateway = await startSameSessionGateway([listener.port])
  t.after(async () => {
    await gateway.stop()
    await listener.close()
  })
  await untilKeywordsKnown(gateway)
  for (const ending of endings) {
    for (const piece of [1, 7, 10_000]) {
      const text = withEnding(ending)
      assert.deepEqual(await deliver(gateway.port, text, piece, false, newClient()), ['221 bye', closed])
      assert.equal(escapeBytes(received.pop() ?? ''), escapeBytes(text))
    }
  }
})

let postfix: Postfix
const gateways = new Map<string, GatewayProcess>()

before(async () => {
  if (skip !== false) return
  postfix = await startHoldingPostfix({ forbids: { smtpd_forbid_bare_newline: 'yes' } })
  for (const variant of ['plain', 'forbids']) gateways.set(variant, await startSameSessionGateway([portOf(postfix, variant)]))
  for (const gateway of gateways.values()) await untilKeywordsKnown(gateway)
})
after(async () => {
  for (const gateway of gateways.values()) await gateway.stop()
  await postfix?.stop()
})

/** The replies without queue ids, and the messages. */
async function outcome(lines: readonly string[]): Promise<readonly string[]> {
  const ids = lines.flatMap((line) => /queued as (\w+)/.exec(line)?.[1] ?? [])
  const messages = await queuedMessages(postfix, ids)
  return [...lines.map((line) => line.replace(/queued as \w+/, 'queued')), ...ids.map((id) => messages.get(id)?.content ?? '')]
}

for (const variant of ['plain', 'forbids']) {
  test(`a real Postfix (${variant}) makes the same of every ending as in a direct session`, { skip }, async () => {
    const smuggled: string[] = []
    for (const ending of endings) {
      const from = newClient()
      const text = withEnding(ending)
      const direct = await outcome(await deliver(portOf(postfix, variant), text, 10_000, true, from))
      const through = await outcome(await deliver(gateways.get(variant)?.port ?? 0, text, 10_000, false, from))
      assert.deepEqual(through, direct, escapeBytes(ending))
      if (direct.filter((line) => line.includes('queued')).length > 1) smuggled.push(ending)
    }
    // So that the test means something: some ending ends the message, unless Postfix forbids it.
    assert.equal(smuggled.includes('\n.\n'), variant === 'plain')
  })
}
