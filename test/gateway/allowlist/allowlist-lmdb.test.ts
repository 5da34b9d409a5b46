// The store in an LMDB file: what survives, what is shared, and what happens with unusable directories and files.
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { describe, test, type TestContext } from 'node:test'
import { openLmdbAllowlist } from '../../../gateway/allowlist/allowlist-lmdb.ts'
import type { LocalAllowlist } from '../../../gateway/allowlist/allowlist-store.ts'
import { DataDirectoryError, prepareDataDirectory } from '../../../gateway/allowlist/data-directory.ts'

const record = '1700086400;1700003600;1;1;1'
const fileIn = (directory: string): string => join(directory, 'allowlist.lmdb')

function newDirectory(t: TestContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'allowlist-lmdb-'))
  t.after(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

async function openIn(t: TestContext, directory: string, warn = (text: string): void => assert.fail(text)): Promise<LocalAllowlist> {
  const store = await openLmdbAllowlist({ directory, warn })
  t.after(() => store.close())
  return store
}

/** A directory with a good file of so many records. */
async function filled(t: TestContext, records: number): Promise<string> {
  const directory = newDirectory(t)
  const store = await openIn(t, directory)
  for (let i = 0; i < records; i++) store.put(`10.${i >> 16}.${(i >> 8) & 255}.${i & 255}`, record)
  await store.close()
  return directory
}

/** Another process with the store open as `store`; `program` may await. */
function otherProcess(t: TestContext, directory: string, program: string, shell = ''): ChildProcess {
  const module = new URL('../../../gateway/allowlist/allowlist-lmdb.ts', import.meta.url).href
  const text = `import { openLmdbAllowlist } from ${JSON.stringify(module)}
    const store = await openLmdbAllowlist({ directory: ${JSON.stringify(directory)}, warn: (text) => console.log('warning: ' + text) })
    ${program}`
  const args = ['--input-type=module', '--eval', text]
  const child =
    shell === ''
      ? spawn(process.execPath, args, { stdio: ['pipe', 'pipe', 'ignore'] })
      : spawn('sh', ['-c', `${shell}; exec "$0" "$@"`, process.execPath, ...args], { stdio: ['pipe', 'pipe', 'ignore'] })
  t.after(() => child.kill('SIGKILL'))
  return child
}

function linesOf(child: ChildProcess): AsyncIterator<string> {
  assert.ok(child.stdout)
  return createInterface({ input: child.stdout })[Symbol.asyncIterator]()
}

async function nextLine(lines: AsyncIterator<string>): Promise<string> {
  const { value, done } = await lines.next()
  assert.equal(done, false, 'the other process ended early')
  return value
}

describe('the LMDB store', () => {
  test('keeps its records when it is closed and opened again, in a directory that it makes', async (t) => {
    const directory = join(newDirectory(t), 'deep', 'er')
    const first = await openIn(t, directory)
    first.put('192.0.2.1', record)
    first.put('2001:db8::1', record)
    await first.close()
    const second = await openIn(t, directory)
    assert.equal(second.get('192.0.2.1'), record)
    assert.equal(second.get('2001:db8::1'), record)
    assert.equal(second.size(), 2)
  })

  test('keeps what was flushed when its process is killed in the midst of writing', async (t) => {
    const directory = newDirectory(t)
    const child = otherProcess(
      t,
      directory,
      `for (let i = 0; ; i++) {
        for (let j = 0; j < 500; j++) store.put('10.' + i + '.' + (j >> 8) + '.' + (j & 255), '${record}')
        await store.flush()
        console.log(i)
      }`,
    )
    const lines = linesOf(child)
    let flushed = 0
    for (let i = 0; i < 20; i++) flushed = Number(await nextLine(lines))
    child.kill('SIGKILL')
    await once(child, 'exit')
    const store = await openIn(t, directory)
    for (let i = 0; i <= flushed; i++) assert.equal(store.get(`10.${i}.1.243`), record, `batch ${i} of ${flushed}`)
    store.put('192.0.2.1', record)
    await store.flush()
    assert.equal(store.get('192.0.2.1'), record)
  })

  test('is shared by several processes', async (t) => {
    const directory = newDirectory(t)
    const store = await openIn(t, directory)
    const child = otherProcess(
      t,
      directory,
      `for await (const line of process.stdin) {
        const [verb, key] = line.toString().trim().split(' ')
        if (verb === 'put') { store.put(key, '${record}'); await store.flush() }
        console.log(store.get(key) ?? 'none')
      }`,
    )
    const lines = linesOf(child)
    child.stdin?.write('put 192.0.2.1\n')
    assert.equal(await nextLine(lines), record)
    await new Promise(setImmediate)
    assert.equal(store.get('192.0.2.1'), record)
    store.put('192.0.2.2', record)
    store.remove('192.0.2.1')
    await store.flush()
    child.stdin?.write('get 192.0.2.2\n')
    assert.equal(await nextLine(lines), record)
    child.stdin?.write('get 192.0.2.1\n')
    assert.equal(await nextLine(lines), 'none')
    child.stdin?.end()
    await once(child, 'exit')
  })

  test('goes on without the disk when it is full, and says so', async (t) => {
    const directory = newDirectory(t)
    // 2,048 blocks of 512 bytes (POSIX) are the most that a file may have in this process.
    const child = otherProcess(
      t,
      directory,
      `for (let i = 0; i < 30_000; i++) { store.put('10.' + (i >> 16) + '.' + ((i >> 8) & 255) + '.' + (i & 255), '${record}'); if (i % 1000 === 0) await store.flush() }
      await store.flush()
      let found = 0
      for (let i = 0; i < 30_000; i++) if (store.get('10.' + (i >> 16) + '.' + ((i >> 8) & 255) + '.' + (i & 255)) === '${record}') found++
      console.log('found ' + found)
      await store.close()
      console.log('closed')
      process.exit()`,
      'ulimit -f 2048',
    )
    const lines = linesOf(child)
    const printed: string[] = []
    for (let line = ''; line !== 'closed'; printed.push(line)) line = await nextLine(lines)
    assert.match(
      printed[0] ?? '',
      /^warning: lmdb:.*allowlist\.lmdb: could not update entry: writing failed \(.*(large|space|error).*\), and is not tried again/i,
    )
    assert.ok(printed.includes('found 30000'), printed.join('\n'))
  })
})

describe('an unusable directory is refused with its name and advice:', () => {
  test('a file in place of the directory', async (t) => {
    const file = join(newDirectory(t), 'file')
    writeFileSync(file, '')
    await assert.rejects(openLmdbAllowlist({ directory: file, warn: assert.fail }), (error) => {
      assert.ok(error instanceof DataDirectoryError)
      assert.equal(error.directory, file)
      assert.match(error.message, /^the temporary allowlist cannot be kept in .*file: .*; configure a directory, not a file$/)
      return true
    })
  })

  test('a directory below a file', async (t) => {
    const file = join(newDirectory(t), 'file')
    writeFileSync(file, '')
    await assert.rejects(openLmdbAllowlist({ directory: join(file, 'sub'), warn: assert.fail }), DataDirectoryError)
  })

  for (const what of ['a new file', 'an existing file'] as const) {
    test(`a directory that may not be written to, with ${what}`, async (t) => {
      const directory = what === 'a new file' ? newDirectory(t) : await filled(t, 1)
      for (const name of readdirSync(directory)) chmodSync(join(directory, name), 0o444)
      chmodSync(directory, 0o555)
      const isRoot = process.geteuid?.() === 0
      // Root may write anywhere, so the test changes to another user for a moment.
      if (isRoot) process.seteuid?.(65_534)
      try {
        assert.throws(() => prepareDataDirectory(fileIn(directory)), {
          name: 'DataDirectoryError',
          directory,
          advice: 'give the user of the gateway write permission (in a pod: securityContext.fsGroup)',
        })
      } finally {
        if (isRoot) process.seteuid?.(0)
        chmodSync(directory, 0o755)
      }
    })
  }
})

const damages: readonly { readonly what: string; readonly damage: (path: string) => void }[] = [
  { what: 'text', damage: (path) => writeFileSync(path, 'hello\n') },
  { what: 'zeros', damage: (path) => writeFileSync(path, Buffer.alloc(100_000)) },
  {
    what: 'noise',
    damage: (path) => writeFileSync(path, Buffer.from(Array.from({ length: 100_000 }, (_, i) => (i * 2_654_435_761) >>> 13))),
  },
  { what: 'a good file cut short', damage: (path) => truncateSync(path, 12_288) },
  { what: 'a good file without its last page', damage: (path) => truncateSync(path, statSync(path).size - 4096) },
  {
    what: 'a good file with a hole of zeros',
    damage: (path) => {
      const bytes = readFileSync(path)
      writeFileSync(path, bytes.fill(0, 8192, bytes.length - 8192))
    },
  },
]

describe('a damaged file is moved aside and a new one begun:', () => {
  for (const { what, damage } of damages) {
    test(what, async (t) => {
      const directory = await filled(t, 20_000)
      const path = fileIn(directory)
      writeFileSync(`${path}.corrupt-1`, 'an earlier one')
      damage(path)
      const bytes = readFileSync(path)
      const warnings: string[] = []
      const store = await openIn(t, directory, (text) => warnings.push(text))
      assert.equal(warnings.length, 1)
      const aside = /it is now (\S+\.corrupt-\d+), and the temporary allowlist starts empty$/.exec(warnings[0] ?? '')?.[1] ?? ''
      assert.ok(warnings[0]?.startsWith(`lmdb:${path}: the file is damaged (`), warnings[0] ?? '')
      assert.equal(dirname(aside), directory)
      assert.deepEqual(readFileSync(aside), bytes)
      assert.equal(existsSync(`${path}.corrupt-1`), false, 'only the latest is kept')
      assert.equal(store.get('10.0.0.1'), undefined)
      store.put('10.0.0.1', record)
      await store.flush()
      assert.equal(store.get('10.0.0.1'), record)
    })
  }

  test('an empty file is not damaged', async (t) => {
    const directory = newDirectory(t)
    writeFileSync(fileIn(directory), '')
    const store = await openIn(t, directory)
    assert.equal(store.size(), 0)
  })
})
