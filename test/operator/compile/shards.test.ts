// Tables on their way: however long, each ConfigMap is below its limit, and the gateway gets every byte.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { isTableFile, type TableFile, tableFile } from '../../../operator/compile/access-tables.ts'
import { type Shard, shardBytes, shardsOf } from '../../../operator/compile/shards.ts'

const mebibyte = 2 ** 20
const sizeOf = (shard: Shard): number => [...shard.values()].reduce((sum, bytes) => sum + bytes.length, 0)
const file = (name: string, length: number, fill = 0): TableFile => ({ name, bytes: Buffer.alloc(length, fill), rules: 0 })

/** The bytes of a table, put together as the gateway does it: FILE, or else FILE.0, FILE.1, … as far as they go. */
function together(shards: readonly Shard[], name: string): Buffer {
  const files = new Map(shards.flatMap((shard) => [...shard]))
  const whole = files.get(name)
  if (whole !== undefined) return whole
  const parts: Buffer[] = []
  for (let part = files.get(`${name}.0`); part !== undefined; part = files.get(`${name}.${parts.length}`)) parts.push(part)
  return Buffer.concat(parts)
}

/** Networks without a pattern, which compress as badly as real lists do. */
function networks(count: number): string {
  let state = 1
  const next = (): number => (state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0)
  const byte = (): number => next() >>> 24
  return Array.from({ length: count }, () => `${byte()}.${byte()}.${byte()}.${byte()} reject\n`).join('')
}

function made(text: string): TableFile {
  const table = tableFile(text, 'spec', 'table')
  assert.ok(isTableFile(table))
  return table
}

describe('shards', () => {
  test('without tables there are none', () => assert.deepEqual(shardsOf([]), []))

  const cases: readonly { readonly what: string; readonly files: readonly TableFile[]; readonly want: readonly (readonly string[])[] }[] = [
    { what: 'small tables share one', files: [file('a', 10), file('b', 20)], want: [['a', 'b']] },
    { what: 'a table that just fits is not divided', files: [file('a', shardBytes)], want: [['a']] },
    { what: 'a ConfigMap holds 900 KiB', files: [file('a', 921_600)], want: [['a']] },
    { what: 'a ConfigMap holds no byte more', files: [file('a', 921_601)], want: [['a.0'], ['a.1']] },
    { what: 'a byte more makes two parts', files: [file('a', shardBytes + 1)], want: [['a.0'], ['a.1']] },
    {
      what: 'what follows a divided table fills up its last shard',
      files: [file('a', 2 * shardBytes + 5), file('b', 7)],
      want: [['a.0'], ['a.1'], ['a.2', 'b']],
    },
    {
      what: 'a table that does not fit any more begins a new one',
      files: [file('a', shardBytes - 5), file('b', 6), file('c', 5)],
      want: [['a'], ['b', 'c']],
    },
    { what: 'a table that just fits into what is left shares it', files: [file('a', shardBytes - 5), file('b', 5)], want: [['a', 'b']] },
    { what: 'a table of twice the size makes two parts', files: [file('a', 2 * shardBytes)], want: [['a.0'], ['a.1']] },
    { what: 'the same table twice is stored once', files: [file('a', 10), file('b', 1), file('a', 10)], want: [['a', 'b']] },
    { what: 'an empty table is there too', files: [file('a', 0)], want: [['a']] },
  ]
  for (const { what, files, want } of cases) {
    test(what, () =>
      assert.deepEqual(
        shardsOf(files).map((shard) => [...shard.keys()]),
        want,
      ),
    )
  }

  test('100,000 networks fit below a mebibyte each, and put together they are the table again', () => {
    const text = networks(100_000)
    const table = made(text)
    const shards = shardsOf([table])
    for (const shard of shards) assert.ok(sizeOf(shard) < mebibyte, `${sizeOf(shard)} bytes`)
    const back = gunzipSync(together(shards, table.name)).toString('utf8')
    assert.equal(back, text)
    assert.equal(parseAccessTable(back).rules.length, 100_000)
  })

  test('one huge table goes into parts, and a small one beside it is whole', () => {
    const [huge, small] = [made(networks(250_000)), made('192.0.2.1 permit\n')]
    const shards = shardsOf([huge, small])
    assert.ok(shards.length > 1)
    assert.equal(together(shards, huge.name).compare(huge.bytes), 0)
    assert.equal(together(shards, small.name).compare(small.bytes), 0)
  })

  test('any tables come back as they were, from shards that are never too full', () => {
    const sizes = fc.array(fc.oneof(fc.nat(1000), fc.nat(3 * shardBytes), fc.constantFrom(shardBytes, shardBytes + 1)), { maxLength: 6 })
    const property = fc.property(sizes, (lengths) => {
      const files = lengths.map((length, at) => file(`t${at}.cidr.gz`, length, at))
      const shards = shardsOf(files)
      for (const shard of shards) assert.ok(sizeOf(shard) <= shardBytes && shard.size > 0)
      for (const { name, bytes } of files) assert.equal(together(shards, name).compare(bytes), 0, name)
    })
    fc.assert(property, { numRuns: 50 })
  })
})

describe('the file of a table', () => {
  test('is called after its content', () => {
    const [a, b] = [made('192.0.2.1 permit\n'), made('192.0.2.1 reject\n')]
    assert.match(a.name, /^table-[0-9a-f]{16}\.cidr\.gz$/)
    assert.notEqual(a.name, b.name)
    assert.equal(made('192.0.2.1 permit\n').bytes.compare(a.bytes), 0, 'and the same each time')
  })
})
