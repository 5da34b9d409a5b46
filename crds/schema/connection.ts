// The policy's fields about connections: where they come in, where they go, how many there may be.
import { canonicalAddressPort, hostNameProblem } from '../values/host.ts'
import { choice, count, documented, duration, group, list, record, text, whole } from './field.ts'
import { bannerMacros, networks, template } from './forms.ts'
import { addressPort, hostPort } from './hosts.ts'

export const mode = documented(choice(['Enforce', 'Audit']).default('Enforce'), {
  doc: 'Enforce: clients that fail are turned away as the actions say. Audit: every verdict is logged and counted, and every client is handed on to the backend.',
})

export const hostname = documented(
  text({
    max: 255,
    pattern: '^[A-Za-z0-9._-]*$',
    why: 'must be a host name such as mx.example.com',
    problem: (name) => {
      const problem = name === '' ? undefined : hostNameProblem(name)
      return problem === undefined ? undefined : `must be a host name such as mx.example.com: ${problem}`
    },
  }).default(''),
  {
    doc: 'The name that the gateway gives itself in greetings and replies. Empty: the host name of the machine or pod.',
    postfix: { own: 'myhostname' },
    tenancy: 'own',
    convert: { as: 'text' },
  },
)

export const banner = documented(template(500, bannerMacros).default('$hostname ESMTP Postfix'), {
  doc: 'The text of the 220 greeting; $hostname stands for the host name.',
  postfix: { own: 'smtpd_banner' },
  zimbra: ['zimbraMtaSmtpdBanner'],
  tenancy: 'own',
  convert: { as: 'template' },
})

export const listen = group(
  {
    addresses: documented(
      list(addressPort(), { min: 1, max: 32, type: 'set', canonical: canonicalAddressPort }).default(['0.0.0.0:2525', '[::]:2525']),
      {
        doc: 'Where the gateway accepts SMTP clients, each ADDRESS:PORT. [::] stands for all IPv6 addresses only.',
        tenancy: 'own',
      },
    ),
    proxyProtocol: group(
      {
        mode: documented(choice(['None', 'Required', 'TrustedNetworks']).default('None'), {
          doc: 'Whether clients come with a PROXY protocol header (version 1 or 2). Required: every one. TrustedNetworks: those from trustedNetworks; all others are clients themselves.',
          postfix: { own: 'postscreen_upstream_proxy_protocol' },
          zimbra: ['zimbraMtaPostscreenUpstreamProxyProtocol'],
          convert: { as: 'proxyProtocol' },
          differs: 'Postfix has only none and required; TrustedNetworks is ours.',
        }),
        trustedNetworks: documented(networks(0, 100).default([]), {
          doc: 'The addresses of the load balancers whose PROXY header is believed. Goes with mode TrustedNetworks only.',
          tenancy: 'own',
        }),
        timeout: duration(
          '5s',
          { max: '5m' },
          {
            doc: 'How long to wait for the whole PROXY header.',
            postfix: { own: 'postscreen_upstream_proxy_timeout' },
          },
        ),
      },
      { doc: 'The PROXY protocol of a load balancer in front of the gateway.' },
    ),
  },
  { doc: 'Where clients come in.' },
)

const dnsLabel = '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$'

export const backend = documented(
  record({
    addresses: documented(
      list(hostPort('postfix.example.com:10025'), {
        min: 1,
        max: 64,
        type: 'set',
      }).exactOptional(),
      { doc: 'The mail servers that clean clients are handed on to, each HOST:PORT. Either this or service.', tenancy: 'listedHosts' },
    ),
    service: documented(
      record({
        name: documented(text({ min: 1, max: 63, pattern: '^[a-z]([-a-z0-9]*[a-z0-9])?$', why: 'must be the name of a Service' }), {
          doc: 'The name of the Service; a headless one, so that each of its pods is seen.',
          tenancy: 'own',
        }),
        namespace: documented(text({ min: 1, max: 63, pattern: dnsLabel, why: 'must be the name of a namespace' }).exactOptional(), {
          doc: 'The namespace of the Service. Left out: that of the policy.',
          tenancy: 'ownNamespace',
        }),
        port: documented(whole({ min: 1, max: 65_535 }), { doc: 'The port of the mail servers.' }),
      }).exactOptional(),
      {
        doc: 'A Service in the cluster; each of its ready pods is a mail server that clean clients are handed on to. Either this or addresses.',
      },
    ),
    proxyProtocol: documented(choice(['V2', 'V1', 'None']).default('V2'), {
      doc: 'The PROXY protocol header that tells the mail server who the client is. With None the mail server sees the address of the gateway instead of the client: do not use it unless the mail server trusts no client by its address. A mail server gets no client until the gateway has seen that it reads the header that this field specifies.',
      differs: 'postscreen passes the socket itself. The mail server needs smtpd_upstream_proxy_protocol = haproxy.',
    }),
    connectTimeout: duration(
      '1s',
      { max: '5m' },
      {
        doc: 'How long to wait for a connection to one mail server before the next one is tried.',
        differs: 'postscreen connects to smtpd with a fixed limit of 1s.',
      },
    ),
    greetingTimeout: duration(
      '100s',
      { max: '10m' },
      {
        doc: 'How long to wait for the greeting of the mail server.',
        differs: 'postscreen waits a fixed 100s until smtpd takes the socket.',
      },
    ),
    holdTime: duration(
      '8s',
      { min: '0s', max: '1m' },
      {
        doc: 'How long a clean client is held while no mail server takes it, and their names are asked for again. A mail server that is being replaced is back in seconds; a refused client comes back in minutes. 0s: it is refused at once.',
        differs: 'postscreen refuses at once.',
      },
    ),
    probeInterval: duration(
      '30s',
      { min: '1s', max: '1h' },
      {
        doc: 'How often the gateway holds a short SMTP conversation of its own with each mail server, to see that it is well and reads the PROXY header as proxyProtocol says. While clients are greeted it is made half as often. Each one is two lines in the log of Postfix. One process of a gateway makes them for all.',
      },
    ),
    connectRate: count(
      500,
      { min: 0, max: 100_000 },
      {
        doc: 'How many connections per second a gateway opens to one mail server at most; further clients wait their turn. 0: no limit.',
        unit: 'connections per second',
      },
    ),
    slowStart: duration(
      '10s',
      { min: '0s', max: '15m' },
      {
        doc: 'A mail server that is new or works again has no sessions, and would get every new client until it has as many as the others: for this long it gets fewer, from a tenth of its share on. 0s: all at once.',
      },
    ),
  }),
  { doc: 'The mail servers that clean clients are handed on to: exactly one of addresses and service.' },
)

export const limits = group(
  {
    connections: count(
      0,
      { min: 0, max: 10_000_000 },
      {
        doc: 'How many client connections a gateway may have at a time, in whatever state and in every mode: under test, waiting, handed on, health checks. More are refused with 421. 0: as many as the limit of open files allows, less a reserve; a higher number is cut to that.',
        unit: 'connections',
        differs: 'postscreen has no such limit: it does not keep the connections that smtpd has taken.',
      },
    ),
    connectionsPerClient: count(
      50,
      { min: 0, max: 1_000_000 },
      {
        doc: 'How many connections one client may have at a time, those to a mail server included; more are refused with 421. A client is an address, or a network of the length allowlist.prefix. 0: no limit.',
        unit: 'connections',
        postfix: { own: 'postscreen_client_connection_count_limit', inherits: 'smtpd_client_connection_count_limit' },
        differs: 'postscreen counts single addresses, and only while they are screened. smtpd counts the connections that it has.',
      },
    ),
    preQueue: count(
      10_000,
      { min: 10, max: 1_000_000 },
      {
        doc: 'How many connections may be screened at a time; more are refused with 421. From 90 percent of it on the gateway is in stress mode, until 70 percent.',
        unit: 'connections',
        postfix: { own: 'postscreen_pre_queue_limit', inherits: 'default_process_limit' },
        zimbra: ['zimbraMtaDefaultProcessLimit'],
        differs: 'The default of Postfix is 100.',
      },
    ),
    postQueue: count(
      1000,
      { min: 5, max: 1_000_000 },
      {
        doc: 'How many clean connections may wait for a mail server at a time; more are refused with 421.',
        unit: 'connections',
        postfix: { own: 'postscreen_post_queue_limit', inherits: 'default_process_limit' },
        zimbra: ['zimbraMtaDefaultProcessLimit'],
        differs: 'The default of Postfix is 100.',
      },
    ),
  },
  { doc: 'How many connections there may be.' },
)
