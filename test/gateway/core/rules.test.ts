// A policy made ready for sessions.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { DnsblKey } from '../../../gateway/core/dnsbl-key.ts'
import { addAnswer, newScore } from '../../../gateway/core/dnsbl.ts'
import { bit } from '../../../gateway/core/tests.ts'
import { policyOf, rulesOf, type SpecFragment } from '../../support/core-session.ts'
import { compileRules } from '../../../gateway/core/rules.ts'

describe('the defaults', () => {
  const rules = rulesOf({})

  test('run the pregreet test only', () => assert.equal(rules.enabled, bit.pregreet))
  test('have the actions of postscreen', () => {
    assert.deepEqual(rules.action, {
      pregreet: 'Ignore',
      dnsbl: 'Ignore',
      pipelining: 'Enforce',
      nonSMTPCommand: 'Drop',
      bareNewline: 'Ignore',
    })
    assert.equal(rules.deniedAction, 'Ignore')
  })
  test('have its times to live, in seconds', () => {
    assert.deepEqual(rules.ttl, { pregreet: 86_400, pipelining: 2_592_000, nonSMTPCommand: 2_592_000, bareNewline: 2_592_000 })
    assert.equal(rules.minTTL, 60)
  })
  test('have its waits, in milliseconds', () => {
    assert.deepEqual(rules.greetWait, { normal: 6000, stress: 2000 })
    assert.deepEqual(rules.smtp.commandTimeLimit, { normal: 300_000, stress: 10_000 })
  })
  test('permit no client, and let every server address into the allowlist', () => {
    assert.equal(rules.access.decide('127.0.0.1'), 'Dunno')
    assert.ok(rules.allowlistInterface('192.0.2.1') && rules.allowlistInterface('2001:db8::1'))
  })
  test('enforce', () => assert.equal(rules.audit, false))
})

describe('a test is enabled', () => {
  const cases: readonly (readonly [what: string, fragment: SpecFragment, want: number])[] = [
    ['pregreet: not when the teaser is empty', { greet: { banner: '' } }, 0],
    ['dnsbl: when there are sites', { dnsbl: { sites: [{ domain: 'bl.example' }] } }, bit.pregreet | bit.dnsbl],
    ['pipelining: when it says so', { deepTests: { pipelining: { enabled: true } } }, bit.pregreet | bit.pipelining],
    ['non-SMTP command: when it says so', { deepTests: { nonSMTPCommand: { enabled: true } } }, bit.pregreet | bit.nonSMTPCommand],
    ['bare newline: when it says so', { deepTests: { bareNewline: { enabled: true } } }, bit.pregreet | bit.bareNewline],
  ]
  for (const [what, fragment, want] of cases) test(what, () => assert.equal(rulesOf(fragment).enabled, want))
})

describe('the host name', () => {
  test('is that of the machine where the policy has none', () => {
    assert.equal(rulesOf({ hostname: '' }).host.greeting.text, 'pod-1 ESMTP Postfix')
  })
  test('stands in the greeting, the teaser and replies', () => {
    const { host } = rulesOf({ hostname: 'mx.example.org' })
    assert.equal(host.greeting.text, 'mx.example.org ESMTP Postfix')
    assert.equal(host.teaser?.text, 'mx.example.org ESMTP Postfix')
    assert.equal(host.helo.text, 'mx.example.org')
  })
})

describe('macros', () => {
  const cases: readonly (readonly [banner: string, teaser: string, greeting: string, wanted: string])[] = [
    ['$hostname ESMTP', '$banner', 'mx.example.com ESMTP', 'mx.example.com ESMTP'],
    ['${hostname} and $(hostname)', 'wait for $banner', 'mx.example.com and mx.example.com', 'wait for mx.example.com and mx.example.com'],
    ['cheap: 5 $$', '$hostname, $banner', 'cheap: 5 $', 'mx.example.com, cheap: 5 $'],
    ['$$hostname', '${banner}', '$hostname', '$hostname'],
  ]
  for (const [banner, teaser, greeting, wanted] of cases) {
    test(`are filled in: ${banner}, ${teaser}`, () => {
      const { host } = rulesOf({ banner, greet: { banner: teaser } })
      assert.equal(host.greeting.text, greeting)
      assert.equal(host.teaser?.text, wanted)
    })
  }
})

test('the smallest validity is that of any test, or of any DNSBL result', () => {
  const minimum = (fragment: SpecFragment): number => rulesOf(fragment).minTTL
  assert.equal(minimum({ greet: { ttl: '30s' } }), 30)
  assert.equal(minimum({ dnsbl: { minTTL: '20s' } }), 20)
  assert.equal(minimum({ deepTests: { bareNewline: { ttl: '10s' } } }), 10)
  assert.equal(minimum({ dnsbl: { minTTL: '1h', maxTTL: '1h' } }), 3600)
})

test('a wait under stress is never longer than the normal one', () => {
  const spec = policyOf({ greet: { wait: '1s' }, smtp: { commandTimeLimit: '5s' } })
  const rules = compileRules(spec, { hostname: 'pod-1', localTime: () => '', tables: new Map() })
  assert.deepEqual(rules.greetWait, { normal: 1000, stress: 1000 })
  assert.deepEqual(rules.smtp.commandTimeLimit, { normal: 5000, stress: 5000 })
})

describe('DNSBL sites', () => {
  const { dnsbl } = rulesOf({
    dnsbl: {
      sites: [{ domain: 'a.example', weight: 3, replies: '127.0.0.[2..4]' }, { domain: 'b.example' }, { domain: 'a.example', weight: -1 }],
    },
  })
  test('are asked once for each domain', () => assert.deepEqual(dnsbl.lists, [{ domain: 'b.example' }, { domain: 'a.example' }]))
  test('with keys are asked once for each key, and their answers count for the entries with that key only', () => {
    const key = (text: string) => DnsblKey.read(text) ?? assert.fail()
    const sites = [{ domain: 'a.example' }, { domain: 'a.example' }, { domain: 'a.example', weight: 4 }, { domain: 'a.example', weight: 8 }]
    const siteKeys = new Map([
      [0, key('one')],
      [1, key('two')],
      [3, key('one')],
    ])
    const rules = compileRules(policyOf({ dnsbl: { sites } }), { hostname: 'pod-1', localTime: () => '', tables: new Map(), siteKeys })
    assert.deepEqual(
      rules.dnsbl.lists.map(({ account, key: of }) => [account, of?.reveal()]),
      [
        [undefined, undefined],
        [1, 'two'],
        [0, 'one'],
      ],
    )
    const total = (account: number | undefined): number => {
      const score = newScore()
      addAnswer(score, rules.dnsbl, { domain: 'a.example', ...(account !== undefined && { account }), addresses: ['127.0.0.2'], ttl: 60 })
      return score.total
    }
    assert.deepEqual([total(0), total(1), total(undefined), total(9)], [9, 1, 4, 0])
  })
  test('keep their filters and weights', () => {
    assert.deepEqual(
      dnsbl.sites.map(({ domain, weight, filter }) => [domain, weight, filter !== undefined]),
      [
        ['a.example', 3, true],
        ['b.example', 1, false],
        ['a.example', -1, false],
      ],
    )
  })
})

describe('server addresses on which the allowlist can be reached', () => {
  const cases: readonly (readonly [interfaces: string[], allowed: string[], refused: string[]])[] = [
    [['all'], ['192.0.2.1', '2001:db8::1'], []],
    [['!192.0.2.8', 'all'], ['192.0.2.9', '2001:db8::1'], ['192.0.2.8']],
    [['192.0.2.0/24'], ['192.0.2.9'], ['198.51.100.1', '2001:db8::1']],
    [
      ['192.0.2.8', '!192.0.2.0/24', '192.0.0.0/16'],
      ['192.0.2.8', '192.0.3.1'],
      ['192.0.2.9', '198.51.100.1'],
    ],
    [['!2001:db8::/32', 'all'], ['192.0.2.1', '2001:db9::1'], ['2001:db8::1']],
    [['!all', '192.0.2.1'], [], ['192.0.2.1']],
    // T58: what matches nothing is refused.
    [['192.0.2.1'], ['192.0.2.1'], ['no address', '']],
    // T60
    [['192.0.2.1'], ['::ffff:192.0.2.1'], []],
    [[], [], ['192.0.2.1']],
  ]
  for (const [interfaces, allowed, refused] of cases) {
    test(`with ${JSON.stringify(interfaces)}`, () => {
      const { allowlistInterface } = rulesOf({ allowlist: { interfaces } })
      for (const address of allowed) assert.ok(allowlistInterface(address), address)
      for (const address of refused) assert.ok(!allowlistInterface(address), address)
    })
  }
})

describe('forbidden commands', () => {
  test('by default are CONNECT, GET, POST and everything that begins with no letter', () => {
    const { smtp } = rulesOf({})
    assert.deepEqual([...smtp.forbiddenCommands], ['CONNECT', 'GET', 'POST'])
    assert.ok(smtp.nonAlphabeticForbidden)
  })
  test('are compared in upper case', () => {
    const { smtp } = rulesOf({ deepTests: { nonSMTPCommand: { forbiddenCommands: ['put'] } } })
    assert.deepEqual([...smtp.forbiddenCommands], ['PUT'])
    assert.ok(!smtp.nonAlphabeticForbidden)
  })
})
