// The explanation of what decides about an address: the verdict and its reason, the rule, the record, and the score.
import { explainAddress } from '../../../gateway/core/explain/address-explanation.ts'
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { newScreening, type Screening } from '../../../gateway/core/clients.ts'
import { explain, type Explanation } from '../../../gateway/core/explain/explanation.ts'
import type { TimedAnswer } from '../../../gateway/core/explain/rehearsal.ts'
import { drive, policyOf, rulesOf, serverAddress, type SpecFragment, startTime, stored } from '../../support/core-session.ts'

const address = '192.0.2.1'
const enforced = {
  greet: { action: 'Enforce' },
  dnsbl: { action: 'Enforce', sites: [{ domain: 'bl.example', weight: 3 }], threshold: 3 },
} as const

interface Circumstances {
  readonly record?: string
  readonly answers?: readonly TimedAnswer[]
  readonly screening?: Screening
  readonly tables?: Readonly<Record<string, string>>
  readonly isHealthCheck?: boolean
  readonly isFull?: boolean
  readonly tlsReady?: boolean
}

function explained(spec: SpecFragment, circumstances: Circumstances = {}): Explanation {
  const {
    record,
    answers = [],
    screening = newScreening(),
    tables = {},
    isHealthCheck = false,
    isFull = false,
    tlsReady = false,
  } = circumstances
  return explain({
    address,
    spec: policyOf(spec),
    rules: rulesOf(spec, new Map(Object.entries(tables))),
    screening,
    record: record === undefined ? undefined : stored(record),
    answers,
    server: { address: serverAddress, port: 25 },
    tlsReady,
    now: startTime,
    isHealthCheck,
    isFull,
  })
}

const answer = (domain: string, addresses: readonly string[], afterMs = 10): TimedAnswer => ({
  answer: { domain, addresses, ttl: 300 },
  afterMs,
})
const listed = answer('bl.example', ['127.0.0.2'])
const clean = answer('bl.example', [])

interface Case {
  readonly what: string
  readonly spec: SpecFragment
  readonly circumstances?: Circumstances
  readonly want: string
  readonly outcome: Explanation['verdict']['outcome']
}

const crowded = (counts: Partial<Screening>): Screening => ({ ...newScreening(), ...counts })

const cases: readonly Case[] = [
  {
    what: 'a client that the access list permits',
    spec: { ...enforced, access: [{ action: 'Permit', cidrs: ['192.0.2.0/24'] }] },
    want: '192.0.2.1 is handed off to a mail server at once: spec.access[0].cidrs (192.0.2.0/24) permits it.',
    outcome: 'handedOff',
  },
  {
    what: 'a client that a line of a table rejects',
    spec: {
      ...enforced,
      denylist: { action: 'Drop' },
      access: [{ action: 'Permit', cidrs: ['198.51.100.1'] }, { table: { file: 'bad.cidr' } }],
    },
    circumstances: { tables: { 'bad.cidr': '# bad\n192.0.2.9 reject\n192.0.2.0/28 reject\n' } },
    want: '192.0.2.1 is refused with "521 5.3.2 Service currently unavailable": spec.access[1].table.file (bad.cidr, line 3) rejects it, and denylist.action is Drop.',
    outcome: 'refused',
  },
  {
    what: 'a client that a rule of a table in the policy rejects, with a refusal of its recipients',
    spec: {
      denylist: { action: 'Enforce' },
      access: [
        {
          table: {
            rules: [
              { action: 'Permit', cidrs: ['192.0.2.9'] },
              { action: 'Reject', cidrs: ['192.0.2.8', '192.0.2.1'] },
            ],
          },
        },
      ],
    },
    want: '192.0.2.1 is refused with "550 5.3.2 Service currently unavailable": spec.access[0].table.rules[1].cidrs (192.0.2.1) rejects it, and denylist.action is Enforce.',
    outcome: 'refused',
  },
  {
    what: 'a client that is outside the networks of an entry',
    spec: { denylist: { action: 'Drop' }, access: [{ action: 'Reject', exceptCIDRs: ['198.51.100.0/24'] }] },
    want: '192.0.2.1 is refused with "521 5.3.2 Service currently unavailable": spec.access[0].exceptCIDRs rejects it, and denylist.action is Drop.',
    outcome: 'refused',
  },
  {
    what: 'a new client that no list names',
    spec: enforced,
    circumstances: { answers: [clean] },
    want: '192.0.2.1 is handed off to a mail server after 6 s: it passes pregreet and dnsbl, and the DNS lists give it the score 0.',
    outcome: 'handedOff',
  },
  {
    what: 'a listed client',
    spec: enforced,
    circumstances: { answers: [listed] },
    want: '192.0.2.1 is refused with "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example": the DNS lists give it the score 3 (bl.example 3), and dnsbl.threshold is 3.',
    outcome: 'refused',
  },
  {
    what: 'a listed client whose list answers too late',
    spec: enforced,
    circumstances: { answers: [answer('bl.example', ['127.0.0.2'], 6001)] },
    want: '192.0.2.1 is handed off to a mail server after 6 s: it passes pregreet and dnsbl, and the DNS lists give it the score 0.',
    outcome: 'handedOff',
  },
  {
    what: 'a listed client in Audit mode',
    spec: { ...enforced, mode: 'Audit' },
    circumstances: { answers: [listed] },
    want: '192.0.2.1 is handed off to a mail server in Audit mode; in Enforce mode: 192.0.2.1 is refused with "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using bl.example": the DNS lists give it the score 3 (bl.example 3), and dnsbl.threshold is 3.',
    outcome: 'handedOff',
  },
  {
    what: 'a client that a DNS list vouches for',
    spec: { ...enforced, dnsbl: { action: 'Enforce', allowThreshold: -2, sites: [{ domain: 'wl.example', weight: -2 }] } },
    circumstances: { answers: [answer('wl.example', ['127.0.0.3'])] },
    want: '192.0.2.1 is handed off to a mail server at once: it passes pregreet and dnsbl, and the DNS lists give it the score -2.',
    outcome: 'handedOff',
  },
  {
    what: 'a client that is remembered',
    spec: enforced,
    circumstances: { record: '+9;+9;1;1;1', answers: [listed] },
    want: '192.0.2.1 is handed off to a mail server at once: the temporary allowlist holds a valid pass of every test.',
    outcome: 'handedOff',
  },
  {
    what: 'a client whose DNSBL test has expired',
    spec: enforced,
    circumstances: { record: '+9;-9;1;1;1', answers: [clean] },
    want: '192.0.2.1 is handed off to a mail server at once: it passes dnsbl, and the DNS lists give it the score 0; its passes of the other tests are still valid.',
    outcome: 'handedOff',
  },
  {
    what: 'a new client that has to take a deep test',
    spec: { deepTests: { pipelining: { enabled: true, action: 'Enforce' } } },
    want: '192.0.2.1 is told to come again with "450 4.3.2 Service currently unavailable": it passes the tests so far, and pipelining needs a whole session; its next connection is handed off.',
    outcome: 'deferred',
  },
  {
    what: 'a new client whose deep test and mail are in one session',
    spec: { deepTests: { handoff: 'SameSession', pipelining: { enabled: true, action: 'Enforce' } } },
    want: '192.0.2.1 is handed off to a mail server after 6 s: it passes pregreet and pipelining in one session (deepTests.handoff: SameSession).',
    outcome: 'handedOff',
  },
  {
    what: 'a client with too many connections',
    spec: { limits: { connectionsPerClient: 2 } },
    circumstances: { screening: crowded({ relays: new Map([[address, 2]]) }) },
    want: '192.0.2.1 is told to come again with "421 4.7.0 Error: too many connections": the client has 2 connections already, and limits.connectionsPerClient is 2.',
    outcome: 'deferred',
  },
  {
    what: 'a client at a gateway where too many wait for a mail server',
    spec: { limits: { postQueue: 5 } },
    circumstances: { screening: crowded({ checkQueue: 5, postQueue: 5 }) },
    want: '192.0.2.1 is told to come again with "421 4.3.2 All server ports are busy": 5 clients wait for a mail server, and limits.postQueue is 5.',
    outcome: 'deferred',
  },
  {
    what: 'a client at a gateway where all connections are in use',
    spec: {},
    circumstances: { isFull: true },
    want: '192.0.2.1 is told to come again with "421 4.3.2 No system resources": all connections of the gateway are in use (limits.connections).',
    outcome: 'deferred',
  },
  {
    what: 'a client at a server address where none can pass',
    spec: { allowlist: { interfaces: [`!${serverAddress}`, 'all'] } },
    want: `192.0.2.1 is told to come again with "450 4.3.2 Service currently unavailable": no client can pass on the server address ${serverAddress} (allowlist.interfaces).`,
    outcome: 'deferred',
  },
  {
    what: 'a health check',
    spec: {},
    circumstances: { isHealthCheck: true },
    want: '192.0.2.1 is answered as a health check and can send no mail: spec.probes.networks contains it.',
    outcome: 'healthCheck',
  },
  {
    what: 'a client where no test is enabled',
    spec: { greet: { banner: '' } },
    want: '192.0.2.1 is handed off to a mail server at once: no test is enabled.',
    outcome: 'handedOff',
  },
  {
    what: 'a client that must use TLS for its deep tests',
    spec: { greet: { banner: '' }, deepTests: { bareNewline: { enabled: true } }, tls: { level: 'Encrypt', certFile: 'c', keyFile: 'k' } },
    circumstances: { tlsReady: true },
    want: '192.0.2.1 is told to come again with "450 4.3.2 Service currently unavailable": it passes the tests so far, and bareNewline needs a whole session; its next connection is handed off.',
    outcome: 'deferred',
  },
]

describe('the verdict names what happens and why:', () => {
  for (const { what, spec, circumstances, want, outcome } of cases) {
    test(what, () => {
      const { verdict } = explained(spec, circumstances)
      assert.equal(verdict.sentence, want)
      assert.equal(verdict.outcome, outcome)
    })
  }
})

test('an explanation changes nothing of the gateway', () => {
  const screening = newScreening()
  const { bans, addresses, ...before } = structuredClone({
    ...screening,
    bans: screening.bans.counts,
    addresses: screening.addresses.report,
  })
  explained(
    { ...enforced, bans: { after: 1 }, denylist: { action: 'Drop' }, access: [{ action: 'Reject', cidrs: ['0.0.0.0/0'] }] },
    { screening },
  )
  explained(enforced, { answers: [clean], screening })
  const { bans: table, addresses: watch, ...after } = screening
  assert.deepEqual(after, before)
  assert.deepEqual(table.counts, bans, 'and no failure is counted')
  assert.deepEqual(watch.report, addresses, 'and no address')
})

test('a ban is explained, and is the reason of the verdict', () => {
  const screening = newScreening()
  const banning = { bans: { prefix: { ipv4: 24 } } } as const
  const { ban: none } = explained(banning, { screening })
  assert.ok(none !== undefined && !none.isBanned)
  screening.bans.add(none.network, startTime, startTime + 60_000)
  const { ban, verdict } = explained(banning, { screening })
  assert.deepEqual(ban, {
    ...{ network: none.network, failures: 0, after: 3, isBanned: true },
    ...{ since: startTime / 1000, until: startTime / 1000 + 60, nth: 1, by: 'administrator' },
  })
  assert.equal(verdict.outcome, 'refused')
  assert.match(verdict.sentence, /is banned after repeated failures": \S+\/24 is banned \(spec\.bans\)/)
  assert.equal(explained(banning, { screening, record: '+86400;0;0;0;0' }).verdict.outcome, 'handedOff')
  assert.equal(explained({ ...banning, access: [{ action: 'Permit', cidrs: ['0.0.0.0/0'] }] }, { screening }).verdict.outcome, 'handedOff')
  assert.deepEqual(
    screening.bans.list(startTime).map(({ refused }) => refused),
    [0],
    'an explanation is not a visit',
  )
})

test('the record is explained test by test, under its key', () => {
  const { allowlist } = explained({ ...enforced, allowlist: { prefix: { ipv4: 24 } } }, { record: '+9;-9;1;0;1' })
  const second = startTime / 1000
  assert.deepEqual(allowlist, {
    key: '192.0.2.0/24',
    hasRecord: true,
    fromMemory: false,
    tests: [
      { test: 'pregreet', enabled: true, state: 'passed', until: second + 9 },
      { test: 'dnsbl', enabled: true, state: 'expired', until: second - 9 },
      { test: 'pipelining', enabled: false, state: 'off' },
      { test: 'nonSMTPCommand', enabled: false, state: 'never passed' },
      { test: 'bareNewline', enabled: false, state: 'off' },
    ],
  })
})

test('the results of another connection that is being tested count more than the record', () => {
  const clients = new Map([
    [address, { key: address, concurrency: 1, passNewCount: 0, stamps: [1, 1, 1, 1, 1] as [number, number, number, number, number] }],
  ])
  const { allowlist } = explained(enforced, { record: '+9;+9;1;1;1', screening: { ...newScreening(), clients } })
  assert.equal(allowlist.fromMemory, true)
  assert.deepEqual(new Set(allowlist.tests.map(({ state }) => state)), new Set(['off']))
})

test('each list has its question, its answer and what the answer means', () => {
  const sites = [{ domain: 'bl.example', replies: '127.0.0.[2..3]', weight: 2 }, { domain: 'secret.example' }, { domain: 'slow.example' }]
  const dnsbl = { sites, replyMap: { 'secret.example': 'our list' }, threshold: 3, allowThreshold: -1 }
  const { dnsbl: found } = explained(
    { ...enforced, dnsbl },
    {
      answers: [
        answer('secret.example', ['127.255.255.254'], 20),
        answer('bl.example', ['127.0.0.2'], 10),
        {
          answer: { domain: 'slow.example', addresses: [], ttl: -1, error: { kind: 'overdue', text: 'no answer within 6.0 s' } },
          afterMs: 6500,
        },
      ],
    },
  )
  assert.deepEqual(
    found.lists.map(({ list, question, verdict, means, weight, inTime }) => [list, question, verdict, means, weight, inTime]),
    [
      ['bl.example', '1.2.0.192.bl.example', 'listed', 'listed (127.0.0.2 has the weight 2)', 2, true],
      [
        'our list',
        '1.2.0.192.(our list)',
        'error',
        '127.255.255.254: the list does not answer public DNS resolvers: use a DNS resolver of your own (dnsbl.resolvers), or a key of the list',
        0,
        true,
      ],
      ['slow.example', '1.2.0.192.slow.example', 'timeout', 'no answer within 6.0 s', 0, false],
    ],
  )
  assert.deepEqual([found.score, found.threshold, found.allowThreshold, found.standing], [2, 3, -1, 'neither'])
  assert.doesNotMatch(JSON.stringify(found), /secret/)
})

describe('the catalogue says what a list is, and whether it has such an answer:', () => {
  const known: readonly (readonly [domain: string, addresses: readonly string[], want: RegExp])[] = [
    ['bl.example', ['127.0.0.2'], /^not in the catalogue$/],
    ['zen.spamhaus.org', ['127.0.0.4'], /^a block list of Spamhaus$/],
    ['zen.spamhaus.org', [], /^a block list of Spamhaus$/],
    ['zen.spamhaus.org', ['127.0.0.99'], /^a block list of Spamhaus; the catalogue does not have this answer as a listing$/],
    ['list.dnswl.org', ['127.0.5.1'], /^an allow list of /],
    ['dnsbl.sorbs.net', [], /, which has shut down: /],
  ]
  for (const [domain, addresses, want] of known) {
    test(`${domain} with ${addresses.join(' ') || 'no address'}`, () => {
      const { dnsbl } = explained({ dnsbl: { sites: [{ domain }] } }, { answers: [answer(domain, addresses)] })
      assert.match(dnsbl.lists[0]?.about ?? '', want)
    })
  }
})

test('a list that is suspended or not tested yet says so, and adds nothing', () => {
  const sites = [{ domain: 'bad.example' }, { domain: 'wl.example', weight: -3 }]
  const { dnsbl } = explained(
    { dnsbl: { sites } },
    {
      answers: [
        { answer: { domain: 'bad.example', addresses: [], ttl: -1, standing: 'suspended' }, afterMs: 0 },
        { answer: { domain: 'wl.example', addresses: ['127.0.0.3'], ttl: 60, standing: 'unproven' }, afterMs: 1 },
      ],
    },
  )
  assert.deepEqual(
    dnsbl.lists.map(({ verdict, means, weight }) => [verdict, means, weight]),
    [
      ['suspended', 'suspended: not asked, because a test has found that the list cannot be trusted', 0],
      ['unweighted', 'listed, but the list has not been tested yet, so its negative weights do not count', 0],
    ],
  )
  assert.equal(dnsbl.score, 0)
})

test('an explanation says whether an address can be that of a client, and what mail servers are told', () => {
  const { rules, screening } = drive({
    clientAddress: { internal: ['10.9.0.0/16'] },
    access: [{ action: 'Permit', cidrs: ['10.8.0.0/16'] }],
  })
  const told = (client: string) => explainAddress(rules, screening, client)
  const guard = 'Warn'
  assert.deepEqual(told('10.9.0.1'), { standing: 'expected', told: '10.9.0.1', isLost: false, guard })
  assert.deepEqual(told('10.8.0.1'), { standing: 'listed', told: '10.8.0.1', isLost: false, guard })
  assert.deepEqual(told('10.7.0.1'), { standing: 'private', told: '192.0.2.1', isLost: false, guard })
  assert.deepEqual(told('203.0.113.1'), { standing: 'public', told: '203.0.113.1', isLost: false, guard })
  const start = 1_700_000_000_000
  for (let i = 0; i < 300; i++) screening.addresses.saw({ address: '10.7.0.1', isPrivate: true, isRemembered: false }, start + i * 1000)
  assert.deepEqual([told('10.7.0.1').isLost, told('10.8.0.1').isLost, told('10.9.0.1').isLost], [true, true, false])
})
