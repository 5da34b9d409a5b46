// The fields of connections: listeners, mail servers, and connection limits.
import { canonicalEndpoint, formatEndpoint } from '../values/endpoint.ts'
import { choice, count, documented, duration, group, list, record, text, whole } from './field.ts'
import { bannerMacros, networks, template } from './forms.ts'
import { hostName } from './host-name.ts'
import { addressPort, hostPort } from './hosts.ts'

export const mode = documented(choice(['Enforce', 'Audit']).default('Enforce'), {
  doc: 'Enforce: clients that fail a test are refused as the action of the test says. Audit: all results are logged and counted, but every client is handed off to a mail server.',
})

export const hostname = documented(hostName({ what: 'a host name such as mx.example.com', max: 255, mayBeEmpty: true }).default(''), {
  doc: 'The host name of the gateway in greetings and replies. Empty: the host name of the machine or pod.',
  postfix: { own: 'myhostname' },
  tenancy: 'own',
  convert: { as: 'text' },
})

export const banner = documented(template(500, bannerMacros).prefault('$hostname ESMTP Postfix'), {
  doc: 'The text of the 220 greeting. $hostname is replaced with the host name.',
  postfix: { own: 'smtpd_banner' },
  zimbra: ['zimbraMtaSmtpdBanner'],
  tenancy: 'own',
  convert: { as: 'template' },
})

export const listen = group(
  {
    addresses: documented(
      list(addressPort(), { min: 1, max: 32, type: 'set', canonical: canonicalEndpoint }).prefault(['0.0.0.0:2525', '[::]:2525']),
      {
        doc: 'The addresses on which the gateway accepts SMTP clients, each ADDRESS:PORT. [::] means all IPv6 addresses, without IPv4.',
        tenancy: 'own',
      },
    ),
    proxyProtocol: group(
      {
        mode: documented(choice(['None', 'Required', 'TrustedNetworks']).default('None'), {
          doc: 'Which connections must begin with a PROXY protocol header (version 1 or 2). None: no connection. Required: every connection. TrustedNetworks: connections from trustedNetworks; other connections come directly from clients.',
          postfix: { own: 'postscreen_upstream_proxy_protocol' },
          zimbra: ['zimbraMtaPostscreenUpstreamProxyProtocol'],
          convert: { as: 'proxyProtocol' },
          differs: 'Postfix has only the equivalents of None and Required.',
        }),
        trustedNetworks: documented(networks(0, 100).prefault([]), {
          doc: 'The addresses of the load balancers whose PROXY headers are trusted. Only with mode TrustedNetworks.',
          tenancy: 'own',
        }),
        timeout: duration(
          '5s',
          { max: '5m' },
          {
            doc: 'The time limit for receiving the complete PROXY header.',
            postfix: { own: 'postscreen_upstream_proxy_timeout' },
          },
        ),
      },
      { doc: 'The PROXY protocol of a load balancer in front of the gateway.' },
    ),
  },
  { doc: 'Where the gateway accepts connections.' },
)

const dnsLabel = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

export const backend = documented(
  record({
    addresses: documented(
      list(hostPort('postfix.example.com:10025'), {
        min: 1,
        max: 64,
        type: 'set',
        canonical: formatEndpoint,
      }).exactOptional(),
      { doc: 'The mail servers that receive clean clients, each HOST:PORT. Set either this or service.', tenancy: 'listedHosts' },
    ),
    service: documented(
      record({
        name: documented(text({ min: 1, max: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$', why: 'must be the name of a Service' }), {
          doc: 'The name of the Service. Use a headless Service, so that the gateway sees each pod.',
          tenancy: 'own',
        }),
        namespace: documented(text({ min: 1, max: 63, pattern: dnsLabel, why: 'must be the name of a namespace' }).exactOptional(), {
          doc: 'The namespace of the Service. If not set: the namespace of the policy.',
          tenancy: 'ownNamespace',
        }),
        port: documented(whole({ min: 1, max: 65_535 }), { doc: 'The port of the mail servers.' }),
      }).exactOptional(),
      {
        doc: 'A Service in the cluster. Each of its ready pods is a mail server that receives clean clients. Set either this or addresses.',
      },
    ),
    proxyProtocol: documented(choice(['V2', 'V1', 'None']).default('V2'), {
      doc: 'The PROXY protocol header that gives the address of the client to the mail server. With None, the mail server sees the address of the gateway instead: use None only if the mail server trusts no client because of its address. A mail server receives no clients until the gateway has verified that it reads the header that is set here.',
      differs: 'postscreen passes the socket itself. The mail server needs smtpd_upstream_proxy_protocol = haproxy.',
    }),
    connectTimeout: duration(
      '1s',
      { max: '5m' },
      {
        doc: 'The time limit for connecting to one mail server. After it, the next mail server is tried.',
        differs: 'postscreen connects to smtpd with a fixed limit of 1s.',
      },
    ),
    greetingTimeout: duration(
      '100s',
      { max: '10m' },
      {
        doc: 'The time limit for receiving the greeting of the mail server.',
        differs: 'postscreen waits up to a fixed 100s for smtpd to take the socket.',
      },
    ),
    holdTime: duration(
      '8s',
      { min: '0s', max: '1m' },
      {
        doc: 'The time that a clean client waits while no mail server accepts it. Meanwhile, the names of the mail servers are looked up again. A mail server that is replaced is usually back within seconds, whereas a refused client retries after minutes. 0s: the client is refused at once.',
        differs: 'postscreen refuses the client at once.',
      },
    ),
    probeInterval: duration(
      '30s',
      { min: '1s', max: '1h' },
      {
        doc: 'The time between two health checks of each mail server. A health check is a short SMTP conversation that verifies that the mail server works and reads the PROXY header as set in proxyProtocol. While mail servers greet clients, health checks are half as frequent. Each one writes two lines to the log of Postfix. In a gateway with several workers, one process makes the health checks for all.',
      },
    ),
    connectRate: count(
      500,
      { min: 0, max: 100_000 },
      {
        doc: 'The maximum number of new connections per second from one gateway to one mail server. Further clients wait. 0: no limit.',
        unit: 'connections per second',
      },
    ),
    slowStart: duration(
      '10s',
      { min: '0s', max: '15m' },
      {
        doc: 'The time during which a mail server that is new, or works again, receives fewer clients. It begins with a tenth of its share, and the share grows. Without this, it would receive all new clients until it has as many sessions as the other mail servers. 0s: no slow start.',
      },
    ),
  }),
  { doc: 'The mail servers that receive clean clients. Set exactly one of addresses and service.' },
)

export const limits = group(
  {
    connections: count(
      0,
      { min: 0, max: 10_000_000 },
      {
        doc: 'The maximum number of client connections of a gateway, in every state and mode: under test, waiting, connected to a mail server, and health checks. Further clients are refused with 421. 0: the limit of open files decides, less a reserve. A higher number is reduced to that limit.',
        unit: 'connections',
        differs: 'postscreen has no such limit, because it does not keep the connections that smtpd has taken.',
      },
    ),
    connectionsPerClient: count(
      50,
      { min: 0, max: 1_000_000 },
      {
        doc: 'The maximum number of connections of one client, including those to a mail server. Further connections are refused with 421. A client is an address, or a network with the prefix length in allowlist.prefix. 0: no limit.',
        unit: 'connections',
        postfix: { own: 'postscreen_client_connection_count_limit', inherits: 'smtpd_client_connection_count_limit' },
        differs: 'postscreen counts connections of a single address, and only during the tests. smtpd counts its own connections.',
      },
    ),
    preQueue: count(
      10_000,
      { min: 10, max: 1_000_000 },
      {
        doc: 'The maximum number of connections under test. Further clients are refused with 421. Stress mode begins at 90 percent of this number and ends at 70 percent.',
        unit: 'connections',
        postfix: { own: 'postscreen_pre_queue_limit', inherits: 'default_process_limit' },
        zimbra: ['zimbraMtaDefaultProcessLimit'],
        differs: 'The default in Postfix is 100.',
      },
    ),
    postQueue: count(
      1000,
      { min: 5, max: 1_000_000 },
      {
        doc: 'The maximum number of clean clients that wait for a mail server. Further clients are refused with 421.',
        unit: 'connections',
        postfix: { own: 'postscreen_post_queue_limit', inherits: 'default_process_limit' },
        zimbra: ['zimbraMtaDefaultProcessLimit'],
        differs: 'The default in Postfix is 100.',
      },
    ),
  },
  { doc: 'Limits on the number of connections.' },
)
