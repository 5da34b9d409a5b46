// Manifests that keep or break one rule across fields, for the run-time form of the rule here and for its CEL form on a real API server.
// Each is the spec besides a backend; a case that is about the backend brings its own.

export interface RuleCase {
  readonly what: string
  readonly spec: Readonly<Record<string, unknown>>
  /** Where the rule is broken; undefined: it is kept. */
  readonly at?: string
}

const addresses = ['postfix.example.com:10025']
const service = { name: 'postfix', port: 10025 }
/** Domains that differ. */
const senders = (count: number, from = 0) => Array.from({ length: count }, (_, at) => `s${from + at}.example`)
const cidrs = ['192.0.2.0/24']

export const ruleCases: readonly RuleCase[] = [
  { what: 'only the mail servers', spec: { backend: { addresses } } },
  { what: 'a Service', spec: { backend: { service } } },
  { what: 'no mail server', spec: { backend: {} }, at: 'spec.backend' },
  { what: 'addresses and a Service', spec: { backend: { addresses, service } }, at: 'spec.backend' },

  { what: 'a gateway with nothing said', spec: { gateway: {} } },
  { what: 'a pod on each node', spec: { gateway: { kind: 'DaemonSet', hostPort: 25 } } },
  { what: 'a pod on each node, with the default of replicas', spec: { gateway: { kind: 'DaemonSet', replicas: 2 } } },
  { what: 'pods with volumes', spec: { gateway: { kind: 'Deployment', persistence: { size: '1Gi' } } } },
  { what: 'a pod on each node, with volumes', spec: { gateway: { kind: 'DaemonSet', persistence: {} } }, at: 'spec.gateway.persistence' },
  { what: 'a pod on each node, and a number of pods', spec: { gateway: { kind: 'DaemonSet', replicas: 3 } }, at: 'spec.gateway.replicas' },
  { what: 'a pod on each node, and none at all', spec: { gateway: { kind: 'DaemonSet', replicas: 0 } }, at: 'spec.gateway.replicas' },
  {
    what: 'a pod on each node, and an autoscaler',
    spec: { gateway: { kind: 'DaemonSet', autoscaling: {} } },
    at: 'spec.gateway.autoscaling',
  },
  { what: 'a Deployment with a number of pods', spec: { gateway: { kind: 'Deployment', replicas: 3 } } },
  { what: 'the network of the node', spec: { gateway: { hostNetwork: true, hostPort: 0 } } },
  {
    what: 'the network of the node, and a port of the node',
    spec: { gateway: { hostNetwork: true, hostPort: 25 } },
    at: 'spec.gateway.hostPort',
  },
  { what: 'as many pods at least as at most', spec: { gateway: { autoscaling: { minReplicas: 3, maxReplicas: 3 } } } },
  {
    what: 'more pods at least than at most',
    spec: { gateway: { autoscaling: { minReplicas: 4, maxReplicas: 3 } } },
    at: 'spec.gateway.autoscaling.minReplicas',
  },
  {
    what: 'more pods at least than the default of at most',
    spec: { gateway: { autoscaling: { minReplicas: 11 } } },
    at: 'spec.gateway.autoscaling.minReplicas',
  },
  { what: 'a number of pods by processor time and sessions', spec: { gateway: { autoscaling: { targetActiveSessions: 4000 } } } },
  {
    what: 'a number of pods by sessions alone',
    spec: { gateway: { autoscaling: { targetCPUUtilization: 0, targetActiveSessions: 4000 } } },
  },
  {
    what: 'a number of pods by nothing, in so many words',
    spec: { gateway: { autoscaling: { targetCPUUtilization: 0, targetActiveSessions: 0 } } },
    at: 'spec.gateway.autoscaling.targetCPUUtilization',
  },
  {
    what: 'a number of pods by nothing',
    spec: { gateway: { autoscaling: { targetCPUUtilization: 0 } } },
    at: 'spec.gateway.autoscaling.targetCPUUtilization',
  },

  { what: 'trusted networks with their mode', spec: { listen: { proxyProtocol: { mode: 'TrustedNetworks', trustedNetworks: cidrs } } } },
  { what: 'the PROXY protocol required', spec: { listen: { proxyProtocol: { mode: 'Required' } } } },
  {
    what: 'the mode TrustedNetworks without networks',
    spec: { listen: { proxyProtocol: { mode: 'TrustedNetworks' } } },
    at: 'spec.listen.proxyProtocol.trustedNetworks',
  },
  {
    what: 'the mode TrustedNetworks with an empty list',
    spec: { listen: { proxyProtocol: { mode: 'TrustedNetworks', trustedNetworks: [] } } },
    at: 'spec.listen.proxyProtocol.trustedNetworks',
  },
  {
    what: 'trusted networks with another mode',
    spec: { listen: { proxyProtocol: { mode: 'Required', trustedNetworks: cidrs } } },
    at: 'spec.listen.proxyProtocol.trustedNetworks',
  },
  {
    what: 'trusted networks without a mode',
    spec: { listen: { proxyProtocol: { trustedNetworks: cidrs } } },
    at: 'spec.listen.proxyProtocol.trustedNetworks',
  },

  { what: 'a short wait alone', spec: { greet: { wait: '1s' } } },
  { what: 'as long a wait in stress mode', spec: { greet: { wait: '1m', stressWait: '60s' } } },
  { what: 'a longer wait in stress mode', spec: { greet: { wait: '6s', stressWait: '1m' } }, at: 'spec.greet.stressWait' },
  { what: 'a wait in stress mode longer than the default', spec: { greet: { stressWait: '7s' } }, at: 'spec.greet.stressWait' },

  { what: 'bans with their defaults', spec: { bans: {} } },
  { what: 'a first ban as long as the longest', spec: { bans: { for: '24h', max: '1d' } } },
  { what: 'a first ban longer than the longest', spec: { bans: { for: '2h', max: '1h' } }, at: 'spec.bans.for' },
  { what: 'a first ban longer than the default of the longest', spec: { bans: { for: '2d' } }, at: 'spec.bans.for' },

  { what: 'a minimum below the maximum, in other units', spec: { dnsbl: { minTTL: '59m', maxTTL: '1h' } } },
  { what: 'a minimum above the maximum', spec: { dnsbl: { minTTL: '2h', maxTTL: '90m' } }, at: 'spec.dnsbl.minTTL' },
  { what: 'a minimum above the default maximum', spec: { dnsbl: { minTTL: '1d' } }, at: 'spec.dnsbl.minTTL' },
  { what: 'a maximum below the default minimum', spec: { dnsbl: { maxTTL: '59s' } }, at: 'spec.dnsbl.minTTL' },

  { what: 'a short command time limit alone', spec: { smtp: { commandTimeLimit: '5s' } } },
  {
    what: 'a longer command time limit in stress mode',
    spec: { smtp: { commandTimeLimit: '5s', stressCommandTimeLimit: '6s' } },
    at: 'spec.smtp.stressCommandTimeLimit',
  },
  {
    what: 'a command time limit in stress mode longer than the default',
    spec: { smtp: { stressCommandTimeLimit: '6m' } },
    at: 'spec.smtp.stressCommandTimeLimit',
  },

  { what: 'an action with networks', spec: { access: [{ action: 'Permit', cidrs }] } },
  { what: 'an action for all but some networks', spec: { access: [{ action: 'Reject', exceptCIDRs: cidrs }] } },
  { what: 'a table from a file', spec: { access: [{ table: { file: 'senders.cidr' } }] } },
  { what: 'a table of rules', spec: { access: [{ table: { rules: [{ action: 'Dunno', cidrs }] } }] } },
  { what: 'an empty entry', spec: { access: [{ action: 'Permit', cidrs }, {}] }, at: 'spec.access[1]' },
  { what: 'networks without an action', spec: { access: [{ cidrs }] }, at: 'spec.access[0]' },
  { what: 'an action and a table', spec: { access: [{ action: 'Permit', cidrs, table: { file: 'x' } }] }, at: 'spec.access[0]' },
  { what: 'an action without networks', spec: { access: [{ action: 'Permit' }] }, at: 'spec.access[0]' },
  { what: 'both kinds of networks', spec: { access: [{ action: 'Permit', cidrs, exceptCIDRs: cidrs }] }, at: 'spec.access[0]' },
  { what: 'networks beside a table', spec: { access: [{ table: { file: 'x' }, cidrs }] }, at: 'spec.access[0]' },
  { what: 'domains of senders', spec: { access: [{ action: 'Permit', spf: ['example.com', 'a_b.example'], refresh: '1h' }] } },
  {
    what: 'as many domains as there may be',
    spec: {
      access: [
        { action: 'Permit', spf: senders(30) },
        { action: 'Permit', spf: senders(20, 30) },
      ],
    },
  },
  {
    what: 'too many domains',
    spec: {
      access: [
        { action: 'Permit', spf: senders(30) },
        { action: 'Permit', spf: senders(21, 30) },
      ],
    },
    at: 'spec.access',
  },
  { what: 'domains and networks', spec: { access: [{ action: 'Permit', cidrs, spf: ['example.com'] }] }, at: 'spec.access[0]' },
  { what: 'domains beside a table', spec: { access: [{ table: { file: 'x' }, spf: ['example.com'] }] }, at: 'spec.access[0]' },
  { what: 'domains without an action', spec: { access: [{ spf: ['example.com'] }] }, at: 'spec.access[0]' },
  { what: 'domains to reject', spec: { access: [{ action: 'Reject', spf: ['example.com'] }] }, at: 'spec.access[0].spf' },
  { what: 'a refresh without domains', spec: { access: [{ action: 'Permit', cidrs, refresh: '2h' }] }, at: 'spec.access[0].refresh' },
  { what: 'an empty table', spec: { access: [{ table: {} }] }, at: 'spec.access[0].table' },
  {
    what: 'a table from a file and of rules',
    spec: { access: [{ table: { file: 'x', rules: [{ action: 'Dunno', cidrs }] } }] },
    at: 'spec.access[0].table',
  },

  {
    what: 'a table from a ConfigMap',
    spec: { access: [{ table: { configMap: { name: 'senders', key: 'senders.cidr.gz' } } }] },
  },
  {
    what: 'a table from a file and a ConfigMap',
    spec: { access: [{ table: { file: 'x', configMap: { name: 'senders', key: 'x' } } }] },
    at: 'spec.access[0].table',
  },
  {
    what: 'a table from a file, of rules and from a ConfigMap',
    spec: { access: [{ table: { file: 'x', rules: [{ action: 'Dunno', cidrs }], configMap: { name: 'senders', key: 'x' } } }] },
    at: 'spec.access[0].table',
  },

  { what: 'a site with a key in a Secret', spec: { dnsbl: { sites: [{ domain: 'a.b', keySecret: { name: 'lists', key: 'a' } }] } } },
  { what: 'a list of domain names', spec: { dnsbl: { sites: [{ domain: 'DBL.spamhaus.org' }] } }, at: 'spec.dnsbl.sites[0].domain' },
  {
    what: 'a list of domain names with a key',
    spec: { dnsbl: { sites: [{ domain: 'c.d' }, { domain: 'key.dbl.dq.spamhaus.net' }] } },
    at: 'spec.dnsbl.sites[1].domain',
  },
  { what: 'a list of addresses with a similar domain', spec: { dnsbl: { sites: [{ domain: 'adbl.spamhaus.org' }] } } },
  { what: 'a site with a key in a file', spec: { dnsbl: { sites: [{ domain: 'a.b', keyFile: 'a.key' }] } } },
  {
    what: 'a site with two keys',
    spec: { dnsbl: { sites: [{ domain: 'c.d' }, { domain: 'a.b', keySecret: { name: 'lists', key: 'a' }, keyFile: 'a.key' }] } },
    at: 'spec.dnsbl.sites[1]',
  },

  { what: 'TLS with a Secret', spec: { tls: { level: 'Encrypt', secretName: 'mx-tls' } } },
  { what: 'a Secret that is not used yet', spec: { tls: { secretName: 'mx-tls' } } },
  { what: 'TLS with an empty name of a Secret', spec: { tls: { level: 'May', secretName: '' } }, at: 'spec.tls' },
  { what: 'TLS with a file and a Secret', spec: { tls: { level: 'May', certFile: '/tls.crt', secretName: 'mx-tls' } }, at: 'spec.tls' },
  {
    what: 'TLS with both files and a Secret',
    spec: { tls: { level: 'May', certFile: '/tls.crt', keyFile: '/tls.key', secretName: 'mx-tls' } },
    at: 'spec.tls',
  },
  { what: 'TLS with both files', spec: { tls: { level: 'May', certFile: '/tls.crt', keyFile: '/tls.key' } } },
  { what: 'no TLS, but files', spec: { tls: { level: 'None', certFile: '/tls.crt' } } },
  { what: 'TLS without files', spec: { tls: { level: 'May' } }, at: 'spec.tls' },
  { what: 'TLS without the key', spec: { tls: { level: 'Encrypt', certFile: '/tls.crt' } }, at: 'spec.tls' },
  { what: 'one version of TLS', spec: { tls: { minVersion: 'TLSv1.2', maxVersion: 'TLSv1.2' } } },
  { what: 'a newest version of TLS alone', spec: { tls: { maxVersion: 'TLSv1' } } },
  {
    what: 'an oldest version newer than the newest',
    spec: { tls: { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.2' } },
    at: 'spec.tls.maxVersion',
  },
  { what: 'versions of TLS in the wrong order', spec: { tls: { minVersion: 'TLSv1.1', maxVersion: 'TLSv1' } }, at: 'spec.tls.maxVersion' },
  { what: 'a short handshake alone', spec: { tls: { handshakeTimeout: '5s' } } },
  {
    what: 'a longer handshake in stress mode',
    spec: { tls: { handshakeTimeout: '5s', stressHandshakeTimeout: '6s' } },
    at: 'spec.tls.stressHandshakeTimeout',
  },
  {
    what: 'a handshake in stress mode longer than the default',
    spec: { tls: { stressHandshakeTimeout: '6m' } },
    at: 'spec.tls.stressHandshakeTimeout',
  },
  { what: 'TLS that passes through, without files', spec: { tls: { level: 'Encrypt' }, deepTests: { handoff: 'SameSession' } } },
  {
    what: 'TLS that passes through, with a Secret',
    spec: { tls: { level: 'May', secretName: 'mx-tls' }, deepTests: { handoff: 'SameSession', tls: 'PassThrough' } },
  },
  {
    what: 'TLS that ends at the gateway, without files',
    spec: { tls: { level: 'May' }, deepTests: { handoff: 'SameSession', tls: 'Terminate' } },
    at: 'spec.tls',
  },
  {
    what: 'TLS that would pass through, but the client comes again',
    spec: { tls: { level: 'May' }, deepTests: { handoff: 'Reconnect', tls: 'PassThrough' } },
    at: 'spec.tls',
  },
  { what: 'long lines for clients that come again', spec: { smtp: { lineLengthLimit: 4096 }, deepTests: { handoff: 'Reconnect' } } },
  { what: 'lines as long as those of Postfix', spec: { smtp: { lineLengthLimit: 2048 }, deepTests: { handoff: 'SameSession' } } },
  {
    what: 'lines that are too long to be repeated',
    spec: { smtp: { lineLengthLimit: 2049 }, deepTests: { handoff: 'SameSession' } },
    at: 'spec.smtp',
  },
  { what: 'TLS with an empty path', spec: { tls: { level: 'Encrypt', certFile: '/tls.crt', keyFile: '' } }, at: 'spec.tls' },

  { what: 'an allowlist in a Valkey', spec: { allowlist: { store: 'Valkey', valkey: { addresses: ['valkey:6379'] } } } },
  { what: 'a URL of a Valkey', spec: { allowlist: { store: 'Valkey', valkey: { urlFile: 'url' } } } },
  { what: 'a Valkey that is not used', spec: { allowlist: { valkey: { addresses: ['valkey:6379'], urlFile: 'url' } } } },
  { what: 'no address of the Valkey', spec: { allowlist: { store: 'Valkey' } }, at: 'spec.allowlist.valkey' },
  {
    what: 'an address and a URL',
    spec: { allowlist: { store: 'Valkey', valkey: { addresses: ['valkey:6379'], urlFile: 'url' } } },
    at: 'spec.allowlist.valkey',
  },
  {
    what: 'sentinels with the name of their primary',
    spec: { allowlist: { valkey: { mode: 'Sentinel', masterName: 'mymaster' } } },
  },
  { what: 'sentinels without it', spec: { allowlist: { valkey: { mode: 'Sentinel' } } }, at: 'spec.allowlist.valkey.masterName' },
  { what: 'that name without sentinels', spec: { allowlist: { valkey: { masterName: 'x' } } }, at: 'spec.allowlist.valkey.masterName' },
  { what: 'database 0 of a cluster', spec: { allowlist: { valkey: { mode: 'Cluster', database: 0 } } } },
  {
    what: 'another database of a cluster',
    spec: { allowlist: { valkey: { mode: 'Cluster', database: 1 } } },
    at: 'spec.allowlist.valkey.database',
  },
  {
    what: 'two places for a password',
    spec: { allowlist: { valkey: { passwordFile: 'x', passwordSecret: { name: 'x', key: 'x' } } } },
    at: 'spec.allowlist.valkey',
  },
  { what: 'a user beside a URL', spec: { allowlist: { valkey: { urlFile: 'x', username: 'x' } } }, at: 'spec.allowlist.valkey' },
  {
    what: 'two authorities',
    spec: { allowlist: { valkey: { tls: { secretName: 'x', caFile: 'ca.crt' } } } },
    at: 'spec.allowlist.valkey.tls',
  },
]

/** The whole manifest of a case. */
export const ruleManifest = ({ spec }: RuleCase) => ({
  apiVersion: 'postscreen.dev/v1alpha1',
  kind: 'PostscreenPolicy',
  metadata: { name: 'mx' },
  // The rules about TLS depend on it, whatever its default is.
  spec: { backend: { addresses }, deepTests: { handoff: 'Reconnect' }, ...spec },
})
