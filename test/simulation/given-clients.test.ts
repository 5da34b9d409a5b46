// Clients and policies at which a prediction was wrong once, and pairs of policies that differ in the hand-off alone.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seeded } from '../differential/random.ts'
import { rulesOf, type SpecFragment } from '../support/core-session.ts'
import { compareFates, predict } from './compare-fates.ts'
import { playClients, startTime } from './play-clients.ts'
import { randomClients, type RandomClient, serverAddresses } from './random-clients.ts'

interface Compared {
  readonly known: number
  readonly differences: readonly string[]
  readonly ownDifferences: readonly string[]
}

function compared(clients: readonly RandomClient[], one: SpecFragment, other: SpecFragment, isOldGiven: boolean): Compared {
  const [first, second] = [rulesOf(one), rulesOf(other)]
  const old = isOldGiven ? first : undefined
  const { lines, fates } = playClients(first, clients)
  const after = compareFates(clients, startTime, playClients(second, clients).fates, predict(lines, second, old), 'after')
  const own = compareFates(clients, startTime, fates, predict(lines, first, old), 'after')
  return { known: after.equal, differences: after.differences, ownDifferences: own.differences }
}

const good = ['EHLO client.example\r\n', 'MAIL FROM:<a@client.example>\r\n', 'RCPT TO:<b@mx.example>\r\n', 'QUIT\r\n']
/** The first list never answers. */
const lists = {
  dnsbl: {
    threshold: 2,
    allowThreshold: -1,
    sites: [
      { domain: 'bl1.test', weight: 1 },
      { domain: 'wl.test', weight: -2 },
    ],
  },
}

function visit(at: number, more: Partial<RandomClient>): RandomClient {
  const [server] = serverAddresses
  return {
    address: '10.0.9.12',
    port: 20_000 + at / 1000,
    server,
    at,
    talksAt: undefined,
    leavesAt: undefined,
    listings: new Map([['wl.test', { ms: 300, ttl: -1, addresses: [] }]]),
    says: good,
    relayMs: 1000,
    ...more,
  }
}

test('a client that left unseen before its greeting may pass its tests if it is greeted earlier', () => {
  const deepTests = { handoff: 'Reconnect' as const, pipelining: { enabled: true, action: 'Ignore' as const } }
  const other = { ...lists, greet: { wait: '6s' as const, banner: '' }, deepTests }
  const clients = [visit(0, { leavesAt: 4650, server: serverAddresses[1] }), visit(16_000, { leavesAt: 1650 }), visit(30_000, {})]
  const backup = { allowlist: { interfaces: [`!${serverAddresses[1]}`, 'all'] } }
  for (const isOldGiven of [false, true]) {
    const { differences, ownDifferences } = compared(clients, { ...other, ...backup }, other, isOldGiven)
    assert.deepEqual([...differences, ...ownDifferences], [])
  }
})

test('a client whose first connection may have ended during a longer greet wait is not deferred for a second one', () => {
  const policy = (wait: `${number}s`) => ({ greet: { wait }, limits: { connectionsPerClient: 1 } })
  const clients = [visit(0, { leavesAt: 2650, relayMs: 500 }), visit(4000, {})]
  for (const isOldGiven of [false, true]) {
    const { differences, ownDifferences } = compared(clients, policy('2s'), policy('6s'), isOldGiven)
    assert.deepEqual([...differences, ...ownDifferences], [])
  }
})

describe('rules for commands that become stricter make a session unknown, if the old policy is given:', () => {
  const policy = (smtp: object, forbiddenCommands: string[]) => ({
    ...lists,
    smtp,
    deepTests: { handoff: 'Reconnect' as const, nonSMTPCommand: { enabled: true, action: 'Enforce' as const, forbiddenCommands } },
  })
  const clients = [visit(0, { says: ['EHLO a\r\n', 'STAT\r\n', ...good.slice(1)] })]
  const cases: [string, object, string[], object, string[]][] = [
    ['a forbidden command', {}, ['GET'], {}, ['GET', 'STAT']],
    ['fewer commands', {}, ['GET'], { commandCountLimit: 2 }, ['GET']],
  ]
  for (const [what, smtp, forbidden, newSmtp, newForbidden] of cases) {
    test(what, () => {
      const { known, differences, ownDifferences } = compared(clients, policy(smtp, forbidden), policy(newSmtp, newForbidden), true)
      assert.deepEqual({ known, differences, ownDifferences }, { known: 0, differences: [], ownDifferences: [] })
    })
  }
})

describe('the log of a gateway with another hand-off', () => {
  const policy = (handoff: 'SameSession' | 'Reconnect') => ({
    ...lists,
    deepTests: { handoff, pipelining: { enabled: true }, nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true } },
  })
  const clients = randomClients(seeded(17), 400)
  // What a client has said to a mail server is not in the log, and in Reconnect it counts.
  for (const [from, to, least] of [
    ['SameSession', 'Reconnect', 0.1],
    ['Reconnect', 'SameSession', 0.3],
  ] as const) {
    for (const isOldGiven of [false, true]) {
      test(`${from} predicts ${to}${isOldGiven ? ', with the old policy' : ''}`, () => {
        const { known, differences, ownDifferences } = compared(clients, policy(from), policy(to), isOldGiven)
        assert.deepEqual(differences, [])
        assert.deepEqual(ownDifferences, [])
        assert.ok(known > clients.length * least, `only ${known} of ${clients.length} are known`)
      })
    }
  }
})
