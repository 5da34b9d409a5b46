// Access tables compared with Postfix: what the gateway decides by an imported cidr table, and by the same table as a
// file, is what postscreen decides by the result of `postmap -q`.
import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import { test } from 'node:test'
import fc from 'fast-check'
import { importPostfix } from '../../../cli/import/postfix.ts'
import type { TableStyle } from '../../../cli/import/source.ts'
import { readPolicyText } from '../../../crds/policy.ts'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { compileTable } from '../../../gateway/core/access-list.ts'
import { compileRules } from '../../../gateway/core/rules.ts'
import { askPostmap } from '../../peers/postmap.ts'
import { unless } from '../../peers/require.ts'
import { cidrTables, clients } from '../../support/cidr-tables.ts'

const skip = unless('postfix')

type Decision = 'Permit' | 'Reject' | 'Dunno'

/** Behind the table, so that the two kinds of Dunno differ: one leaves the table, the other ends the list. */
const behind = 'reject'
const mynetworks = '192.0.2.0/24, [2001:db8::]/32'
const isMine = (address: string): boolean => /^192\.0\.2\.|^2001:db8:/.test(address)

/** server_acl_eval of Postfix for the list `cidr:/table, reject`. */
function decisionOfPostfix(result: string | undefined, address: string): Decision {
  for (const word of result?.split(/[, \t\r\n]+/).filter((part) => part !== '') ?? []) {
    if (word.includes(':') || /^dunno$/i.test(word)) break
    if (/^permit$/i.test(word)) return 'Permit'
    if (/^reject$/i.test(word)) return 'Reject'
    // SERVER_ACL_ACT_ERROR ends the whole list.
    if (!/^permit_mynetworks$/i.test(word)) return 'Dunno'
    if (isMine(address)) return 'Permit'
  }
  return 'Reject'
}

/** What the gateway decides by the imported policy; undefined if the table is not imported. */
function decisionsOfGateway(table: string, tables: TableStyle): (address: string) => Decision {
  const text = `postscreen_access_list = cidr:/etc/postfix/table, ${behind}\nmynetworks = ${mynetworks}\n`
  const read = (path: string): { text: string; from: string } => ({ text: table, from: path })
  const { yaml = '', errors } = importPostfix({ text, file: 'main.cf', files: { read }, tables })
  const policy = readPolicyText(yaml)
  assert.ok('policy' in policy, `${errors.join('\n')} ${inspect(policy)}`)
  const compiled = new Map([['table', compileTable(parseAccessTable(table).rules)]])
  const { access } = compileRules(policy.policy.spec, { hostname: 'mx.test', localTime: () => '', tables: compiled })
  return (address) => access.decide(address)
}

/** Results that begin like a list of decisions. A table file has no mynetworks, which is a documented difference. */
const lists = ['dunno permit', ',permit', ', ,', 'permit,reject', 'permit\vx', 'reject\fx', 'cidr:/x permit', 'dunno:x', 'DUNNO,', 'x:']
const withMynetworks = [...lists, 'permit_mynetworks', 'PERMIT_mynetworks, reject', 'permit_mynetworks x', 'permit_mynetworks,x:y']

const runs = 100

for (const [style, results] of [
  ['inline', withMynetworks],
  ['files', lists],
] as const) {
  test(`for ${runs} generated tables the policy imported with --tables ${style} decides as postscreen`, { skip }, async () => {
    await fc.assert(
      fc.asyncProperty(cidrTables(results), async (bytes) => {
        const decide = decisionsOfGateway(bytes.toString('utf8'), style)
        const answers = await askPostmap(bytes, clients)
        for (const address of clients) {
          const result = answers.results.get(address)
          assert.equal(
            decide(address),
            decisionOfPostfix(result, address),
            `${address}: ${inspect(result)} in ${inspect(bytes.toString())}`,
          )
        }
      }),
      { numRuns: runs },
    )
  })
}
