// What the condition ClientAddressPreserved says: whether addresses are lost, and the setting to change.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { readReport } from '../../../operator/gateways/report.ts'
import { clientAddressPreserved } from '../../../operator/status/client-addresses.ts'
import { findingsOf } from '../../../operator/status/findings.ts'
import { atRest } from '../observed.ts'

interface Page {
  readonly preserved?: boolean | null
  readonly network?: string
  readonly connections?: number
  readonly addresses?: readonly (readonly [string, number])[]
}

/** The finding when each gateway has this on its status page. */
function found(pages: readonly (Page | undefined)[], spec: object = { gateway: {} }) {
  const base = atRest({ backend: { service: { name: 'postfix', port: 25 } }, ...spec })
  const [pod] = base.pods
  assert.ok(pod !== undefined)
  const pods = pages.map((page, at) => {
    if (page === undefined) return { ...pod, name: `mx-${at}`, report: readReport({}) }
    const { preserved = false, network = null, connections = 200, addresses = [['10.244.1.7', connections]] } = page
    const top = addresses.map(([address, count]) => ({ address, connections: count }))
    const clientAddress = { preserved, network, connections, enough: 200, addresses: top }
    return { ...pod, name: `mx-${at}`, report: readReport({ clientAddress }) }
  })
  const seen = { ...base, pods }
  assert.deepEqual(findingsOf(seen).ClientAddressPreserved, clientAddressPreserved(seen))
  const { status, reason, message } = clientAddressPreserved(seen)
  return { is: `${status} ${reason}`, message, ready: findingsOf(seen).Ready }
}

const service = (fields: object, more: object = {}) => ({ gateway: { service: fields }, ...more })
const proxyProtocol = (mode: string, trustedNetworks: readonly string[] = []) => ({ listen: { proxyProtocol: { mode, trustedNetworks } } })

const causes: readonly { readonly what: string; readonly spec: object; readonly reason: string; readonly says: RegExp }[] = [
  {
    what: 'with externalTrafficPolicy Cluster',
    spec: service({ externalTrafficPolicy: 'Cluster' }),
    reason: 'ExternalTrafficPolicyCluster',
    says: /Service mx-gateway: .*set spec\.gateway\.service\.externalTrafficPolicy: Local\./,
  },
  {
    what: 'with a node port and Cluster',
    spec: service({ type: 'NodePort', externalTrafficPolicy: 'Cluster' }),
    reason: 'ExternalTrafficPolicyCluster',
    says: /externalTrafficPolicy: Local/,
  },
  {
    what: 'with Cluster, although a header is expected',
    spec: service({ externalTrafficPolicy: 'Cluster' }, proxyProtocol('TrustedNetworks', ['10.0.0.0/24'])),
    reason: 'ExternalTrafficPolicyCluster',
    says: /PROXY headers are not expected: set spec\.gateway\.service\.externalTrafficPolicy: Local/,
  },
  {
    what: 'with Local already',
    spec: service({ externalTrafficPolicy: 'Local' }),
    reason: 'ProxyHeaderMissing',
    says: /externalTrafficPolicy is Local already.*send a PROXY header.*trustedNetworks \(now 10\.244\.1\.7\)/,
  },
  { what: 'with a ClusterIP', spec: service({ type: 'ClusterIP' }), reason: 'ProxyHeaderMissing', says: /type ClusterIP.*PROXY header/ },
  {
    what: 'from networks that are not trusted',
    spec: service({}, proxyProtocol('TrustedNetworks', ['10.0.0.0/24'])),
    reason: 'ProxyHeaderMissing',
    says: /trustedNetworks \(10\.244\.1\.7\)/,
  },
  { what: 'named by headers', spec: service({}, proxyProtocol('Required')), reason: 'ProxyHidesClients', says: /Service of the proxy/ },
]

describe('ClientAddressPreserved', () => {
  for (const { what, spec, reason, says } of causes) {
    test(`names the cause and the setting ${what}`, () => {
      const { is, message, ready } = found([{}], spec)
      assert.equal(is, `False ${reason}`)
      assert.match(message, says)
      assert.match(message, /spec\.clientAddress\.internal$/)
      assert.deepEqual(ready, found([{ preserved: true, addresses: [] }], spec).ready, 'it does not affect Ready')
    })
  }

  test('says whose the addresses are', () => {
    assert.match(found([{ addresses: [['192.0.2.101', 200]] }]).message, /come from addresses of nodes \(such as 192\.0\.2\.101\)/)
    assert.match(found([{ addresses: [['10.0.7.1', 200]] }]).message, /come from the pod network \(such as 10\.0\.7\.1\)/)
    assert.match(found([{ addresses: [['172.16.0.1', 200]] }]).message, /come from private addresses \(such as 172\.16\.0\.1\)/)
    assert.match(found([{ network: '203.0.113.0/24', addresses: [['203.0.113.4', 200]] }]).message, /come from 203\.0\.113\.0\/24/)
  })

  test('knows nodes with public addresses, of which a gateway knows nothing', () => {
    const nodes = [
      ['192.0.2.101', 190],
      ['198.51.100.3', 5],
    ] as const
    assert.equal(found([{ preserved: true, addresses: nodes }]).is, 'False ProxyHeaderMissing')
    assert.equal(found([{ preserved: null, addresses: nodes }]).is, 'False ProxyHeaderMissing')
    assert.equal(found([{ preserved: null, connections: 100, addresses: [['192.0.2.101', 100]] }]).is, 'Unknown TooFewConnections')
    assert.equal(found([{ preserved: true, addresses: [['192.0.2.101', 100]] }]).is, 'True Preserved')
  })

  test('is false if one gateway loses them, and says on how many', () => {
    const { is, message } = found([{ preserved: true, addresses: [] }, {}, { preserved: null, connections: 3, addresses: [] }])
    assert.equal(is, 'False ProxyHeaderMissing')
    assert.match(message, /lost on 1 of 3 gateways/)
  })

  test('is true if one gateway knows and none loses them', () => {
    assert.equal(
      found([
        { preserved: true, addresses: [] },
        { preserved: null, addresses: [] },
      ]).is,
      'True Preserved',
    )
  })

  test('is unknown with too few connections, and without reports', () => {
    assert.equal(found([{ preserved: null, addresses: [] }]).is, 'Unknown TooFewConnections')
    assert.equal(found([undefined]).is, 'Unknown NoReport')
    assert.equal(found([]).is, 'Unknown NoReport')
  })

  test('is never broken by what a pod says', () => {
    for (const clientAddress of [7, [], 'x', { addresses: 'x' }, { addresses: [7, {}] }, { preserved: 'no', connections: -1 }])
      assert.doesNotThrow(() => readReport({ clientAddress }))
    const { message } = found([{ network: 'x\u001b[31m\ny', addresses: [['x\u0007\n', 200]] }])
    assert.ok(!/[\u0000-\u001f]/.test(message))
  })
})
