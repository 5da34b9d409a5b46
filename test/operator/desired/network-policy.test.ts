// Where gateways may connect to: the ports of DNS servers, of mail servers and of a shared allowlist.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { objectOf } from './objects-of.ts'

const egressOf = (spec: object): readonly (readonly string[])[] =>
  (objectOf('NetworkPolicy', { gateway: {}, ...spec }).spec?.egress ?? []).map(({ ports = [] }) =>
    ports.map(({ protocol, port }) => `${protocol} ${port}`),
  )
const dns = ['UDP 53', 'TCP 53']
const valkey = (fields: object) => ({ allowlist: { store: 'Valkey', valkey: fields } })

describe('gateways may connect to', () => {
  const cases: readonly { readonly what: string; readonly spec: object; readonly want: readonly (readonly string[])[] }[] = [
    { what: 'the port of a Service', spec: {}, want: [dns, ['TCP 10025']] },
    {
      what: 'each port of the addresses of mail servers once',
      spec: { backend: { addresses: ['192.0.2.1:25', '192.0.2.2:25', 'mail.example:10025'] } },
      want: [dns, ['TCP 25', 'TCP 10025']],
    },
    {
      what: 'the ports of the policy’s DNS servers and port 53, each once',
      spec: { dnsbl: { resolvers: ['192.0.2.53', '192.0.2.54:5353', '192.0.2.55:5353'] } },
      want: [[...dns, 'UDP 5353', 'TCP 5353'], ['TCP 10025']],
    },
    {
      what: 'the ports of the shared allowlist and the usual ones, each once',
      spec: valkey({ addresses: ['valkey:6379', 'other:7000'] }),
      want: [dns, ['TCP 10025', 'TCP 6379', 'TCP 7000', 'TCP 26379']],
    },
    {
      what: 'the usual ports of a shared allowlist whose URL is in a Secret',
      spec: valkey({ urlSecret: { name: 'valkey', key: 'url' } }),
      want: [dns, ['TCP 10025', 'TCP 6379', 'TCP 26379']],
    },
  ]
  for (const { what, spec, want } of cases) test(what, () => assert.deepEqual(egressOf(spec), want))
})
