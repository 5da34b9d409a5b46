// The policy's fields about a Valkey or Redis that gateways share. Passwords are never part of a policy: it names the Secret or file that holds one.
import { hostNameProblem } from '../values/host.ts'
import { choice, count, documented, flag, group, list, type Tenancy, text } from './field.ts'
import { entryOf, objectNameForm } from './forms.ts'
import { hostPort } from './hosts.ts'

/** A path, relative to the folder of the policy file. */
const path = (what: string, doc: string, tenancy: Tenancy = 'own') =>
  documented(text({ max: 1024, pattern: '^[^\\x00-\\x1f]*$', why: `must be the path of ${what}` }).default(''), { doc, tenancy })

/** One word as the server takes it. */
const word = (what: string, doc: string) =>
  documented(text({ max: 255, pattern: '^[!-~]*$', why: `must be ${what}: printable ASCII without blanks` }).default(''), {
    doc,
    tenancy: 'own',
  })

const secretEntry = (doc: string, tenancy?: Tenancy) =>
  documented(entryOf('Secret').exactOptional(), { doc, ...(tenancy !== undefined && { tenancy }) })

const serverNameProblem = (name: string): string | undefined => {
  const problem = name === '' ? undefined : hostNameProblem(name)
  return problem === undefined ? undefined : `must be a host name such as valkey.example.com: ${problem}`
}

const tls = group(
  {
    enabled: flag(false, {
      doc: 'Whether connections are encrypted (TLS 1.2 or later) and the certificate of the server is checked. A rediss:// URL says the same.',
    }),
    secretName: documented(text({ max: 253, pattern: `^(${objectNameForm})?$`, why: 'must be the name of a Secret' }).default(''), {
      doc: 'A Secret in the namespace of the policy. ca.crt: the authorities that are believed; without it, those that Node.js knows. tls.crt and tls.key: what a server is shown that asks for a certificate. The gateway reads them from secrets/NAME beside the policy file.',
      tenancy: 'prefixedName',
    }),
    caFile: path('a PEM file', 'The authorities that are believed, as a PEM file; for a gateway outside Kubernetes.'),
    serverName: documented(
      text({
        max: 253,
        pattern: '^[A-Za-z0-9._-]*$',
        why: 'must be a host name such as valkey.example.com',
        problem: serverNameProblem,
      }).default(''),
      {
        doc: 'The name that certificates must be for. Empty: the name or address that was connected to. Sentinels and clusters name servers by their addresses, which certificates seldom hold.',
        tenancy: 'own',
      },
    ),
  },
  { doc: 'TLS to the servers.' },
)

export const valkey = group(
  {
    mode: documented(choice(['Single', 'Sentinel', 'Cluster']).default('Single'), {
      doc: 'Single: one server, or a Service that leads to the primary. Sentinel: the addresses are those of sentinels, which name the primary. Cluster: the addresses are those of some nodes, which name the others.',
    }),
    addresses: documented(list(hostPort('valkey.example.com:6379'), { max: 32, type: 'set' }).default([]), {
      doc: 'The servers, each HOST:PORT. Either these, urlSecret or urlFile. With mode Single the next one is tried when one fails.',
      tenancy: 'listedHosts',
    }),
    urlSecret: secretEntry(
      'A Secret with a URL redis://USER:PASSWORD@HOST:PORT/DATABASE, or rediss:// for TLS. Instead of addresses, username, password and database.',
      // Its text names the servers, and the operator cannot read it.
      'default',
    ),
    urlFile: path('a file with a URL', 'The same URL in a file, for a gateway outside Kubernetes.', 'default'),
    masterName: word('a name', 'The name that the sentinels have for the primary. Goes with mode Sentinel only.'),
    database: count(0, { min: 0, max: 1_000_000 }, { doc: 'The number of the database. A cluster has only 0.' }),
    username: word('the name of a user', 'The user (ACL) at the servers. Empty: the default user.'),
    passwordSecret: secretEntry(
      'A Secret with the password of the user. Sentinels are given it too, without the user. It is read again when it changes.',
    ),
    passwordFile: path('a file with a password', 'The same password in a file, for a gateway outside Kubernetes.'),
    tls,
    keyPrefix: documented(text({ max: 64, pattern: '^[!-~]*$', why: 'must be printable ASCII without blanks' }).default('postscreen:'), {
      doc: 'What every key begins with. Policies that use one database and shall not share their memory need different ones.',
      tenancy: 'own',
    }),
    timeoutMilliseconds: count(
      50,
      { min: 1, max: 5000 },
      {
        doc: 'How long a client waits at most for an answer, in milliseconds. Without one in time it is tested like a new client.',
        unit: 'milliseconds',
      },
    ),
  },
  { doc: 'The Valkey, or Redis from version 6, that gateways share with store Valkey.' },
)
