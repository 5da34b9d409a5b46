// What a cloud does for its Kubernetes clusters, for the test cluster: load balancers and volumes. Runs inside the cluster's namespaces.
//   main.ts STATE-FOLDER NODES
import { Api } from './api.ts'
import { LoadBalancer } from './load-balancer.ts'
import { Volumes } from './volumes.ts'

const [state = '', count = ''] = process.argv.slice(2)
const api = new Api(`${state}/admin.kubeconfig`)
const nodes = Array.from({ length: Number(count) }, (_, index) => `10.10.0.${11 + index}`)

await Promise.all([new LoadBalancer(api, nodes).serve(), new Volumes(api, `${state}/volumes`).serve()])
