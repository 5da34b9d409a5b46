// What a person reads about a text that does not have the form of its field: words, at run time and from the API server alike.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type SchemaNode, specSchema, typeOf } from '../../../crds/schema/fields.ts'
import { parsePolicy } from '../../../crds/policy.ts'
import { formKey } from '../../../crds/schema/field.ts'
import { nameForm } from '../../../crds/schema/host-name.ts'
import { addressPortForm, hostPortForm } from '../../../crds/schema/hosts.ts'
import { structural } from '../../../crds/generate/structural.ts'
import { type Endpoint, readAddressPort, readHostPort } from '../../../crds/values/endpoint.ts'
import { hostNameProblem } from '../../../crds/values/host.ts'
import type { Read } from '../../../crds/values/read.ts'
import { manifestOf } from '../arbitrary-spec.ts'
import { formCases } from './form-cases.ts'
import { schemaNodes } from './schema-nodes.ts'

/** Texts of the policy. A choice has its words in the message of the API server already. */
const texts = [...schemaNodes(specSchema(), 'spec')].filter(({ node }) => ['text', 'duration', 'quantity'].includes(typeOf(node)))
const apiNodes = new Map([...schemaNodes(structural(specSchema(), 'spec') as SchemaNode, 'spec')].map(({ path, node }) => [path, node]))

/** A manifest with one text at a path, all around it as small as can be. */
function withText(path: string, text: string): Readonly<Record<string, unknown>> {
  const build = (steps: readonly string[]): unknown => {
    const [step, ...rest] = steps
    if (step === undefined) return text
    const inner = build(rest)
    return step === '[]' ? [inner] : step === '{}' ? { memory: inner } : { [step]: inner }
  }
  const steps = path.split(/\.|(?=\[\]|\{\})/).slice(1)
  return manifestOf(build(steps))
}

/** What the run time says of a text at a path. */
function said(path: string, text: string): readonly string[] {
  const read = parsePolicy(withText(path, text))
  const here = path.replaceAll('[]', '[0]').replaceAll('{}', '.memory')
  return 'problems' in read ? read.problems.filter((problem) => problem.path === here).map(({ why }) => why) : []
}

/** No field takes the first; texts of any kind are only too long. */
const wrong = ['\n \u0001', '1h30m 300.1.1.1/33 [x', 'x'.repeat(9000)]
const words = /^(must|has) [a-z0-9]+ .*[a-z]/i
const machine = /[\^$][[(]|\[[^\]]*-[^\]]*\][*+?]|\{\d+,\d*\}|\bbytes?\b|regular expression|pattern/i

for (const { path } of texts) {
  test(`${path}: a refusal has a message in words`, () => {
    const answers = wrong.flatMap((text) => said(path, text))
    assert.ok(answers.length > 0, 'one of the texts is refused')
    for (const answer of answers) {
      assert.match(answer, words)
      assert.doesNotMatch(answer, machine)
    }
  })
}

test('no text of the CRD is refused by a pattern or a short bound: the API server would answer with a regular expression or a number of bytes', () => {
  const unworded = texts.filter(({ path, node }) => {
    const api = apiNodes.get(path)
    if (typeOf(node) === 'quantity') return api?.pattern !== undefined
    return api?.pattern !== undefined || api?.minLength !== undefined || (api?.maxLength ?? 0) < Math.max(64, 1.3 * (node.maxLength ?? 0))
  })
  assert.deepEqual(
    unworded.map(({ path }) => path),
    [],
  )
})

test('every text of the CRD has a rule with a message, except the networks of tables, whose rules would cost too much', () => {
  const without = texts.filter(({ node }) => (node[formKey] ?? []).length === 0).map(({ path }) => path)
  assert.deepEqual(without, ['spec.access[].table.rules[].cidrs[]'])
})

test('what the API server answers is what the run time says', () => {
  for (const { path, node } of texts) {
    const answers = [...wrong, '10.0.0.1/8', ''].flatMap((text) => said(path, text))
    for (const { message } of node[formKey] ?? []) {
      assert.match(message, words)
      assert.doesNotMatch(message, machine)
      assert.ok(
        answers.some((answer) => answer.startsWith(message)),
        `${path}: ${message}`,
      )
    }
  }
})

for (const { path, good, bad, spec } of formCases) {
  test(`${path}: the run time takes what is valid and refuses each of the others`, () => {
    const refused = (text: string): boolean => {
      const read = parsePolicy(manifestOf({ backend: { addresses: ['postfix.example.com:25'] }, ...spec([text]) }))
      return 'problems' in read && read.problems.some((problem) => problem.path.startsWith(`${path}[0]`))
    }
    assert.deepEqual(good.filter(refused), [])
    assert.deepEqual(bad.filter(refused), bad)
  })
}

/** The parts that such texts are made of, right and wrong. */
const hosts = [
  'a',
  'A-b_c.d',
  '-a',
  'a-',
  'a.',
  '.a',
  'a..b',
  '1.2.3.4',
  '01.2.3.4',
  '[::]',
  '[::ffff:1.2.3.4]',
  '[1.2.3.4]',
  '[a',
  'x'.repeat(63),
  'x'.repeat(64),
]
const ports = ['0', '1', '01', '9999', '10000', '59999', '60000', '65535', '65536', '65540', '65600', '66000', '70000', '100000', '']

test('the forms of host names, with and without a port, take all that the run time takes', () => {
  const samples = hosts
    .flatMap((host) => hosts.flatMap((more) => [host, `${host}.${more}`, `${host}${more}`]))
    .flatMap((host) => ports.map((port) => `${host}:${port}`))
  const refused = (form: string, read: (text: string) => Read<Endpoint>): readonly string[] =>
    samples.filter((text) => 'value' in read(text) && text.length <= 262 && !new RegExp(form).test(text))
  assert.deepEqual(refused(hostPortForm, readHostPort), [])
  assert.deepEqual(refused(addressPortForm, readAddressPort), [])
  const names = hosts.flatMap((host) => hosts.flatMap((more) => [host, `${host}.${more}`, `${host}${more}`]))
  const refusedNames = names.filter((text) => hostNameProblem(text) === undefined && !new RegExp(`^${nameForm}$`).test(text))
  assert.deepEqual(refusedNames, [])
  assert.ok(!new RegExp(hostPortForm).test('a:65536') && new RegExp(hostPortForm).test('a:65535'))
})
