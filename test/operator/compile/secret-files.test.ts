// Which Secrets a policy names: every field of the schema that does is found, and nothing of what users name themselves.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { fields } from '../../../crds/schema/fields.ts'
import { parsePolicy } from '../../../crds/policy.ts'
import { type SecretFile, secretFiles } from '../../../operator/compile/secret-files.ts'
import { policyWith } from '../policy-object.ts'

/** As `SECRET/KEY`. */
const written = (files: readonly SecretFile[]): string[] => files.map(({ secret, key }) => `${secret}/${key}`)

function secretsOf(spec: object): string[] {
  const parsed = parsePolicy(policyWith(spec))
  if ('problems' in parsed) throw new Error(JSON.stringify(parsed.problems))
  return written(secretFiles(parsed.policy.spec))
}

/** A spec with one field, which is an entry of each list on the way to it. */
function specWith(path: string, value: unknown): object {
  const steps = path.split('.').slice(1)
  return steps.reduceRight<unknown>((inner, step) => {
    const name = step.replace('[]', '')
    return { [name]: step.endsWith('[]') ? [inner] : inner }
  }, value) as object
}

const about = fields().filter(({ path }) => /secret/i.test(path.split('.').at(-1) ?? ''))
const readByNodes = ['spec.gateway.image.pullSecrets']

describe('secret files', () => {
  test('the schema names Secrets in these fields', () => {
    assert.deepEqual(about.map(({ path }) => path).toSorted(), [
      'spec.allowlist.valkey.passwordSecret',
      'spec.allowlist.valkey.tls.secretName',
      'spec.allowlist.valkey.urlSecret',
      'spec.dnsbl.sites[].keySecret',
      'spec.gateway.image.pullSecrets',
      'spec.tls.secretName',
    ])
  })

  for (const { path, type } of about.filter((field) => !readByNodes.includes(field.path))) {
    test(`${path} is found`, () => {
      const spec = specWith(path, type === 'object' ? { name: 'some', key: 'word' } : 'some')
      assert.deepEqual(written(secretFiles(spec)), type === 'object' ? ['some/word'] : ['some/ca.crt', 'some/tls.crt', 'some/tls.key'])
    })
  }

  const cases: readonly { readonly what: string; readonly spec: object; readonly want: readonly string[] }[] = [
    { what: 'a policy without Secrets has none', spec: { gateway: {} }, want: [] },
    {
      what: 'Secrets for pulling the image are the nodes’ business',
      spec: { gateway: { image: { pullSecrets: ['registry'] } } },
      want: [],
    },
    {
      what: 'an annotation may be called secretName',
      spec: { gateway: { podAnnotations: { secretName: 'Not a Secret' }, service: { annotations: { secretName: 'x' } } } },
      want: [],
    },
    {
      what: 'a label may be called secretName',
      spec: { gateway: { podLabels: { secretName: 'x' }, nodeSelector: { secretName: 'x' } } },
      want: [],
    },
    { what: 'a DNS list may be called secretName', spec: { dnsbl: { replyMap: { secretName: 'a name' } } }, want: [] },
    {
      what: 'sites with the same key name it once, in the order of names and not of sites',
      spec: {
        dnsbl: {
          sites: [
            { domain: 'b.example', keySecret: { name: 'z', key: 'k' } },
            { domain: 'c.example', keySecret: { name: 'a', key: 'k2' } },
            { domain: 'c.example', keySecret: { name: 'a', key: 'k1' } },
            { domain: 'd.example', keySecret: { name: 'z', key: 'k' } },
            { domain: 'e.example' },
          ],
        },
      },
      want: ['a/k1', 'a/k2', 'z/k'],
    },
    {
      what: 'one Secret for two purposes is mounted once with all keys',
      spec: {
        tls: { level: 'May', secretName: 'both' },
        allowlist: { store: 'Valkey', valkey: { addresses: ['valkey:6379'], passwordSecret: { name: 'both', key: 'password' } } },
      },
      want: ['both/ca.crt', 'both/password', 'both/tls.crt', 'both/tls.key'],
    },
  ]
  for (const { what, spec, want } of cases) test(what, () => assert.deepEqual(secretsOf(spec), want))
})
