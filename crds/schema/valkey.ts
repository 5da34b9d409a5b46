// The fields of a Valkey or Redis server that gateways share. A policy never contains a password. It names the Secret
// or file that contains it.
import { formatEndpoint } from '../values/endpoint.ts'
import { choice, count, documented, flag, group, list, type Tenancy, text } from './field.ts'
import { hostName } from './host-name.ts'
import { hostPort } from './hosts.ts'
import { certificateSecret, secretRef } from './secret-ref.ts'

/** A path relative to the folder of the policy file. */
const path = (what: string, doc: string, tenancy: Tenancy = 'own') =>
  documented(text({ max: 1024, pattern: '^[^\\x00-\\x1f]*$', why: `must be the path of ${what}` }).default(''), { doc, tenancy })

/** One word, as the server accepts it. */
const word = (what: string, doc: string) =>
  documented(text({ max: 255, pattern: '^[!-~]*$', why: `must be ${what}: printable ASCII without blanks` }).default(''), {
    doc,
    tenancy: 'own',
  })

const secretEntry = (doc: string, tenancy?: Tenancy) => secretRef({ doc, ...(tenancy !== undefined && { tenancy }) })

const tls = group(
  {
    enabled: flag(false, {
      doc: 'Whether connections use TLS (1.2 or later) and the certificate of the server is verified. A rediss:// URL enables this too.',
    }),
    secretName: certificateSecret({
      doc: 'The name of a Secret in the namespace of the policy. ca.crt contains the trusted certificate authorities; without it, the default authorities of Node.js are trusted. tls.crt and tls.key contain the client certificate, for a server that requests one. The gateway reads the files from secrets/NAME next to the policy file.',
    }),
    caFile: path('a PEM file', 'The path of a PEM file with the trusted certificate authorities, for a gateway outside Kubernetes.'),
    serverName: documented(hostName({ what: 'a host name such as valkey.example.com', max: 253, mayBeEmpty: true }).default(''), {
      doc: 'The host name that server certificates must contain. Empty: the host name or address of the connection. Sentinels and clusters return addresses of servers, which certificates rarely contain.',
      tenancy: 'own',
    }),
  },
  { doc: 'TLS with the servers.' },
)

export const valkey = group(
  {
    mode: documented(choice(['Single', 'Sentinel', 'Cluster']).default('Single'), {
      doc: 'The type of the deployment. Single: one server, or a Service that leads to the primary. Sentinel: addresses lists sentinels, which return the address of the primary. Cluster: addresses lists some nodes, which return the addresses of the others.',
    }),
    addresses: documented(list(hostPort('valkey.example.com:6379'), { max: 32, type: 'set', canonical: formatEndpoint }).prefault([]), {
      doc: 'The servers, each HOST:PORT. Set exactly one of addresses, urlSecret and urlFile. With mode Single, if one server fails, the next one is tried.',
      tenancy: 'listedHosts',
    }),
    urlSecret: secretEntry(
      'A reference to a Secret key that contains a URL redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS. Replaces addresses, username, password and database.',
      // The URL contains the servers, and the operator cannot read it.
      'default',
    ),
    urlFile: path('a file with a URL', 'The path of a file with the same URL, for a gateway outside Kubernetes.', 'default'),
    masterName: word('a name', 'The name of the primary in the configuration of the sentinels. Only with mode Sentinel.'),
    database: count(0, { min: 0, max: 1_000_000 }, { doc: 'The number of the database. Must be 0 for a cluster.' }),
    username: word('the name of a user', 'The name of the ACL user on the servers. Empty: the default user.'),
    passwordSecret: secretEntry(
      'A reference to a Secret key that contains the password of the user. The password is used for sentinels too, without the username. A changed password is read again.',
    ),
    passwordFile: path('a file with a password', 'The path of a file with the password, for a gateway outside Kubernetes.'),
    tls,
    keyPrefix: documented(text({ max: 64, pattern: '^[!-~]*$', why: 'must be printable ASCII without blanks' }).default('postscreen:'), {
      doc: 'The prefix of every key. Policies that use the same database but must not share their allowlist need different prefixes.',
      tenancy: 'own',
    }),
    timeoutMilliseconds: count(
      50,
      { min: 1, max: 5000 },
      {
        doc: 'The time limit for a reply of the store, in milliseconds. After it, the client is tested like a new client.',
        unit: 'milliseconds',
      },
    ),
  },
  { doc: 'The Valkey server, or Redis from version 6, that gateways share when store is Valkey.' },
)
