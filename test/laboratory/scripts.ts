// What the clients of load tests say, and where they come from: the zones are those of peers/files/rbl.
import { loopbackAddress, type Script } from './clients.ts'

const lines = (...texts: readonly string[]): readonly Buffer[] => texts.map((text) => Buffer.from(`${text}\r\n`))

/** Says nothing, ever. */
export const mute: Script = {}
/** Talks before the greeting, as bots do. */
export const early: Script = { early: Buffer.from('EHLO bot.example\r\n') }
/** Greets and quits. */
export const polite: Script = { turns: lines('EHLO client.example', 'QUIT') }

const envelope = ['EHLO client.example', 'MAIL FROM:<a@client.example>', 'RCPT TO:<b@example.test>']

/** Delivers a message of that many bytes. */
export function mail(bytes: number): Script {
  const head = 'From: a@client.example\r\nSubject: load\r\n\r\n'
  const line = `${'x'.repeat(76)}\r\n`
  const message = Buffer.from(`${head}${line.repeat(Math.max(0, Math.ceil((bytes - head.length) / line.length)))}.\r\n`)
  return { turns: [...lines(...envelope, 'DATA'), message, ...lines('QUIT')] }
}

/** A mail client's commands and a few more, without a message. */
export const dialogue: Script = {
  turns: lines(...envelope, 'RCPT TO:<c@example.test>', 'NOOP', 'RSET', 'HELP', 'VRFY root', 'MAIL FROM:<>', 'QUIT'),
}

/** Addresses in 127.40.0.0/16 are in bl1.test and bl2.test, those in 127.41.0.0/16 in bl3.test. */
export const listed = (index: number): string => loopbackAddress(40 + (index % 2), Math.floor(index / 2))
/** Clients of this network are in the access list of policies with `permits`. */
export const permittedNetwork = '127.72.0.0/16'
export const permitted = (index: number): string => loopbackAddress(72, index)
export const permits = [{ action: 'Permit', cidrs: [permittedNetwork] }] as const

/** In no list. */
export const clean = (index: number): string => loopbackAddress(60, index)
export const lists = ['bl1.test', 'bl2.test', 'bl3.test'] as const
