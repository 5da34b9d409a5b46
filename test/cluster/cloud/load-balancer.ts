// Load balancers as a cloud has them: an address for each Service of type LoadBalancer, and new connections only to nodes that say they are healthy.
import { execFile } from 'node:child_process'
import { get } from 'node:http'
import { promisify } from 'node:util'
import type { Api, ApiObject } from './api.ts'

interface Service extends ApiObject {
  readonly spec: { readonly type?: string; readonly healthCheckNodePort?: number; readonly loadBalancerClass?: string }
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

/** kube-proxy's own health, which a cloud asks for when the Service's externalTrafficPolicy is Cluster. */
const kubeProxyHealthPort = 10256
const checkInterval = 500
const checkTimeout = 1000

const run = promisify(execFile)
const addressOf = (service: Service): string | undefined => service.status?.loadBalancer?.ingress?.[0]?.ip
const wants = (service: Service): boolean => service.spec.type === 'LoadBalancer' && service.spec.loadBalancerClass === undefined

/** Whether the node says that it has an endpoint for the Service (RFC 9110 200), or that its kube-proxy works. */
function isHealthy(node: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const asked = get({ host: node, port, path: '/healthz', timeout: checkTimeout, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode === 200)
    })
    asked.on('timeout', () => asked.destroy()).on('error', () => resolve(false))
  })
}

export class LoadBalancer {
  readonly #api: Api
  readonly #nodes: readonly string[]
  #services: readonly Service[] = []
  #ruleset = ''

  /** @param nodes the nodes' addresses; connections marked N are routed to the Nth, counted from 1 */
  constructor(api: Api, nodes: readonly string[]) {
    this.#api = api
    this.#nodes = nodes
  }

  /** Works until the process ends. */
  async serve(): Promise<never> {
    for (const [index, node] of this.#nodes.entries()) {
      await run('ip', ['rule', 'add', 'fwmark', String(index + 1), 'lookup', String(101 + index)])
      await run('ip', ['route', 'add', 'default', 'via', node, 'table', String(101 + index)])
    }
    const following = this.#api.follow('/api/v1/services', (all) => {
      this.#services = (all as readonly Service[]).filter(wants)
      for (const service of this.#services) if (addressOf(service) === undefined) this.#giveAddress(service)
    })
    this.#checkForEver()
    return following
  }

  #giveAddress(service: Service): void {
    const taken = new Set(this.#services.map(addressOf))
    let last = 1
    while (taken.has(`10.10.1.${last}`)) last += 1
    const ip = `10.10.1.${last}`
    // Taken from now on, whatever the watch says when.
    const status = { loadBalancer: { ingress: [{ ip }] } }
    this.#services = this.#services.map((other) => (other === service ? { ...service, status } : other))
    const { namespace, name } = service.metadata
    this.#api
      .call('PATCH', `/api/v1/namespaces/${namespace}/services/${name}/status`, { status }, 'application/merge-patch+json')
      .then(() => console.log(`${namespace}/${name} has ${ip}`))
      .catch((error: unknown) => console.error(String(error)))
  }

  #checkForEver(): void {
    this.#check()
      .catch((error: unknown) => console.error(String(error)))
      .finally(() => setTimeout(() => this.#checkForEver(), checkInterval))
  }

  async #check(): Promise<void> {
    const rules = await Promise.all(this.#services.map((service) => this.#ruleFor(service)))
    const ruleset = rules.filter((rule) => rule !== undefined).join('\n')
    if (ruleset === this.#ruleset) return
    await this.#load(ruleset)
    this.#ruleset = ruleset
    console.log(ruleset === '' ? 'no rules' : ruleset)
  }

  /** New connections go by a hash of address and port to a node that is healthy now. */
  async #ruleFor(service: Service): Promise<string | undefined> {
    const address = addressOf(service)
    if (address === undefined) return undefined
    const port = service.spec.healthCheckNodePort ?? kubeProxyHealthPort
    const healthy = await Promise.all(this.#nodes.map((node) => isHealthy(node, port)))
    const marks = healthy.flatMap((is, index) => (is ? [index + 1] : []))
    if (marks.length === 0) return undefined
    const map = marks.map((mark, index) => `${index} : ${mark}`).join(', ')
    return `    ip daddr ${address} ct state new ct mark set jhash ip saddr . tcp sport mod ${marks.length} map { ${map} }`
  }

  /** The connection keeps its mark, and with it its node, when the rules change. */
  async #load(rules: string): Promise<void> {
    const table = `table ip load-balancer
delete table ip load-balancer
table ip load-balancer {
  chain output {
    type route hook output priority mangle;
${rules}
    ip daddr 10.10.1.0/24 meta mark set ct mark
  }
}
`
    const loading = run('nft', ['-f', '-'])
    loading.child.stdin?.end(table)
    await loading
  }
}
