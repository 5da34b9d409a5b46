// Load balancers as a cloud has them: an address for each Service of type LoadBalancer, and new connections only to nodes that say they are healthy.
import { execFile } from 'node:child_process'
import { get } from 'node:http'
import { promisify } from 'node:util'
import type { Api, ApiObject } from './api.ts'

/** The nodes' addresses of one family. Connections marked N are routed to the Nth, counted from 1. */
export interface NodesOfFamily {
  readonly family: 'ipv4' | 'ipv6'
  readonly nodes: readonly string[]
}

/** `table` and `saddr` are nftables' words for the family, `service` that of the API. */
const words = {
  ipv4: { table: 'ip', service: 'IPv4', addresses: '10.10.1.', network: '10.10.1.0/24', option: '-4' },
  ipv6: { table: 'ip6', service: 'IPv6', addresses: 'fd00:10:10:1::', network: 'fd00:10:10:1::/64', option: '-6' },
} as const

interface Service extends ApiObject {
  readonly spec: {
    readonly type?: string
    readonly ipFamilies?: readonly string[]
    readonly healthCheckNodePort?: number
    readonly loadBalancerClass?: string
  }
  readonly status?: { readonly loadBalancer?: { readonly ingress?: readonly { readonly ip?: string }[] } }
}

/** kube-proxy's own health, which a cloud asks for when the Service's externalTrafficPolicy is Cluster. */
const kubeProxyHealthPort = 10256
const checkInterval = 500
const checkTimeout = 1000

const run = promisify(execFile)
const addressesOf = (service: Service): string[] => service.status?.loadBalancer?.ingress?.flatMap(({ ip }) => ip ?? []) ?? []
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
  readonly #families: readonly NodesOfFamily[]
  #services: readonly Service[] = []
  #ruleset = ''

  /** @param families the nodes' addresses, of each family of the cluster */
  constructor(api: Api, families: readonly NodesOfFamily[]) {
    this.#api = api
    this.#families = families
  }

  /** Works until the process ends. */
  async serve(): Promise<never> {
    for (const { family, nodes } of this.#families) {
      const { option } = words[family]
      for (const [index, node] of nodes.entries()) {
        await run('ip', [option, 'rule', 'add', 'fwmark', String(index + 1), 'lookup', String(101 + index)])
        await run('ip', [option, 'route', 'add', 'default', 'via', node, 'table', String(101 + index)])
      }
    }
    const following = this.#api.follow('/api/v1/services', (all) => {
      this.#services = (all as readonly Service[]).filter(wants)
      for (const service of this.#services) if (addressesOf(service).length === 0) this.#giveAddresses(service)
    })
    this.#checkForEver()
    return following
  }

  /** One of each family that the Service has, in its order. */
  #giveAddresses(service: Service): void {
    const taken = new Set(this.#services.flatMap(addressesOf))
    const bases = (service.spec.ipFamilies ?? []).flatMap((name) =>
      this.#families.flatMap(({ family }) => (words[family].service === name ? words[family].addresses : [])),
    )
    let last = 1
    while (bases.some((base) => taken.has(`${base}${last}`))) last += 1
    const ingress = bases.map((base) => ({ ip: `${base}${last}` }))
    // Taken from now on, whatever the watch says when.
    const status = { loadBalancer: { ingress } }
    this.#services = this.#services.map((other) => (other === service ? { ...service, status } : other))
    const { namespace, name } = service.metadata
    this.#api
      .call('PATCH', `/api/v1/namespaces/${namespace}/services/${name}/status`, { status }, 'application/merge-patch+json')
      .then(() => console.log(`${namespace}/${name} has ${ingress.map(({ ip }) => ip).join(', ')}`))
      .catch((error: unknown) => console.error(String(error)))
  }

  #checkForEver(): void {
    this.#check()
      .catch((error: unknown) => console.error(String(error)))
      .finally(() => setTimeout(() => this.#checkForEver(), checkInterval))
  }

  async #check(): Promise<void> {
    const tables = await Promise.all(this.#families.map((family) => this.#tableOf(family)))
    const ruleset = tables.join('')
    if (ruleset === this.#ruleset) return
    await this.#load(ruleset)
    this.#ruleset = ruleset
    console.log(ruleset)
  }

  /** New connections go by a hash of address and port to a node that is healthy now. */
  async #ruleFor(service: Service, { family, nodes }: NodesOfFamily): Promise<string | undefined> {
    const { table, addresses } = words[family]
    const address = addressesOf(service).find((one) => one.startsWith(addresses))
    if (address === undefined) return undefined
    const port = service.spec.healthCheckNodePort ?? kubeProxyHealthPort
    const healthy = await Promise.all(nodes.map((node) => isHealthy(node, port)))
    const marks = healthy.flatMap((is, index) => (is ? [index + 1] : []))
    if (marks.length === 0) return undefined
    const map = marks.map((mark, index) => `${index} : ${mark}`).join(', ')
    return `    ${table} daddr ${address} ct state new ct mark set jhash ${table} saddr . tcp sport mod ${marks.length} map { ${map} }`
  }

  /** The connection keeps its mark, and with it its node, when the rules change. */
  async #tableOf(nodes: NodesOfFamily): Promise<string> {
    const rules = await Promise.all(this.#services.map((service) => this.#ruleFor(service, nodes)))
    const { table, network } = words[nodes.family]
    return `table ${table} load-balancer
delete table ${table} load-balancer
table ${table} load-balancer {
  chain output {
    type route hook output priority mangle;
${rules.filter((rule) => rule !== undefined).join('\n')}
    ${table} daddr ${network} meta mark set ct mark
  }
}
`
  }

  async #load(tables: string): Promise<void> {
    const loading = run('nft', ['-f', '-'])
    loading.child.stdin?.end(tables)
    await loading
  }
}
