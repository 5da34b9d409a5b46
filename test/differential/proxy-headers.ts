// Random PROXY headers, most of them good, for a client that the log can be searched for.

import type { Random } from './random.ts'

/**
 * A header of either version that names `client`, or bytes that are not a header. It is in one piece: a header in
 * several pieces is an error for postscreen, but not for the gateway.
 */
export function randomProxyHeader(random: Random, client: string): string {
  const port = random.between(1, 65_535)
  const v1 = `PROXY TCP4 ${client} 127.0.0.1 ${port} 25\r\n`
  return random.weighted<() => string>([
    [8, () => v1],
    [8, () => version2(client, port)],
    [2, () => random.pick([v1.replace('\r', ''), v1.replace('TCP4', 'tcp4'), v1.replace('\r', ' more fields\r'), v1.replace(' ', '  ')])],
    [2, () => random.pick([version2(client, port, '\x04\x00\x01x'), version2(client, port, '\x20\x00\x05abcde')])],
    [
      1,
      () =>
        random.pick([
          'PROXY UNKNOWNS\r\n',
          'PROXY\r\n',
          'proxy TCP4 1.2.3.4 4.3.2.1 1 2\r\n',
          'EHLO x\r\n',
          '\r\n',
          'PROXY TCP5 a b 1 2\r\n',
        ]),
    ],
    [1, () => random.pick([` ${port}`, '.0.0', '127'].map((part) => v1.replace(part, random.pick(['', ' x', '0', '999']))))],
    [1, () => version2(client, port).slice(0, random.between(1, 12))],
    [1, () => version2(client, port, '', anyButLocal(random.between(0, 255)), random.between(3, 255))],
  ])()
}

/** LOCAL, UNKNOWN and the families below 3, which are UNSPEC, are health checks to the gateway (docs/differences-from-postscreen.md). */
const anyButLocal = (command: number): number => (command === 0x20 ? 0x2f : command)

function version2(client: string, port: number, extensions = '', command = 0x21, family = 0x11): string {
  const bytes = (address: string): string => String.fromCharCode(...address.split('.').map(Number))
  const short = (value: number): string => String.fromCharCode(value >> 8, value & 255)
  const block = bytes(client) + bytes('127.0.0.1') + short(port) + short(25) + extensions
  return `\r\n\r\n\0\r\nQUIT\n${String.fromCharCode(command, family)}${short(block.length)}${block}`
}
