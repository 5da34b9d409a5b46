// Specs of all shapes, most of them nearly right, for properties that hold for any policy.
import * as fc from 'fast-check'
import { type SchemaNode, specSchema, typeOf } from '../../crds/schema/fields.ts'
import { apiVersion, kind } from '../../crds/schema/policy.schema.ts'

/** Texts that are right somewhere, wrong elsewhere, or right by a hair. */
const texts = [
  '0s 1s 6s 300s 5m 301s 1h 366d 367d 53w 9999999w 6 6x 06s 1h30m',
  '192.0.2.1 192.0.2.0/24 192.0.2.1/24 2001:db8::/32 ::1 ::/0 ::ffff:192.0.2.1 [::1] !192.0.2.1 all !all',
  '0.0.0.0:25 [::]:25 [0::0]:25 postfix:25 a:0 192.0.2.1:53 [2001:db8::53]:53',
  'bl.example.org zen -x.example mx.example.com. ä.example',
  '127.0.0.2 127.0.0.[2..11] [127.0.0.2] 127.0.0.[2..1] 127.0.0',
  '$hostname $banner $client_address $$ $x CONNECT',
  'Permit Enforce enforce None May TrustedNetworks VRFY vrfy /tls.crt postfix',
]
  .flatMap((line) => line.split(' '))
  .concat('', 'a b', '\\c line', 'a\nb', '550 5.5.1 Protocol error', '250 Ok', 'GET /', 'x'.repeat(254))

const anyText = fc.oneof({ weight: 9, arbitrary: fc.constantFrom(...texts) }, { weight: 1, arbitrary: fc.string() })
const misfit = fc.oneof(
  anyText,
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
  fc.constant([]),
  fc.constant({}),
  fc.jsonValue({ maxDepth: 2 }),
)

/** Without null, which these properties take for a field that is not set. */
const partOfManifest = fc.oneof(anyText, fc.integer(), fc.boolean(), fc.constant({ a: { b: [{ c: 1 }] } }))

function fitting(node: SchemaNode): fc.Arbitrary<unknown> {
  if (typeOf(node) === 'manifest') return fc.dictionary(anyText, partOfManifest, { maxKeys: 3 })
  if (node.enum) return fc.constantFrom(...node.enum)
  if (node.items) return fc.array(value(node.items), { maxLength: 3 })
  if (node.properties) return object(node)
  if (node.additionalProperties) return fc.dictionary(anyText, value(node.additionalProperties), { maxKeys: 3 })
  if (node.type === 'boolean') return fc.boolean()
  if (node.type === 'integer') {
    const { minimum = 0, maximum = 0 } = node
    return fc.oneof(
      { weight: 40, arbitrary: fc.integer({ min: minimum, max: maximum }) },
      { weight: 1, arbitrary: fc.constantFrom(minimum, minimum - 1, maximum, maximum + 1) },
    )
  }
  const right = texts.filter((text) => new RegExp(node.pattern ?? '').test(text) && text.length <= (node.maxLength ?? 0))
  return right.length > 0 ? fc.constantFrom(...right) : anyText
}

const value = (node: SchemaNode): fc.Arbitrary<unknown> =>
  fc.oneof({ weight: 400, arbitrary: fitting(node) }, { weight: 1, arbitrary: misfit })

/** Some of the fields of an object, seldom an unknown one. */
function object(node: SchemaNode): fc.Arbitrary<Readonly<Record<string, unknown>>> {
  const fields = Object.entries(node.properties ?? {}).map(([name, child]) => {
    const present = node.required?.includes(name) ? 20 : 1
    const entry = value(child).map((one): readonly [string, unknown][] => [[name, one]])
    return fc.oneof({ weight: present, arbitrary: entry }, { weight: 4, arbitrary: fc.constant([]) })
  })
  const unknown = fc.oneof(
    { weight: 400, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.tuple(anyText, misfit).map((entry): readonly [string, unknown][] => [entry]) },
  )
  return fc.tuple(...fields, unknown).map((entries) => Object.fromEntries(entries.flat()))
}

/** Backends without a problem, for most of the specs: there is much that can be wrong with one. */
const goodBackend = fc.constantFrom(
  { addresses: ['postfix.example.com:10025', '[2001:db8::1]:25'] },
  { service: { name: 'postfix', port: 10025 }, connectTimeout: '2s' },
  { service: { name: 'postfix', namespace: 'mail', port: 25 }, proxyProtocol: 'V1' },
)

/** A spec as a user might write it. */
export const arbitrarySpec = (): fc.Arbitrary<Readonly<Record<string, unknown>>> => {
  const spec = object(specSchema())
  const mended = fc.tuple(spec, goodBackend).map(([rest, backend]) => Object.assign({}, rest, { backend }))
  return fc.oneof({ weight: 1, arbitrary: spec }, { weight: 9, arbitrary: mended })
}

/** The whole manifest of a spec. */
export const manifestOf = <T>(spec: T) => ({ apiVersion, kind, metadata: { name: 'mx' }, spec }) as const
