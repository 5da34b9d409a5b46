// `postscreen lists check` against a real rbldnsd with lists that are bad in several ways.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { unless } from '../peers/require.ts'
import { type Rbldnsd, startRbldnsd, type Zone } from '../gateway/dns/rbldnsd.ts'

const skip = unless('rbldnsd')
const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const soa = '$SOA 300 ns.test hostmaster.test 0 600 300 86400 300'
const set = (name: string, ...lines: readonly string[]): Zone => ({ name, type: 'ip4set', lines: [soa, ...lines] })
const everything = (name: string, address: string): Zone => ({ name, type: 'ip4trie', lines: [soa, `0.0.0.0/0 :${address}:x`] })

const zones: readonly Zone[] = [
  set('good.test', ':127.0.0.2:x', '127.0.0.2', '192.0.2.0/24'),
  set('empty.test'),
  everything('all.test', '127.0.0.2'),
  everything('public.test', '127.255.255.254'),
  everything('secret0key0of0mine.keyed.test', '127.255.255.250'),
  everything('list.dnswl.org', '127.0.10.3'),
  set('without.test', ':127.0.0.2:x', '192.0.2.0/24'),
]

interface Row {
  readonly list: string
  readonly weights: readonly number[]
  readonly state: string
  readonly reason?: string
  readonly advice?: string
}

let rbldnsd: Rbldnsd
const folder = mkdtempSync(join(tmpdir(), 'lists-'))

function run(...args: readonly string[]): Promise<{ readonly code: number | null; readonly out: string; readonly err: string }> {
  const child = spawn(process.execPath, [entry, 'lists', ...args])
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString()))
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })))
}

const resolver = (): readonly string[] => ['--resolver', `127.0.0.1:${rbldnsd.endpoint.port}`, '--timeout', '2s']

function policyFile(dnsbl: object): string {
  const spec = { backend: { addresses: ['192.0.2.1:25'] }, dnsbl }
  const file = join(folder, 'mx.yaml')
  writeFileSync(file, JSON.stringify({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec }))
  return file
}

describe('postscreen lists check', { skip }, () => {
  before(async () => {
    rbldnsd = await startRbldnsd(zones)
  })
  after(async () => {
    await rbldnsd.stop()
    rmSync(folder, { recursive: true })
  })

  test('shows each list of a policy with its weight, its state, and what to do', async () => {
    writeFileSync(join(folder, 'key'), 'secret0key0of0mine\n')
    const sites = [
      { domain: 'good.test', weight: 3 },
      { domain: 'empty.test' },
      { domain: 'all.test' },
      { domain: 'public.test' },
      { domain: 'keyed.test', keyFile: 'key' },
      { domain: 'list.dnswl.org', replies: '127.0.[0..255].[1..3]', weight: -4 },
      { domain: 'without.test' },
      { domain: 'dnsbl.sorbs.net' },
    ]
    const catalogue = [{ domain: 'without.test', testPoints: { listed: [] } }]
    const { code, out, err } = await run('check', '--policy', policyFile({ sites, catalogue }), '-o', 'json', ...resolver())
    assert.equal(err, '')
    assert.equal(code, 1)
    assert.ok(!out.includes('secret0key'), 'the key must not be shown')
    const { resolver: state, lists } = JSON.parse(out) as { readonly resolver: string; readonly lists: readonly Row[] }
    assert.equal(state, 'works')
    assert.deepEqual(
      lists.map((row) => [row.list, ...row.weights, row.state, row.reason ?? '-'].join(' ')),
      [
        'good.test 3 healthy -',
        'empty.test 1 faulty NoTestEntry',
        'all.test 1 faulty ListsEverything',
        'public.test 1 faulty PublicResolver',
        'keyed.test 1 faulty KeyDisabled',
        'list.dnswl.org -4 faulty OverLimitAnswersHigh',
        'without.test 1 untested -',
        'dnsbl.sorbs.net 1 closed -',
      ],
    )
    assert.match(lists[3]?.advice ?? '', /DNS resolver of your own/)
  })

  test('prints a table, and ends with 0 when all lists are well', async () => {
    const { code, out } = await run('check', '--policy', policyFile({ sites: [{ domain: 'good.test', weight: 3 }] }), ...resolver())
    assert.equal(code, 0)
    assert.equal(out, 'LIST       WEIGHT  STATE    REASON  ANSWER\ngood.test  3       healthy  -       -\n')
  })

  test('says that the DNS resolver is down, and does not blame the lists', async () => {
    const { code, out } = await run('check', 'good.test', '--resolver', '127.0.0.1:9', '--timeout', '1s')
    assert.equal(code, 0)
    assert.match(out, /^The DNS resolver does not answer: nothing can be said about the lists/)
    assert.match(out, /^good\.test +- +unclear /m)
  })

  test('refuses wrong arguments', async () => {
    for (const args of [[], ['list'], ['check', '-o', 'xml'], ['check', '--timeout', '0s'], ['check', '--resolver', 'x'], ['check', 'a b']])
      assert.equal((await run(...args)).code, 2, args.join(' '))
    const { code, err } = await run('check', '--policy', join(folder, 'none.yaml'))
    assert.equal(code, 1)
    assert.match(err, /none\.yaml: manifest: cannot be read/)
  })
})
