// The rule of the access list in the log of a session, which is also the one that explain names.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readNetwork } from '../../../crds/values/network.ts'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { compileTable } from '../../../gateway/core/access-list.ts'
import { ruleInWords } from '../../../gateway/core/access-rule.ts'
import { accessPlace, inWords } from '../../../gateway/core/explain/access-place.ts'
import { newScreening } from '../../../gateway/core/clients.ts'
import { compileRules } from '../../../gateway/core/rules.ts'
import { newSession } from '../../../gateway/core/session.ts'
import { step } from '../../../gateway/core/step.ts'
import { policyOf, serverAddress, type SpecFragment, startTime } from '../../support/core-session.ts'

const networkOf = (text: string) => {
  const read = readNetwork(text)
  assert.ok('value' in read, text)
  return read.value
}

const tables = new Map([['bad.cidr', compileTable(parseAccessTable('# comment\n\n192.0.2.64/26 reject\n').rules)]])
const senders = new Map([['big.example', [networkOf('203.0.113.0/24')]]])
const access = [
  { action: 'Reject', cidrs: ['198.51.100.0/25', '198.51.100.200'] },
  { table: { file: 'bad.cidr' } },
  {
    table: {
      rules: [
        { cidrs: ['192.0.2.1'], action: 'Dunno' },
        { cidrs: ['192.0.2.2'], action: 'Permit' },
      ],
    },
  },
  { action: 'Permit', spf: ['small.example', 'BIG.example'] },
  { action: 'Reject', exceptCIDRs: ['192.0.2.0/24', '2001:db8::/32'] },
] as const satisfies SpecFragment['access']
const spec = policyOf({ access, denylist: { action: 'Drop' } })
const rules = compileRules(spec, { hostname: 'pod-1', localTime: () => '', tables, senders })

/** What the log has about a client at this address, besides the event. */
function logged(address: string): Readonly<Record<string, unknown>> | undefined {
  const session = newSession(rules, newScreening(), { address, port: 1025 }, { address: serverAddress, port: 25 })
  const records = step(session, startTime, { type: 'connect' }).flatMap((effect) => (effect.do === 'log' ? [effect.record] : []))
  const found = records.find(({ event }) => event === 'ALLOWLISTED' || event === 'DENYLISTED')
  if (found === undefined) return undefined
  const { client: _, ...rest } = found
  return rest
}

describe('the log of a client that is on the access list names', () => {
  const denied = { event: 'DENYLISTED', action: 'Drop' }
  const cases: readonly (readonly [string, string, Readonly<Record<string, unknown>> | undefined])[] = [
    ['the field with the network', '198.51.100.200', { ...denied, rule: 'spec.access[0].cidrs' }],
    ['the file and its line', '192.0.2.65', { ...denied, rule: 'spec.access[1].table.file', file: 'bad.cidr', line: 3 }],
    ['the rule of a table', '192.0.2.2', { event: 'ALLOWLISTED', rule: 'spec.access[2].table.rules[1].cidrs' }],
    [
      'the sender whose SPF record permits it',
      '203.0.113.9',
      { event: 'ALLOWLISTED', rule: 'spec.access[3].spf[1]', sender: 'big.example' },
    ],
    ['the field with the exceptions', '8.8.8.8', { ...denied, rule: 'spec.access[4].exceptCIDRs' }],
    ['nothing, if no rule decides', '192.0.2.1', undefined],
  ]
  for (const [what, address, want] of cases) test(what, () => assert.deepEqual(logged(address), want))

  test('the same rule as explain, in the same words', () => {
    for (const [, address, want] of cases) {
      const match = rules.access.find(address)
      if (match === undefined || want === undefined) continue
      const place = accessPlace(spec.access, match, address)
      assert.equal(place.field, want['rule'])
      const { network: _, ...withoutNetwork } = place
      assert.equal(inWords(withoutNetwork), ruleInWords(rules.accessRule(match)))
    }
  })
})
