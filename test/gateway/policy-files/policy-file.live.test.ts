// The policy file: what is loaded with it, and that every way of changing it is noticed.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, truncateSync, unlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import type { Problem } from '../../../crds/policy.ts'
import type { LoadedPolicy } from '../../../gateway/policy-files/loaded-policy.ts'
import { loadPolicy } from '../../../gateway/policy-files/policy-file.ts'
import { type PolicyWatch, watchPolicy } from '../../../gateway/policy-files/policy-watch.ts'
import { unless } from '../../peers/require.ts'
import { decisionsOf } from '../../support/compiled-table.ts'

const skip = unless('openssl')

const manifest = (name: string, more = ''): string =>
  `apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: ${name}}\nspec:\n  backend: {addresses: ["192.0.2.1:10025"]}\n${more}`

/** Of another length: in place, a file system whose clock ticks every 4 ms shows two quick writes of one length as one. */
const two = manifest('two', '  greet: {wait: 5s}\n')

const withTable = (name: string, file = 'access.cidr'): string => manifest(name, `  access: [{table: {file: ${file}}}]\n`)
/** Without the hand-off in the same session, only the gateway has a certificate. */
const withTls = (name: string): string =>
  manifest(name, '  deepTests: {handoff: Reconnect}\n  tls: {level: May, certFile: tls/tls.crt, keyFile: tls/tls.key}\n')

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'policy-file-'))
  t.after(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}

/** Longer than a busy machine ever takes; a second is what is promised. */
const patienceMs = 20_000

/** What a watch announces, one after the other, as a short text each. */
class Announcements {
  readonly all: string[] = []
  readonly watch: PolicyWatch
  loaded: LoadedPolicy | undefined
  problems: readonly Problem[] = []
  refuse: string | undefined
  #taken = 0
  #wake: () => void = () => undefined

  constructor(t: TestContext, path: string, refuse?: string) {
    this.refuse = refuse
    this.watch = watchPolicy(path, {
      onPolicy: (loaded) => {
        if (this.refuse !== undefined) throw new Error(this.refuse)
        this.loaded = loaded
        this.#add(`policy ${loaded.policy.metadata.name}`)
      },
      onRefused: ({ problems }) => {
        this.problems = problems
        this.#add('problems')
      },
    })
    t.after(() => this.watch.close())
  }

  #add(what: string): void {
    this.all.push(what)
    this.#wake()
  }

  async next(): Promise<string> {
    while (this.all.length <= this.#taken) {
      const { promise, resolve, reject } = Promise.withResolvers<void>()
      const late = setTimeout(() => reject(new Error(`nothing was announced after ${this.all.join(', ')}`)), patienceMs)
      this.#wake = resolve
      await promise.finally(() => clearTimeout(late))
    }
    return this.all[this.#taken++] ?? ''
  }
}

/** A certificate with its key; several tests need one, and making it takes a while. */
function makePair(folder: string): void {
  mkdirSync(join(folder, 'tls'), { recursive: true })
  const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=mx']
  execFileSync('openssl', [...args, '-keyout', join(folder, 'tls/tls.key'), '-out', join(folder, 'tls/tls.crt')], { stdio: 'ignore' })
}

function load(path: string): LoadedPolicy {
  const reading = loadPolicy(path)
  assert.ok('loaded' in reading, 'problems' in reading ? JSON.stringify(reading.problems) : '')
  return reading.loaded
}

describe('a policy file', () => {
  test('is loaded with its hash', (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    writeFileSync(path, manifest('mx'))
    const loaded = load(path)
    assert.equal(loaded.policy.metadata.name, 'mx')
    assert.equal(loaded.hash, createHash('sha256').update(readFileSync(path)).digest('hex'))
    assert.equal(loaded.tables.size, 0)
    assert.equal(loaded.tls, undefined)
  })

  test('brings its tables, by the names it gives them, relative to its folder', (t) => {
    const folder = newFolder(t)
    mkdirSync(join(folder, 'lists'))
    writeFileSync(join(folder, 'lists/a.cidr'), '192.0.2.0/24 permit\n')
    writeFileSync(join(folder, 'b.cidr'), '198.51.100.0/24 reject\n')
    const tables = `  access: [{table: {file: lists/a.cidr}}, {table: {file: ${join(folder, 'b.cidr')}}}]\n`
    writeFileSync(join(folder, 'policy.yaml'), manifest('mx', tables))
    const loaded = [...load(join(folder, 'policy.yaml')).tables].map(([name, table]) => [name, decisionsOf(table)])
    assert.deepEqual(loaded, [
      ['lists/a.cidr', ['Permit']],
      [join(folder, 'b.cidr'), ['Reject']],
    ])
  })

  test('brings its certificate, relative to its folder', { skip }, (t) => {
    const folder = newFolder(t)
    makePair(folder)
    writeFileSync(join(folder, 'policy.yaml'), withTls('mx'))
    assert.equal(load(join(folder, 'policy.yaml')).tls?.info.subject, 'CN=mx')
  })
})

interface Refusal {
  readonly what: string
  readonly make: (folder: string) => void
  /** Path, and how the reason begins. */
  readonly want: (folder: string) => readonly (readonly [path: string, why: string])[]
}

const write = (folder: string, text: string): void => writeFileSync(join(folder, 'policy.yaml'), text)

const refusals: readonly Refusal[] = [
  { what: 'that is not there', make: () => undefined, want: () => [['manifest', 'cannot be read: ENOENT: no such file or directory']] },
  {
    what: 'that is a directory',
    make: (folder) => mkdirSync(join(folder, 'policy.yaml')),
    want: (folder) => [['manifest', `cannot be read: ${folder}/policy.yaml is not a regular file`]],
  },
  {
    what: 'that is a pipe, without waiting for it',
    make: (folder) => execFileSync('mkfifo', [join(folder, 'policy.yaml')]),
    want: (folder) => [['manifest', `cannot be read: ${folder}/policy.yaml is not a regular file`]],
  },
  {
    what: 'that is far too large',
    make: (folder) => {
      write(folder, '')
      truncateSync(join(folder, 'policy.yaml'), 9 * 2 ** 20)
    },
    want: (folder) => [['manifest', `cannot be read: ${folder}/policy.yaml has 9437184 bytes; the limit is 8388608`]],
  },
  { what: 'that is not YAML', make: (folder) => write(folder, 'a: b: c\n'), want: () => [['line 1', 'is not valid YAML']] },
  {
    what: 'with mistakes, all of them at once',
    make: (folder) => write(folder, manifest('mx', '  greet: {wait: long}\n  dnsbl: {threshold: 0}\n')),
    want: () => [
      ['spec.greet.wait', 'must be a time'],
      ['spec.dnsbl.threshold', 'must be a whole number from 1'],
    ],
  },
  {
    what: 'with a table that is not there beside one with bad lines',
    make: (folder) => {
      writeFileSync(join(folder, 'bad.cidr'), '192.0.2.0/24 permit\n192.0.2.1/24 permit\n198.51.100.1 maybe\n')
      write(folder, manifest('mx', '  access: [{table: {file: none.cidr}}, {table: {file: bad.cidr}}]\n'))
    },
    want: () => [['spec.access[0].table.file', 'cannot be read: ENOENT']],
  },
  {
    what: 'with level Encrypt and a certificate that is not there',
    make: (folder) => write(folder, withTls('mx').replace('May', 'Encrypt')),
    want: () => [['spec.tls.certFile', 'cannot be read: ENOENT']],
  },
]

describe('a policy file is refused', () => {
  for (const { what, make, want } of refusals) {
    test(what, (t) => {
      const folder = newFolder(t)
      make(folder)
      const refused = loadPolicy(join(folder, 'policy.yaml'))
      assert.ok('problems' in refused)
      const wanted = want(folder)
      assert.deepEqual(
        refused.problems.map(({ path, why }, i) => [path, why.slice(0, wanted[i]?.[1].length)]),
        wanted,
      )
    })
  }
})

/** Each way of changing a file of the policy; `begin` lays out the folder and gives the path of the policy file. */
interface Change {
  readonly what: string
  readonly needs?: string | false
  readonly begin: (folder: string) => string
  readonly change: (folder: string) => void
  readonly want: string
}

const changes: readonly Change[] = [
  {
    what: 'it is written in place',
    begin: (folder) => {
      writeFileSync(join(folder, 'policy.yaml'), manifest('one'))
      return join(folder, 'policy.yaml')
    },
    change: (folder) => writeFileSync(join(folder, 'policy.yaml'), two),
    want: 'policy two',
  },
  {
    what: 'another file is renamed over it',
    begin: (folder) => {
      writeFileSync(join(folder, 'policy.yaml'), manifest('one'))
      return join(folder, 'policy.yaml')
    },
    change: (folder) => {
      writeFileSync(join(folder, '.new'), manifest('two'))
      renameSync(join(folder, '.new'), join(folder, 'policy.yaml'))
    },
    want: 'policy two',
  },
  {
    what: 'the kubelet swaps the folder of a mounted ConfigMap',
    begin: (folder) => {
      mkdirSync(join(folder, '..2026_01'))
      writeFileSync(join(folder, '..2026_01/policy.yaml'), manifest('one'))
      symlinkSync('..2026_01', join(folder, '..data'))
      symlinkSync('..data/policy.yaml', join(folder, 'policy.yaml'))
      return join(folder, 'policy.yaml')
    },
    change: (folder) => {
      mkdirSync(join(folder, '..2026_02'))
      writeFileSync(join(folder, '..2026_02/policy.yaml'), manifest('two'))
      symlinkSync('..2026_02', join(folder, '..data_tmp'))
      renameSync(join(folder, '..data_tmp'), join(folder, '..data'))
      rmSync(join(folder, '..2026_01'), { recursive: true })
    },
    want: 'policy two',
  },
  {
    what: 'its whole folder is replaced',
    begin: (folder) => {
      mkdirSync(join(folder, 'etc'))
      writeFileSync(join(folder, 'etc/policy.yaml'), manifest('one'))
      return join(folder, 'etc/policy.yaml')
    },
    change: (folder) => {
      mkdirSync(join(folder, 'new'))
      writeFileSync(join(folder, 'new/policy.yaml'), manifest('two'))
      renameSync(join(folder, 'etc'), join(folder, 'old'))
      renameSync(join(folder, 'new'), join(folder, 'etc'))
    },
    want: 'policy two',
  },
  {
    what: 'it is deleted',
    begin: (folder) => {
      writeFileSync(join(folder, 'policy.yaml'), manifest('one'))
      return join(folder, 'policy.yaml')
    },
    change: (folder) => unlinkSync(join(folder, 'policy.yaml')),
    want: 'problems',
  },
  {
    what: 'a table of it changes',
    begin: (folder) => {
      writeFileSync(join(folder, 'access.cidr'), '192.0.2.0/24 permit\n')
      writeFileSync(join(folder, 'policy.yaml'), withTable('one'))
      return join(folder, 'policy.yaml')
    },
    change: (folder) => writeFileSync(join(folder, 'access.cidr'), '192.0.2.0/24   reject\n'),
    want: 'policy one',
  },
  {
    what: 'its certificate changes',
    needs: skip,
    begin: (folder) => {
      makePair(folder)
      writeFileSync(join(folder, 'policy.yaml'), withTls('one'))
      return join(folder, 'policy.yaml')
    },
    change: makePair,
    want: 'policy one',
  },
]

describe('a watched policy is announced again when', () => {
  for (const { what, needs = false, begin, change, want } of changes) {
    test(what, { skip: needs }, async (t) => {
      const folder = newFolder(t)
      const said = new Announcements(t, begin(folder))
      assert.equal(await said.next(), 'policy one')
      change(folder)
      assert.equal(await said.next(), want)
    })
  }

  test('its content was wrong at first', async (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    const said = new Announcements(t, path)
    assert.equal(await said.next(), 'problems')
    writeFileSync(path, manifest('one'))
    assert.equal(await said.next(), 'policy one')
  })

  test('it was wrong for a while, though it is the same as before', async (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    writeFileSync(path, manifest('one'))
    const said = new Announcements(t, path)
    assert.equal(await said.next(), 'policy one')
    writeFileSync(path, manifest('one').slice(0, -40))
    assert.equal(await said.next(), 'problems')
    assert.ok(said.problems.length > 0)
    writeFileSync(path, manifest('one'))
    assert.equal(await said.next(), 'policy one')
  })

  describe('a large table', () => {
    const large = (decision: string): string =>
      Array.from({ length: 30_000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24 ${decision}\n`).join('')

    test('is read in a thread, and comes with its policy', async (t) => {
      const folder = newFolder(t)
      writeFileSync(join(folder, 'policy.yaml'), withTable('one', 'access.cidr'))
      writeFileSync(join(folder, 'access.cidr'), '192.0.2.0/24 permit\n')
      const said = new Announcements(t, join(folder, 'policy.yaml'))
      assert.equal(await said.next(), 'policy one')
      writeFileSync(join(folder, 'access.cidr'), large('reject'))
      said.watch.reload()
      assert.equal(said.all.length, 1, 'its thread has read it already?')
      assert.equal(await said.next(), 'policy one')
      assert.equal(said.loaded?.tables.get('access.cidr')?.starts4[0], 10 * 2 ** 24)
    })

    test('that changes while it is read comes as it is in the end', async (t) => {
      const folder = newFolder(t)
      writeFileSync(join(folder, 'policy.yaml'), withTable('one', 'access.cidr'))
      writeFileSync(join(folder, 'access.cidr'), large('reject'))
      const said = new Announcements(t, join(folder, 'policy.yaml'))
      assert.equal(await said.next(), 'policy one')
      writeFileSync(join(folder, 'access.cidr'), large('permit'))
      said.watch.reload()
      writeFileSync(join(folder, 'access.cidr'), '192.0.2.0/24 dunno\n')
      const last = (): readonly string[] => [...(said.loaded?.tables.values() ?? [])].flatMap(decisionsOf)
      while (last()[0] !== 'Dunno') await said.next()
      assert.equal(last().length, 1)
    })

    test('with bad lines is taken without them, and they are told', async (t) => {
      const folder = newFolder(t)
      writeFileSync(join(folder, 'policy.yaml'), withTable('one', 'access.cidr'))
      writeFileSync(join(folder, 'access.cidr'), large('reject'))
      const said = new Announcements(t, join(folder, 'policy.yaml'))
      assert.equal(await said.next(), 'policy one')
      writeFileSync(join(folder, 'access.cidr'), `${large('reject')}10.0.0.1/8 reject\n`)
      assert.equal(await said.next(), 'policy one')
      assert.deepEqual(
        said.loaded?.skipped.map(({ table, lines, first }) => [table, lines, first[0]?.line]),
        [['access.cidr', 1, 30_001]],
      )
    })
  })

  test('a table that was missing appears', async (t) => {
    const folder = newFolder(t)
    writeFileSync(join(folder, 'policy.yaml'), withTable('one', 'lists/access.cidr'))
    const said = new Announcements(t, join(folder, 'policy.yaml'))
    assert.equal(await said.next(), 'problems')
    mkdirSync(join(folder, 'lists'))
    writeFileSync(join(folder, 'lists/access.cidr'), '192.0.2.0/24 permit\n')
    assert.equal(await said.next(), 'policy one')
    assert.deepEqual([...(said.loaded?.tables.values() ?? [])].map(decisionsOf), [['Permit']])
  })
})

describe('a watched policy', () => {
  test('is announced before the watch is there', (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    writeFileSync(path, manifest('one'))
    assert.deepEqual(new Announcements(t, path).all, ['policy one'])
  })

  test('is announced again when asked', async (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    const said = new Announcements(t, path)
    assert.equal(await said.next(), 'problems')
    said.watch.reload()
    assert.equal(await said.next(), 'problems')
    writeFileSync(path, manifest('one'))
    said.watch.reload()
    assert.equal(await said.next(), 'policy one')
    assert.deepEqual(said.all, ['problems', 'problems', 'policy one'])
  })

  test('that cannot be put in force is a problem, and is tried again when it changes', async (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    writeFileSync(path, manifest('one'))
    const said = new Announcements(t, path, 'no memory')
    assert.equal(await said.next(), 'problems')
    assert.deepEqual(said.problems, [{ path: 'manifest', why: 'cannot be put in force: no memory' }])
    said.refuse = undefined
    writeFileSync(path, two)
    assert.equal(await said.next(), 'policy two')
  })

  test('is not announced while it stays as it is, good or bad', async (t) => {
    const folder = newFolder(t)
    const path = join(folder, 'policy.yaml')
    const other = join(folder, 'other.yaml')
    writeFileSync(path, manifest('one', '  greet: {wait: long}\n'))
    const said = new Announcements(t, path)
    assert.equal(await said.next(), 'problems')
    // Another watch shows that time enough has passed for several looks.
    writeFileSync(other, manifest('a'))
    const clock = new Announcements(t, other)
    await clock.next()
    for (const name of ['b', 'c', 'd']) {
      writeFileSync(other, manifest(name))
      await clock.next()
    }
    assert.deepEqual(said.all, ['problems'])
  })

  test('is silent after it was closed', async (t) => {
    const path = join(newFolder(t), 'policy.yaml')
    writeFileSync(path, manifest('one'))
    const first = new Announcements(t, path)
    const second = new Announcements(t, path)
    await second.next()
    first.watch.close()
    first.watch.reload()
    writeFileSync(path, two)
    assert.equal(await second.next(), 'policy two')
    assert.deepEqual(first.all, ['policy one'])
  })
})
