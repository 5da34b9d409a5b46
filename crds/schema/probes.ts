// The field of health checks: connections from load balancers and kubelets that only check whether the gateway works.
import { documented, group } from './field.ts'
import { networks } from './forms.ts'

export const probes = group(
  {
    networks: documented(networks(0, 1000).prefault([]), {
      doc: 'The addresses from which health checks connect. Each connection is answered at once, or with 421 while the gateway is not ready. It is not tested, remembered or logged, and it cannot send mail (MAIL gets 450). Do not list addresses that clients use, such as node addresses when externalTrafficPolicy is Cluster. A load balancer that must send a PROXY header may be listed too: its clients are tested as usual, and its own health checks may omit the header.',
      differs: 'postscreen tests health checks like clients.',
      tenancy: 'own',
    }),
  },
  { doc: 'Health checks of load balancers and kubelets that connect to the SMTP port.' },
)
