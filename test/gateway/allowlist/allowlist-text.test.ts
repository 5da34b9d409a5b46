// Export and import of the temporary allowlist as text.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { memoryAllowlist } from '../../../gateway/allowlist/allowlist-memory.ts'
import { cleanupKey, type LocalAllowlist } from '../../../gateway/allowlist/allowlist-store.ts'
import { type BadLine, exportAllowlist, importAllowlist } from '../../../gateway/allowlist/allowlist-text.ts'
import { boundedLines } from '../../../gateway/allowlist/bounded-lines.ts'

interface Imported {
  readonly entries: ReadonlyMap<string, string>
  readonly bad: readonly BadLine[]
  readonly imported: number
  readonly leftOut: number
}

async function importText(pieces: Iterable<string>, store: LocalAllowlist = memoryAllowlist()): Promise<Imported> {
  const bad: BadLine[] = []
  const count = await importAllowlist({ store, pieces, onBadLine: (line) => bad.push(line) })
  return { entries: new Map(store.entries()), bad, ...count }
}

async function exported(store: LocalAllowlist): Promise<string[]> {
  const pieces: string[] = []
  for await (const piece of exportAllowlist(store)) pieces.push(piece)
  return pieces
}

const goodLines: readonly { readonly what: string; readonly text: string; readonly want: readonly [string, string] | undefined }[] = [
  { what: 'a line of postmap -s', text: '192.0.2.1\t1700086400;1700003600;0;0;1', want: ['192.0.2.1', '1700086400;1700003600;0;0;1'] },
  { what: 'an IPv6 address in any form', text: '2001:DB8:0::0:1\t1;2;3;4;5', want: ['2001:db8::1', '1;2;3;4;5'] },
  { what: 'an IPv4 address in IPv6 clothing', text: '::ffff:192.0.2.1\t1;2;3;4;5', want: ['192.0.2.1', '1;2;3;4;5'] },
  { what: 'the input of postmap, with blanks', text: '192.0.2.1   1;2;3;4;5  ', want: ['192.0.2.1', '1;2;3;4;5'] },
  { what: 'an old record of three fields', text: '192.0.2.1\t5;6;7', want: ['192.0.2.1', '5;6;7;1;1'] },
  { what: 'an old record of six fields', text: '192.0.2.1\t5;6;7;8;9;1', want: ['192.0.2.1', '5;6;7;8;9'] },
  { what: 'the key of the last cleanup', text: `${cleanupKey}\t1700000000`, want: [cleanupKey, '1700000000'] },
  { what: 'that key as postmap folds it', text: `${cleanupKey.toLowerCase()}\t1700000000`, want: [cleanupKey, '1700000000'] },
  { what: 'nothing from an empty line', text: '', want: undefined },
  { what: 'nothing from blanks', text: '  \t', want: undefined },
  { what: 'nothing from a comment', text: '# 192.0.2.1\t1;2;3;4;5', want: undefined },
]

describe('an import takes', () => {
  for (const { what, text, want } of goodLines) {
    test(what, async () => {
      for (const end of ['', '\n', '\r\n']) {
        const { entries, bad } = await importText([text + end])
        assert.deepEqual(bad, [])
        assert.deepEqual([...entries], want === undefined ? [] : [want])
      }
    })
  }
})

const badLines: readonly { readonly what: string; readonly text: string; readonly why: string }[] = [
  { what: 'no record', text: '192.0.2.1', why: '"192.0.2.1" is not an address and a record' },
  { what: 'a name for an address', text: 'mx.example.com\t1;2;3;4;5', why: '"mx.example.com" is not an IP address' },
  { what: 'an address with a zone', text: 'fe80::1%eth0\t1;2;3;4;5', why: '"fe80::1%eth0" is not an IP address' },
  { what: 'the key of a memcache', text: 'postscreen:192.0.2.1\t1;2;3;4;5', why: '"postscreen:192.0.2.1" is not an IP address' },
  { what: 'a word for a stamp', text: '192.0.2.1\t1;x;3;4;5', why: '"x" in "1;x;3;4;5" is not a time stamp' },
  { what: 'an empty stamp', text: '192.0.2.1\t1;;3;4;5', why: '"" in "1;;3;4;5" is not a time stamp' },
  { what: 'a negative stamp', text: '192.0.2.1\t1;-1;3;4;5', why: '"-1" in "1;-1;3;4;5" is not a time stamp' },
  {
    what: 'an unset stamp',
    text: '192.0.2.1\t18446744073709551615;1',
    why: '"18446744073709551615" in "18446744073709551615;1" is not a time stamp',
  },
  {
    what: 'seven fields',
    text: '192.0.2.1\t1;2;3;4;5;6;7',
    why: '"1;2;3;4;5;6;7" has 7 fields; Postfix writes at most 5 (6 in old versions)',
  },
  { what: 'a cleanup at no time', text: `${cleanupKey}\tyesterday`, why: '"yesterday" is not the time of a cleanup' },
  { what: 'a line without end', text: `192.0.2.1\t${'1;'.repeat(1000)}`, why: 'is longer than 1024 characters' },
  { what: 'control characters, shown so that they do no harm', text: '\u001b[2Jx\t1;2;3;4;5', why: '"\\u001b[2Jx" is not an IP address' },
]

describe('an import reports and leaves out', () => {
  for (const { what, text, why } of badLines) {
    test(what, async () => {
      const { entries, bad, imported, leftOut } = await importText([
        '# first\n198.51.100.1\t1;1;1;1;1\n',
        text,
        '\n198.51.100.2\t2;1;1;1;1\n',
      ])
      assert.deepEqual(bad, [{ line: 3, why }])
      assert.deepEqual([...entries.keys()].toSorted(), ['198.51.100.1', '198.51.100.2'])
      assert.deepEqual({ imported, leftOut }, { imported: 2, leftOut: 1 })
    })
  }
})

describe('export and import', () => {
  const stamp = fc.nat()
  const record = fc.tuple(stamp, stamp, stamp, stamp, stamp).map((stamps) => stamps.join(';'))
  const address = fc.nat({ max: 0xffffffff }).map((n) => `${n >>> 24}.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`)

  test('lose nothing, however the text is cut into pieces', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(address, record), { maxLength: 30 }), fc.array(fc.nat(40)), async (entries, cuts) => {
        const store = memoryAllowlist()
        for (const [key, text] of entries) store.put(key, text)
        store.put(cleanupKey, '1700000000')
        const text = (await exported(store)).join('')
        const pieces: string[] = []
        let at = 0
        for (const cut of cuts) pieces.push(text.slice(at, (at += cut)))
        pieces.push(text.slice(at))
        const { entries: found, bad } = await importText(pieces)
        assert.deepEqual(bad, [])
        assert.deepEqual(found, new Map(store.entries()))
      }),
    )
  })

  test('go over what is there already', async () => {
    const store = memoryAllowlist()
    store.put('192.0.2.1', '1;1;1;1;1')
    store.put('192.0.2.9', '1;1;1;1;1')
    const { entries } = await importText(['192.0.2.1\t2;2;2;2;2\n'], store)
    assert.deepEqual(Object.fromEntries(entries), { '192.0.2.1': '2;2;2;2;2', '192.0.2.9': '1;1;1;1;1' })
  })

  test('give the text in pieces, not all at once', async () => {
    const store = memoryAllowlist()
    for (let i = 0; i < 2500; i++) store.put(`10.0.${i >> 8}.${i & 255}`, '1;1;1;1;1')
    const pieces = await exported(store)
    assert.deepEqual(
      pieces.map((piece) => piece.split('\n').length - 1),
      [1000, 1000, 500],
    )
  })
})

describe('lines from a stream', () => {
  const linesOf = async (pieces: readonly string[]): Promise<string[]> => {
    const lines: string[] = []
    for await (const { number, text, tooLong } of boundedLines(pieces, 10)) lines.push(`${number}${tooLong ? '!' : ':'}${text}`)
    return lines
  }

  const cases: readonly { readonly what: string; readonly pieces: readonly string[]; readonly want: readonly string[] }[] = [
    { what: 'are put together', pieces: ['a', 'b\nc', '\n'], want: ['1:ab', '2:c'] },
    { what: 'need no end', pieces: ['a\nb'], want: ['1:a', '2:b'] },
    { what: 'may be empty', pieces: ['\n\na\n'], want: ['1:', '2:', '3:a'] },
    { what: 'may end with CR LF, also cut in two', pieces: ['a\r', '\nb\r\n'], want: ['1:a', '2:b'] },
    { what: 'may be as long as the limit', pieces: ['0123456789\n', '01234', '56789\n'], want: ['1:0123456789', '2:0123456789'] },
    { what: 'are cut when they are longer', pieces: ['0123456789x\nb\n'], want: ['1!0123456789', '2:b'] },
    { what: 'are cut when they come in many pieces', pieces: ['012345', '67890123', '456789', 'z\nb\n'], want: ['1!0123456789', '2:b'] },
  ]
  for (const { what, pieces, want } of cases) test(what, async () => assert.deepEqual(await linesOf(pieces), want))
})
