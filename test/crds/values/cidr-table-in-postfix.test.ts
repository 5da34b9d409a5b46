// The reader of cidr tables compared with Postfix itself: for generated tables with everything that people and programs write into them,
// what `postmap -q` answers for each of many addresses, and of which lines it warns.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { parseAccessTable } from '../../../crds/values/access-table.ts'
import { parseCidrTable } from '../../../crds/values/cidr-table.ts'
import { compileAddressTable } from '../../../gateway/core/address-table.ts'
import { askPostmap } from '../../peers/postmap.ts'
import { unless } from '../../peers/require.ts'
import { cidrTables, clients } from '../../support/cidr-tables.ts'

const skip = unless('postfix')

/** A warning that names its line, as number and reason; for a line that starts with white space Postfix names no number. */
function warned(warning: string): { readonly line: number | undefined; readonly why: string } {
  const [, line, why = ''] = /^cidr map , line (\d+): (.*?)(: skipping this rule)?$/s.exec(warning) ?? []
  return line === undefined ? { line: undefined, why: warning.replace(/^: /, '').replace(/: ".*$/s, '') } : { line: Number(line), why }
}

/** The kind of a reason: what a line says is shortened and made printable in another way here. */
const kindOf = (why: string): string => why.replace(/ (?:in |after |: )?"[^]*$/, '').replace(/: "[^]*$/, '')

async function compare(table: Buffer, addresses: readonly string[]): Promise<void> {
  const text = table.toString('latin1')
  const { rules, problems } = parseCidrTable(text)
  const compiled = compileAddressTable(rules)
  const { results, warnings } = await askPostmap(table, addresses)
  for (const address of addresses)
    assert.equal(rules[compiled.lookup(address)]?.result, results.get(address), `${address} in ${JSON.stringify(text)}`)
  const theirs = warnings.map(warned)
  const shown = (all: readonly { readonly line: number | undefined; readonly why: string }[]): readonly string[] =>
    all.map(({ line, why }) => `${why.startsWith('logical line') ? '' : line} ${kindOf(why)}`).toSorted()
  assert.deepEqual(shown(problems), shown(theirs), JSON.stringify(text))
}

const tables = 400

test(`for ${tables} generated tables Postfix answers the same for every address and skips the same lines`, { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(cidrTables(), (one) => compare(one, clients)),
    { numRuns: tables },
  )
})

const samples: readonly (readonly [what: string, lines: string])[] = [
  ['leading zeros', '010.0.0.1 permit\n10.0.0.0/08 reject'],
  ['an indented first rule', ' 192.0.2.7 permit\n192.0.2.8 permit'],
  ['an indented first rule that goes on', ' 192.0.2.7 permit\n# x\n 192.0.2.8 permit\n192.0.2.1 permit'],
  ['an IPv4-mapped address', '::ffff:192.0.2.7 permit\n::ffff:192.0.2.08 x\n::192.0.2.07 y\n::ffff:0.0.0.0/96 reject'],
  ['signs apart', '! ! 0.0.0.0/0 permit'],
  ['brackets', '[2001:db8::/32] permit\n[192.0.2.7]/32 reject'],
  ['a padded prefix length', '192.0.2.0/0024 permit'],
  ['an if without a blank', 'if!10.0.0.0/8\n0.0.0.0/0 permit\nendif\nif[::]/0\n::/0 reject'],
  ['a no-break space', '192.0.2.7\u00a0permit\n192.0.2.8 permit\u00a0'],
  ['line ends of Windows', 'if 10.0.0.0/8\r\n10.1.2.3 permit\r\nendif\r\n0.0.0.0/0\treject\r\n'],
  ['an if that nothing ends', 'if 10.0.0.0/8\nif 10.1.2.0/24\n10.1.2.3 permit\nendif\n0.0.0.0/0 reject'],
  ['text behind endif', 'if 10.0.0.0/8\n10.1.2.3 permit\nendif x\n192.0.2.1 reject\nendif\n192.0.2.1 permit'],
  ['a line of 100,000 characters', `192.0.2.7${' '.repeat(100_000)}permit\n192.0.2.8 ${'x'.repeat(100_000)}`],
]

for (const [what, text] of samples) test(`with ${what} Postfix answers the same`, { skip }, () => compare(Buffer.from(text), clients))

test('a result that is not valid UTF-8 is an error to Postfix, and decides nothing here', { skip }, async () => {
  const bytes = Buffer.from('192.0.2.7 permit # M\u00fcller\n', 'latin1')
  const { results, warnings } = await askPostmap(bytes, ['192.0.2.7'])
  assert.equal(results.size, 0)
  assert.match(warnings.join('\n'), /query error/)
  assert.equal(parseAccessTable(bytes.toString('utf8')).rules[0]?.decision, 'Unknown')
})
