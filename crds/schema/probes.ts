// The policy's field about connections that only look whether the gateway is there: health checks of load balancers and kubelets.
import { documented, group } from './field.ts'
import { networks } from './forms.ts'

export const probes = group(
  {
    networks: documented(networks(0, 1000).default([]), {
      doc: 'The addresses that health checks come from. Each of their connections is answered at once, or with 421 while the gateway is not ready; it is not screened, remembered or logged, and it can send no mail: MAIL gets 450. Never put addresses here that clients have, such as those of nodes with externalTrafficPolicy Cluster. A load balancer that must send a PROXY header may be here too: its clients are screened as ever, and it may connect without a header.',
      differs: 'postscreen screens health checks like clients.',
      tenancy: 'own',
    }),
  },
  { doc: 'Health checks of load balancers and kubelets that come to the port of the clients.' },
)
