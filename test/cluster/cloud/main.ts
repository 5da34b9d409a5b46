// What a cloud does for its Kubernetes clusters, for the test cluster: load balancers and volumes. Runs inside the cluster's namespaces.
//   main.ts STATE-FOLDER NODES FAMILY…
import { Api } from './api.ts'
import { LoadBalancer } from './load-balancer.ts'
import { Volumes } from './volumes.ts'

const [state = '', count = '', ...families] = process.argv.slice(2)
const api = new Api(`${state}/admin.kubeconfig`)
// As node_address of node.sh gives them.
const nodeBases = { ipv4: '10.10.0.', ipv6: 'fd00:10:10::' }
const nodes = (families as (keyof typeof nodeBases)[]).map((family) => ({
  family,
  nodes: Array.from({ length: Number(count) }, (_, index) => `${nodeBases[family]}${11 + index}`),
}))

await Promise.all([new LoadBalancer(api, nodes).serve(), new Volumes(api, `${state}/volumes`).serve()])
