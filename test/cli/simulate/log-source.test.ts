// Logs in the forms in which they come, also damaged: what can be read is read, and the rest is counted or refused with
// the reason.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { openLogSource } from '../../../cli/simulate/log-source.ts'

const folder = mkdtempSync(join(tmpdir(), 'log-source-'))
after(() => rmSync(folder, { recursive: true }))

/** The ports of the clients in its items, and how many lines were not read. */
async function read(content: string | Buffer): Promise<{ ports: (number | undefined)[]; unread: number }> {
  const file = join(folder, 'log')
  writeFileSync(file, content)
  const source = openLogSource(file, Date.now())
  const ports: (number | undefined)[] = []
  for await (const items of source.batches)
    for (const item of items) ports.push(item.is === 'session' ? item.record.client.port : undefined)
  return { ports, unread: source.unread() }
}

const json = (port: number): string =>
  `{"level":"info","time":"2026-11-29T00:00:00.000Z","session":"89abcdef-${port}","event":"DISCONNECT","client":{"address":"192.0.2.1","port":${port}},"msg":"DISCONNECT [192.0.2.1]:${port}"}`
const text = (port: number): string => `DISCONNECT [192.0.2.1]:${port}`
const syslog = (port: number): string => `2026-11-29T00:00:01Z mx postfix/postscreen[1]: ${text(port)}`
const entry = (port: number): string =>
  `__CURSOR=s=${port}\n__REALTIME_TIMESTAMP=1795910400000000\n_HOSTNAME=mx\nSYSLOG_IDENTIFIER=postfix/postscreen\nMESSAGE=${text(port)}\n\n`
/** With a value that is not text. */
function binaryEntry(port: number, message: string, length = BigInt(message.length)): Buffer {
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(length)
  return Buffer.concat([Buffer.from(entry(port).replace(/MESSAGE=.*\n\n/, 'MESSAGE\n')), bytes, Buffer.from(`${message}\n\n`)])
}
const joined = (...parts: (string | Buffer)[]): Buffer => Buffer.concat(parts.map((part) => Buffer.from(part)))

describe('a log is read as far as it can be:', () => {
  const cases: [string, string | Buffer, number[], number][] = [
    ['an empty file', '', [], 0],
    ['a file of one byte', 'x', [], 0],
    ['JSON and syslog mixed', [json(1), syslog(2), json(3)].join('\n'), [1, 2, 3], 0],
    ['a JSON line that is cut off', [json(1), json(2).slice(0, 100)].join('\n'), [1], 1],
    ['two JSON lines in one another', [json(1).slice(0, 150) + json(2), json(3)].join('\n'), [3], 1],
    ['a line of 10 MB between two', [json(1), `{"session":"${'x'.repeat(10_000_000)}"}`, json(2)].join('\n'), [1, 2], 1],
    ['a line of 10 MB at the end', [json(1), 'x'.repeat(10_000_000)].join('\n'), [1], 1],
    [
      'bytes that are not text',
      joined(json(1), '\n', Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 7919) & 255)), '\n', json(2)),
      [1, 2],
      0,
    ],
    ['compressed twice as two members', joined(gzipSync(`${json(1)}\n`), gzipSync(`${json(2)}\n`)), [1, 2], 0],
    ['an export of the journal', entry(1) + entry(2), [1, 2], 0],
    ['a compressed export of the journal', gzipSync(entry(1) + entry(2)), [1, 2], 0],
    ['an export that begins in the middle of an entry', `en]:9\n_PID=1\n\n${entry(1)}${entry(2)}`, [1, 2], 0],
    ['an export whose last entry is cut off in a field', entry(1) + entry(2).slice(0, 60), [1], 1],
    ['an export whose last entry has no empty line', entry(1) + entry(2).trimEnd() + '\n', [1, 2], 0],
    ['an export with a value that is not text', joined(binaryEntry(1, text(1)), entry(2)), [1, 2], 0],
    ['an export that is cut off in such a value', joined(entry(1), binaryEntry(2, text(2)).subarray(0, 125)), [1], 1],
    ['an export with a value that is too long', joined(binaryEntry(1, 'x'.repeat(2_000_000)), entry(2)), [2], 1],
    ['an export with a length that is not possible', joined(binaryEntry(1, text(1), 2n ** 63n), entry(2)), [2], 1],
    ['an export with a line that is not a field', joined(entry(1), 'what is this\nMESSAGE=x\n\n', entry(2)), [1, 2], 1],
  ]
  for (const [what, content, ports, unread] of cases) test(what, async () => assert.deepEqual(await read(content), { ports, unread }))
})

describe('a log that cannot be read is refused with what to do:', () => {
  const long = gzipSync(Array.from({ length: 1000 }, (_, i) => json(i)).join('\n'))
  const cases: [string, Buffer, RegExp][] = [
    ['compressed and cut off', long.subarray(0, long.length >> 1), /is cut off: .*zcat FILE/],
    ['compressed and damaged', joined(long.subarray(0, 100), Buffer.alloc(200), long.subarray(300)), /cannot be decompressed: /],
    ['zstd', Buffer.from('28b52ffd2400', 'hex'), /zstdcat FILE/],
    ['xz', Buffer.from('fd377a585a000000', 'hex'), /xzcat FILE/],
    ['bzip2', Buffer.from('BZh91AY&SY'), /bzcat FILE/],
    ['zip', Buffer.from('504b030414000000', 'hex'), /zip archive/],
    ['a file of the journal', Buffer.from('LPKSHHRH\0\0\0\0'), /journalctl --file FILE -o export/],
    ['UTF-16', joined(Buffer.from('fffe', 'hex'), Buffer.from(json(1), 'utf16le')), /UTF-16/],
  ]
  for (const [what, content, why] of cases) test(what, () => assert.rejects(read(content), why))
})

test('long logs are read in pieces, each line once', async () => {
  const ports = Array.from({ length: 5000 }, (_, i) => i + 1)
  for (const content of [ports.map(json).join('\n'), ports.map(entry).join('')]) assert.deepEqual(await read(content), { ports, unread: 0 })
})
