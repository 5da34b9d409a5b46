// The fields of lost client addresses: a load balancer or node in front may put its own address in place of the
// client's.
import { choice, documented, group } from './field.ts'
import { networks } from './forms.ts'

export const clientAddress = group(
  {
    guard: documented(choice(['Warn', 'Defer']).default('Warn'), {
      doc: 'What happens to a client whose own address is not known: it has a private or loopback address that is neither in internal nor in the access list, or the address that almost all clients seem to have; while almost all have private addresses, also one in the access list. Warn: it is tested and handed off as usual, and the gateway reports it. Defer: it receives 421 when it connects, and is not handed off. With both, a PROXY header for a mail server never contains such a private address: it contains 192.0.2.1 or 2001:db8::1 instead, which no host has.',
      differs: 'postscreen does not notice lost addresses.',
    }),
    internal: documented(networks(0, 1000).prefault([]), {
      doc: 'Private and other addresses that are expected: hosts of your own that send mail through the gateway, or a mail filter in front of it. Mail servers receive these addresses in the PROXY header, and they are not counted when the gateway looks for lost addresses. The clients are tested as usual. Do not list the addresses of load balancers or nodes. A mail server that relays mail for a network of this list relays it for these clients.',
      tenancy: 'own',
    }),
  },
  { doc: 'Protection against lost client addresses, when a load balancer or node replaces the address of each client with its own.' },
)
