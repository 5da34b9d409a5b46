// The status page of a gateway is checked when it is read: a pod may answer anything.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { type GatewayReport, readReport } from '../../../operator/gateways/report.ts'

const hash = 'a'.repeat(64)
const nothing: GatewayReport = { hash: undefined, refused: undefined, backends: [] }
const refusing = (problems: unknown, of: unknown = hash) => ({ refusedPolicy: { hash: of, problems } })
const backend = (fields: object) => ({ backends: [{ backend: 'postfix:10025', addresses: [], ...fields }] })

const cases: readonly { readonly what: string; readonly page: unknown; readonly want: GatewayReport }[] = [
  { what: 'the policy in force', page: { policy: { hash, generation: 3 } }, want: { ...nothing, hash } },
  {
    what: 'a refused policy beside the one in force',
    page: { policy: { hash }, ...refusing([{ path: 'spec.tls', why: 'is missing' }], 'b'.repeat(64)) },
    want: { ...nothing, hash, refused: { hash: 'b'.repeat(64), problems: [{ path: 'spec.tls', why: 'is missing' }] } },
  },
  {
    what: 'a refused text of which nothing is known',
    page: refusing([{ path: 'manifest', why: 'cannot be read' }], null),
    want: { ...nothing, refused: { hash: undefined, problems: [{ path: 'manifest', why: 'cannot be read' }] } },
  },
  {
    what: 'parts that it goes without, and DNS lists that fail',
    page: {
      leftOut: [{ path: 'spec.dnsbl.sites[1].keySecret', why: 'Secret lists does not exist' }],
      dnsbl: { sites: [{ site: 'well.test', failing: null }, { site: 'bl.test', failing: { since: 'x', why: 'no answer' } }, 1] },
    },
    want: { ...nothing, without: ['spec.dnsbl.sites[1].keySecret: Secret lists does not exist', 'DNS list bl.test fails: no answer'] },
  },
  {
    what: 'a mail server that answers',
    page: backend({
      addresses: [
        { label: '10.0.0.1:25', state: 'failed', lastError: 'refused' },
        { label: '10.0.0.2:25', state: 'working' },
      ],
    }),
    want: { ...nothing, backends: [{ name: 'postfix:10025', reachable: true, why: '10.0.0.1:25: refused' }] },
  },
  {
    what: 'a name that leads nowhere',
    page: backend({ lookupError: 'no such host' }),
    want: { ...nothing, backends: [{ name: 'postfix:10025', reachable: false, why: 'no such host' }] },
  },
  {
    what: 'an address that does not do what the policy expects',
    page: backend({ addresses: [{ label: '10.0.0.1:25', state: 'misconfigured', lastError: 'it does not speak SMTP' }] }),
    want: {
      ...nothing,
      backends: [
        {
          name: 'postfix:10025',
          reachable: false,
          why: '10.0.0.1:25: it does not speak SMTP',
          misconfigured: '10.0.0.1:25: it does not speak SMTP',
        },
      ],
    },
  },
  {
    what: 'that it refuses clients, and what to do',
    page: { connections: { full: true, advice: 'clients are refused: raise\u202e it' } },
    want: { ...nothing, full: 'clients are refused: raise  it' },
  },
  { what: 'nothing of connections while there is room', page: { connections: { full: false, advice: null } }, want: nothing },
  ...[undefined, null, 1, 'x', [], {}, [{ policy: { hash } }]].map((page) => ({
    what: `nothing: ${JSON.stringify(page)}`,
    page,
    want: nothing,
  })),
  ...[1, 'A'.repeat(64), 'a'.repeat(63), 'a'.repeat(65), `${'a'.repeat(63)}\n`, {}, ['a'.repeat(64)]].map((wrong) => ({
    what: `a hash that is not valid: ${JSON.stringify(wrong).slice(0, 20)}`,
    page: { policy: { hash: wrong } },
    want: nothing,
  })),
  { what: 'a policy that is not an object', page: { policy: [hash] }, want: nothing },
  { what: 'problems that are not a list', page: refusing({ length: 5 }), want: { ...nothing, refused: { hash, problems: [] } } },
  {
    what: 'problems that are not what they should be',
    page: refusing([1, null, { path: 1, why: {} }]),
    want: { ...nothing, refused: { hash, problems: [{ path: '', why: '' }] } },
  },
  {
    what: 'backends of wrong types',
    page: { backends: [1, { backend: 5, addresses: 'x', lookupError: [] }] },
    want: { ...nothing, backends: [{ name: '', reachable: false, why: '' }] },
  },
  {
    what: 'control characters, and such as turn the text around',
    page: refusing([{ path: 'a\u0000b', why: 'c\r\nd\u001b[31m\u007f \u202Eevil\u200B' }]),
    want: { ...nothing, refused: { hash, problems: [{ path: 'a b', why: 'c  d [31m   evil ' }] } },
  },
  {
    what: 'half a character at the end of what is cut off, which the API server would write in another way',
    page: refusing([{ path: 'a', why: `${'x'.repeat(499)}😀` }]),
    want: { ...nothing, refused: { hash, problems: [{ path: 'a', why: `${'x'.repeat(499)}\uFFFD` }] } },
  },
]

describe('a status page with', () => {
  for (const { what, page, want } of cases) test(what, () => assert.deepEqual(readReport(page), want))

  test('much too much is cut off', () => {
    const many = Array.from({ length: 5000 }, () => ({
      path: 'p'.repeat(5000),
      why: 'w'.repeat(5000),
      backend: 'b'.repeat(5000),
      addresses: [],
    }))
    const report = readReport({ refusedPolicy: { hash, problems: many }, backends: many })
    assert.deepEqual([report.refused?.problems.length, report.backends.length], [20, 20])
    assert.ok(JSON.stringify(report).length < 40_000)
  })

  test('anything at all gives a report of bounded, printable text', () => {
    const field = fc.constantFrom(
      'policy',
      'refusedPolicy',
      'hash',
      'problems',
      'path',
      'why',
      'backends',
      'backend',
      'addresses',
      'label',
      'state',
      'lastError',
      'lookupError',
    )
    const { page } = fc.letrec((tie) => ({
      page: fc.oneof(
        { maxDepth: 5 },
        fc.string({ unit: 'binary' }),
        fc.constant(hash),
        fc.integer(),
        fc.constant(null),
        fc.array(tie('page'), { maxLength: 3 }),
        fc.dictionary(field, tie('page')),
      ),
    }))
    const property = fc.property(page, (any) => {
      const report = readReport(any)
      assert.ok(report.hash === undefined || /^[0-9a-f]{64}$/.test(report.hash))
      const texts = [
        ...(report.refused?.problems ?? []).flatMap(({ path, why }) => [path, why]),
        ...report.backends.flatMap(({ name, why }) => [name, why]),
      ]
      for (const text of texts) {
        assert.ok(text.isWellFormed())
        assert.ok(text.length <= 1002)
        assert.doesNotMatch(text, /[\p{Cc}\p{Cf}]/u)
      }
    })
    fc.assert(property, { numRuns: 150 })
  })
})
