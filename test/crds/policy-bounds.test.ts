// Policies that are small as a text and large as what they stand for: refused at once, with a short answer.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { hasTooManyValues, readPolicyText } from '../../crds/policy.ts'

const head = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\n'
const spec = `${head}spec:\n  backend: {addresses: ["mx.example:25"]}\n`
const networks = Array.from({ length: 10_000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24`).join(', ')
const many = /^must have at most 500000 values, counting the values of each YAML alias again/

const bombs: readonly (readonly [what: string, text: string, path: string, why: RegExp])[] = [
  [
    '2,000 aliases of one list of 10,000 networks',
    `${spec}  access:\n  - &a {action: Permit, cidrs: [${networks}]}\n${'  - *a\n'.repeat(2000)}`,
    'manifest',
    many,
  ],
  [
    'lists of aliases of lists of aliases',
    `${head}a0: &a0 [1, 1, 1]\n${Array.from({ length: 40 }, (_, at) => `a${at + 1}: &a${at + 1} [*a${at}, *a${at}, *a${at}]\n`).join('')}spec: *a40\n`,
    'manifest',
    many,
  ],
  ['a list that is in itself', `${spec}  access: &x [*x]\n`, 'manifest', many],
  [
    'merge keys',
    `${head}x: &x {${Array.from({ length: 5000 }, (_, at) => `k${at}: 1`).join(', ')}}\nspec: {<<: [${'*x, '.repeat(5000)}]}\n`,
    'manifest',
    many,
  ],
  ['lists that are deep in each other', `${head}spec: ${'['.repeat(100_000)}${']'.repeat(100_000)}\n`, 'line 4', /nesting exceeded/],
]
for (const [what, text, path, why] of bombs) {
  test(`${what}: one problem that says what is allowed`, () => {
    const read = readPolicyText(text)
    assert.ok('problems' in read)
    assert.equal(read.problems.length, 1)
    assert.equal(read.problems[0]?.path, path)
    assert.match(read.problems[0]?.why ?? '', why)
  })
}

test('values are counted no further than the bound, however often one is named', () => {
  let looked = 0
  const counted = new Proxy(
    Array.from({ length: 1000 }, () => 1),
    {
      ownKeys(target) {
        looked++
        return Reflect.ownKeys(target)
      },
    },
  )
  assert.ok(hasTooManyValues(Array.from({ length: 400_000 }, () => counted)))
  assert.ok(looked <= 101, `${looked} lists looked at`)
  assert.ok(!hasTooManyValues(Array.from({ length: 400_000 }, () => 1)))
})

test('of 40,000 unknown fields twenty are named and the others counted', () => {
  const read = readPolicyText(`${spec}${Array.from({ length: 40_000 }, (_, at) => `  mood${at}: 1\n`).join('')}`)
  assert.ok('problems' in read)
  assert.equal(read.problems.length, 21)
  assert.deepEqual(read.problems.at(-1), { path: 'spec', why: 'has 39980 more unknown fields' })
})
