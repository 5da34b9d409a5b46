// `postscreen simulate` as it is typed: policies, logs of all forms, limits and exit codes.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import type { Result } from '../../cli/simulate/tally.ts'
import { seeded } from '../differential/random.ts'
import { rulesOf } from '../support/core-session.ts'
import { playClients } from '../simulation/play-clients.ts'
import { randomClients } from '../simulation/random-clients.ts'

const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'simulate-'))
after(() => rmSync(folder, { recursive: true }))

const own = { greet: { action: 'Enforce' as const }, dnsbl: { threshold: 2, sites: [{ domain: 'bl1.test', weight: 2 }] } }
const { lines, fates } = playClients(rulesOf(own), randomClients(seeded(5), 400))
const log = `${lines.join('\n')}\n`

function write(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

function policy(name: string, spec: object): string {
  const whole = { hostname: 'mx.example.test', backend: { addresses: ['127.0.0.1:25'] }, ...spec }
  return write(
    name,
    JSON.stringify({ apiVersion: 'postscreen.dev/v1alpha1', kind: 'PostscreenPolicy', metadata: { name: 'mx' }, spec: whole }),
  )
}

const ownPolicy = policy('own.yaml', own)
const strict = policy('strict.yaml', { ...own, dnsbl: { ...own.dnsbl, action: 'Enforce' } })
const plain = write('log', log)

function simulate(args: readonly string[], input?: string | Uint8Array) {
  return spawnSync(process.execPath, [entry, 'simulate', ...args], { encoding: 'utf8', ...(input !== undefined && { input }) })
}

function resultOf(args: readonly string[], input?: string | Uint8Array): Result {
  const { status, stdout, stderr } = simulate([...args, '-o', 'json'], input)
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as Result
}

const count = (fate: string): number => fates.filter((one) => one === fate).length

describe('a log under the policy that wrote it', () => {
  const journal = (line: string): string => `__CURSOR=s=1\n__REALTIME_TIMESTAMP=1\n_HOSTNAME=n\nMESSAGE=${line}\n\n`
  const half = lines.length >> 1
  const forms: [string, () => Result][] = [
    ['from a file', () => resultOf(['--policy', ownPolicy, plain])],
    ['from a compressed file', () => resultOf(['--policy', ownPolicy, write('log.gz', gzipSync(log))])],
    ['from standard input', () => resultOf(['--policy', ownPolicy, '-'], log)],
    ['from a compressed standard input', () => resultOf(['--policy', ownPolicy, '-'], gzipSync(log))],
    ['from an export of the journal', () => resultOf(['--policy', ownPolicy, write('journal', lines.map(journal).join(''))])],
    ['with Windows line ends and without the last one', () => resultOf(['--policy', ownPolicy, write('crlf', lines.join('\r\n'))])],
    [
      'from several files in the wrong order',
      () => resultOf(['--policy', ownPolicy, write('b', lines.slice(half).join('\n')), write('a', lines.slice(0, half).join('\n'))]),
    ],
    [
      'from two files that overlap',
      () =>
        resultOf([
          '--policy',
          ownPolicy,
          write('even', lines.filter((_, i) => i % 2 === 0).join('\n')),
          write('odd', lines.filter((_, i) => i % 2 === 1).join('\n')),
        ]),
    ],
  ]
  for (const [what, run] of forms) {
    test(`${what} does not change`, () => {
      const result = run()
      assert.equal(result.sessions, 400)
      assert.deepEqual(result.changes, [])
      assert.ok(result.unchanged > 390, String(result.unchanged))
    })
  }

  test('has what became of its clients', () => {
    const { before, unknown } = resultOf(['--policy', ownPolicy, plain])
    const missing = unknown.reduce((sum, { sessions }) => sum + sessions, 0)
    assert.ok(before['handed off'] <= count('handed off') && before['handed off'] >= count('handed off') - missing)
    assert.ok(before.refused <= count('refused') && before.refused >= count('refused') - missing)
  })
})

describe('a log of a gateway with all deep tests', () => {
  const enabled = { pipelining: { enabled: true }, nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true } }
  const specs = (['SameSession', 'Reconnect'] as const).map((handoff) => ({ ...own, deepTests: { handoff, ...enabled } }))
  const [same, again] = specs.map((spec, i) => ({
    written: write(`deep-${i}`, playClients(rulesOf(spec), randomClients(seeded(6), 400)).lines.join('\n')),
    file: policy(`deep-${i}.yaml`, spec),
  })) as [{ written: string; file: string }, { written: string; file: string }]

  for (const [what, { written, file }] of [
    ['SameSession', same],
    ['Reconnect', again],
  ] as const) {
    test(`does not change under its own policy with ${what}`, () => {
      const { sessions, changes, unchanged } = resultOf(['--policy', file, written])
      assert.equal(sessions, 400)
      assert.deepEqual(changes, [])
      // What a client said behind its hand-off is not in the log.
      assert.ok(unchanged > 350, String(unchanged))
    })
  }

  test('shows that SameSession hands off the clients that Reconnect defers', () => {
    const { changes } = resultOf(['--policy', same.file, again.written])
    assert.ok(changes.every(({ to }) => to === 'handed off'))
    const admitted = changes.filter(({ from }) => from === 'deferred').reduce((sum, { sessions }) => sum + sessions, 0)
    assert.ok(admitted > 100, String(admitted))
  })

  test('does not claim to know what clients would have said to Reconnect that were handed off before', () => {
    const { changes, unchanged, unknown } = resultOf(['--policy', again.file, same.written])
    assert.deepEqual(changes, [])
    assert.ok(unknown.length > 0 && unchanged > 40, String(unchanged))
  })
})

describe('a stricter policy', () => {
  test('shows first which clients would lose their mail server, why, and which addresses they have', () => {
    const { status, stdout } = simulate(['--policy', strict, plain])
    assert.equal(status, 0)
    assert.match(
      stdout,
      /Clients that reach a mail server now and would not:\n {2}handed off -> refused \(dnsbl\): \d+ sessions of \d+ addresses\n {6}[\d.:a-f]+ {2}\d+\n/,
    )
    assert.match(stdout, /Per minute: /)
  })

  test('is compared with the old one', () => {
    const { changes, before } = resultOf(['--policy', strict, '--old', ownPolicy, plain])
    assert.deepEqual(
      changes.map(({ from, to, by }) => ({ from, to, by })),
      [{ from: 'handed off', to: 'refused', by: 'dnsbl' }],
    )
    assert.ok(before['handed off'] > 0)
  })

  test('exceeds a limit: exit code 3', () => {
    const { status, stderr } = simulate(['--policy', strict, '--fail-on', 'changed>100%', '--fail-on', 'refused>0.1%', plain])
    assert.equal(status, 3)
    assert.match(stderr, /limit exceeded: refused>0\.1%: \d+ of 400 sessions \([\d.]+ %\)/)
  })

  test('keeps a limit: exit code 0', () => assert.equal(simulate(['--policy', strict, '--fail-on', 'refused>100%', plain]).status, 0))
})

describe('a DNS list that answered in a mail log after the tests were over', () => {
  const dnsbl = { action: 'Enforce' as const, threshold: 2, sites: [{ domain: 'bl1.test', weight: 2 }] }
  const spec = { greet: { action: 'Enforce' as const, wait: '2s' }, dnsbl }
  const was = policy('late-was.yaml', spec)
  const line = (second: number, program: string, text: string): string =>
    `2026-11-23T06:12:0${second}+00:00 mx postfix/${program}[1]: ${text}\n`
  const late = [
    line(0, 'postscreen', 'CONNECT from [203.0.113.9]:4000 to [192.0.2.1]:25'),
    line(2, 'postscreen', 'PASS NEW [203.0.113.9]:4000'),
    line(3, 'dnsblog', 'addr 203.0.113.9 listed by domain bl1.test as 127.0.0.2'),
    line(9, 'postscreen', 'CONNECT from [203.0.113.10]:4000 to [192.0.2.1]:25'),
  ].join('')
  const lateLog = write('late.log', late)

  test('changes nothing where the wait is the same', () => {
    const { unchanged, changed } = resultOf(['--policy', was, '--old', was, lateLog])
    assert.deepEqual([unchanged, changed], [1, 0])
  })

  test('is not known where the wait is longer: it is neither listed nor not listed', () => {
    const { unchanged, changed, unknown } = resultOf([
      '--policy',
      policy('late-new.yaml', { ...spec, greet: { ...spec.greet, wait: '6s' } }),
      lateLog,
    ])
    assert.deepEqual([unchanged, changed], [0, 0])
    assert.match(JSON.stringify(unknown), /greet\.wait/)
  })
})

describe('wrong arguments are refused with what is allowed:', () => {
  const cases: [string, readonly string[], number, RegExp][] = [
    ['no policy', [plain], 2, /expected a policy: --policy FILE/],
    ['no log', ['--policy', ownPolicy], 2, /expected at least one log; - is standard input/],
    ['standard input twice', ['--policy', ownPolicy, '-', '-'], 2, /can be read only once/],
    [
      'a limit',
      ['--policy', ownPolicy, '--fail-on', 'refused', plain],
      2,
      /"refused" must be NAME>NUMBER or NAME>NUMBER%, such as refused>0\.1%/,
    ],
    ['an output', ['--policy', ownPolicy, '-o', 'yaml', plain], 2, /--output must be text or json/],
    ['examples', ['--policy', ownPolicy, '--examples', '-1', plain], 2, /Try: postscreen simulate --help/],
    ['a log that is not there', ['--policy', ownPolicy, join(folder, 'absent')], 1, /absent: ENOENT/],
    ['a folder', ['--policy', ownPolicy, folder], 1, /is a directory; name the files in it/],
    ['a log without sessions', ['--policy', ownPolicy, write('empty', 'nothing\n')], 1, /there is no session in the log/],
    ['a broken compressed log', ['--policy', ownPolicy, write('bad.gz', Buffer.from('1f8b0800000000000003ff', 'hex'))], 1, /bad\.gz: /],
    ['a policy with errors', ['--policy', policy('bad.yaml', { greet: { wait: 'long' } }), plain], 1, /bad\.yaml: spec\.greet\.wait: /],
  ]
  for (const [what, args, code, says] of cases) {
    test(what, () => {
      const { status, stderr } = simulate(args)
      assert.equal(status, code, stderr)
      assert.match(stderr, says)
    })
  }
})

test('a hostile log breaks neither the count nor the terminal', () => {
  const hostile = [
    '{"level":"info","session":"x","event":"CONNECT","client":{"address":"\\u001b[31m","port":1}}',
    `{"level":"info","session":"${'x'.repeat(100_000)}`,
    '\x1b]0;title\x07\x9b31m',
    'x'.repeat(3_000_000),
    'Nov 23 06:12:04 mx postfix/postscreen[1]: PREGREET 9 after 0.1 from [203.0.113.1]:1: \x1b[2J CONNECT from [203.0.113.1]:1 to [203.0.113.2]:25',
    '{"__proto__":{"event":"CONNECT"},"session":[],"event":{}}',
  ]
  const { status, stdout, stderr } = simulate(['--policy', ownPolicy, write('\x1b[31mhostile', `${hostile.join('\n')}\n${log}`)])
  assert.equal(status, 0)
  assert.match(stdout, /^400 sessions from /)
  assert.doesNotMatch(stdout + stderr, /[\x00-\x09\x0b-\x1f\x7f-\x9f]/)
})

describe('networks of SPF records', () => {
  const senders = policy('senders.yaml', {
    ...own,
    access: [{ action: 'Permit', spf: ['Big.example'] }],
    dnsbl: { ...own.dnsbl, action: 'Enforce' },
  })
  const expansion = (networks: readonly string[], more: object = {}): string =>
    write('spf.json', JSON.stringify({ domains: [{ domain: 'big.example', networks, failed: null, ...more }] }))
  const whyUnknown = (result: Result): boolean => JSON.stringify(result).includes('networks of an SPF record')

  test('sessions that one could have permitted are counted as not known, and no others', () => {
    const result = resultOf(['--policy', senders, plain])
    const without = resultOf(['--policy', strict, plain])
    assert.ok(whyUnknown(result) && !whyUnknown(without))
    assert.equal(result.changed, 0, 'a client that would be refused may be permitted')
    assert.ok(without.changed > 0)
  })

  test('are known when they are passed', () => {
    const none = resultOf(['--policy', senders, '--spf', expansion([]), plain])
    assert.deepEqual({ ...none, notes: [] }, { ...resultOf(['--policy', strict, plain]), notes: [] })
    const all = resultOf(['--policy', senders, '--spf', expansion(['0.0.0.0/0', '::/0']), plain])
    assert.equal(all.after.refused, 0)
    assert.ok(!whyUnknown(all))
    assert.ok(whyUnknown(resultOf(['--policy', senders, '--spf', expansion([], { failed: { reason: 'DNSError', why: 'x' } }), plain])))
  })

  test('are not known while a part of the record could not be read', () => {
    const unread = [{ domain: 'big.example', term: 'include:x.example', why: 'SERVFAIL' }]
    assert.ok(whyUnknown(resultOf(['--policy', senders, '--spf', expansion(['203.0.113.1'], { unread }), plain])))
  })

  test('do not count when the policy leaves the sender out', () => {
    const leftOut = expansion(['0.0.0.0/0', '::/0'], { leftOut: 'all senders of the policy together have 20300 networks' })
    const result = resultOf(['--policy', senders, '--spf', leftOut, plain])
    assert.deepEqual({ ...result, notes: [] }, { ...resultOf(['--policy', strict, plain]), notes: [] })
  })

  test('a file that is something else is refused', () => {
    const { status, stderr } = simulate(['--policy', senders, '--spf', plain, plain])
    assert.equal(status, 2)
    assert.match(stderr, /--spf/)
  })
})
