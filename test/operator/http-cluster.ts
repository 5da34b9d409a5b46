// The API server in memory, reached over HTTP as an operator reaches a real one: lists, watches, writes and a Lease.
import { KubeError } from '../../operator/kube/kube-error.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { type Resource, resources } from '../../operator/kube/resource.ts'
import { type Arrival, ScriptedApiServer } from './kube/scripted-api-server.ts'
import { MemoryCluster } from './memory-cluster.ts'

const byPlural: ReadonlyMap<string, Resource> = new Map(Object.values(resources).map((one): [string, Resource] => [one.plural, one]))

interface Address {
  readonly resource: Resource
  readonly namespace: string | undefined
  readonly name: string | undefined
  readonly isStatus: boolean
}

/** What a path names: `/apis/GROUP/VERSION/namespaces/NAMESPACE/PLURAL/NAME/status`. */
function addressOf(path: string): Address | undefined {
  const [, namespace, plural = '', name, status] =
    /^\/apis?\/(?:[^/]+\/)??v[^/]+(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(\/status)?$/.exec(path) ?? []
  const resource = byPlural.get(plural)
  return resource && { resource, namespace, name, isStatus: status !== undefined }
}

interface Watch {
  readonly arrival: Arrival
  readonly address: Address
  readonly labelled: boolean
}

export class HttpCluster extends MemoryCluster {
  /** Writes of anything but the Lease and events, as `VERB KIND NAME`. */
  readonly writes: string[] = []
  /** How many requests for the Lease have come. */
  leaseRequests = 0
  /** How many lists have been asked for. */
  lists = 0
  /** The API server does not answer requests for the Lease. */
  holdsLease = false
  readonly #server: ScriptedApiServer
  readonly #watches = new Set<Watch>()
  readonly #held: Arrival[] = []

  private constructor(server: ScriptedApiServer) {
    super()
    this.#server = server
    server.answer = (arrival) => void this.#serve(arrival)
  }

  static async start(): Promise<HttpCluster> {
    return new HttpCluster(await ScriptedApiServer.start())
  }

  get kubeconfig(): string {
    return this.#server.kubeconfig
  }

  async close(): Promise<void> {
    await this.#server.close()
  }

  protected override onPut(put: KubeObject): void {
    for (const { arrival, address, labelled } of this.#watches) if (isSelected(put, address, labelled)) arrival.event('MODIFIED', put)
  }

  async #serve(arrival: Arrival): Promise<void> {
    const address = addressOf(arrival.path)
    if (address === undefined) return arrival.refuse(404, 'NotFound', arrival.path)
    try {
      if (address.resource === resources.Lease) await this.#serveLease(arrival)
      else if (address.resource === resources.Event) arrival.json(201, JSON.parse(arrival.body))
      else if (arrival.method === 'GET' && address.name === undefined) this.#look(arrival, address)
      else arrival.json(200, await this.#one(arrival, address))
    } catch (error) {
      if (!(error instanceof KubeError)) throw error
      arrival.refuse(error.status, error.reason, error.message)
    }
  }

  #look(arrival: Arrival, address: Address): void {
    const labelled = arrival.query.has('labelSelector')
    if (!arrival.isWatch) {
      this.lists++
      const all = this.objects.filter((object) => isSelected(object, address, labelled))
      const [from, limit] = [Number(arrival.query.get('continue') ?? 0), Number(arrival.query.get('limit'))]
      return arrival.list('1', all.slice(from, from + limit), all.length > from + limit ? String(from + limit) : undefined)
    }
    arrival.begin()
    this.#watches.add({ arrival, address, labelled })
  }

  async #one(arrival: Arrival, { resource, namespace = '', name = '', isStatus }: Address): Promise<unknown> {
    if (arrival.method === 'GET') {
      const found = await this.get(resource, namespace, name)
      if (found === undefined) throw new KubeError(`${resource.plural} ${name}`, { status: 404, reason: 'NotFound' })
      return found
    }
    const content = JSON.parse(arrival.body === '' ? '{}' : arrival.body) as KubeObject
    this.writes.push(`${arrival.method}${isStatus ? ' status' : ''} ${resource.kind} ${name}`)
    if (arrival.method === 'DELETE') {
      await this.delete(resource, namespace, name)
      return {}
    }
    if (arrival.headers['content-type'] === 'application/merge-patch+json') return this.patch(resource, namespace, name, content)
    return this.apply(content, { fieldManager: arrival.query.get('fieldManager') ?? '', ...(isStatus && { subresource: 'status' }) })
  }

  async #serveLease(arrival: Arrival): Promise<void> {
    this.leaseRequests++
    if (this.holdsLease) {
      this.#held.push(arrival)
      return
    }
    const found = this.find('Lease', 'postscreen-operator', 'postscreen-system')
    if (arrival.method === 'GET' && found === undefined) return arrival.refuse(404, 'NotFound')
    if (arrival.method === 'GET') return arrival.json(200, found)
    const sent = JSON.parse(arrival.body) as KubeObject
    if (found?.metadata.resourceVersion !== sent.metadata.resourceVersion) return arrival.refuse(409, 'Conflict')
    arrival.json(200, this.put(sent, 'elector'))
  }
}

function isSelected({ kind, metadata }: KubeObject, { resource, namespace }: Address, labelled: boolean): boolean {
  const isOurs = metadata.labels?.['app.kubernetes.io/managed-by'] === 'postscreen-operator'
  return kind === resource.kind && (!labelled || isOurs) && (namespace === undefined || metadata.namespace === namespace)
}
