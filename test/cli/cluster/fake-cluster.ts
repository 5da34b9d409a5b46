// An API server with policies, pods, their logs and their pages, for the subcommands that speak to a cluster. It only answers, and it remembers every
// request.
import { request } from 'undici'
import type { KubeObject } from '../../../operator/kube/object.ts'
import { type Arrival, ScriptedApiServer } from '../../operator/kube/scripted-api-server.ts'

/** A page as data, or the URL of a real gateway's admin server, which is asked. */
export type Page = { readonly json: unknown } | { readonly text: string } | { readonly from: string } | { readonly refused: number }

export class FakeCluster {
  policies: readonly KubeObject[] = []
  pods: readonly KubeObject[] = []
  /** By `namespace/pod/page`, such as `mail/mx-a/status`; `namespace/pod` stands for all pages of the pod. */
  readonly pages = new Map<string, Page>()
  /** By `namespace/pod`. A function may hold the answer open. */
  readonly logs = new Map<string, string | ((arrival: Arrival) => void)>()
  /** Resources, such as `pods/proxy`, that the user may not use. */
  readonly denied = new Set<string>()
  readonly server: ScriptedApiServer

  private constructor(server: ScriptedApiServer) {
    this.server = server
    server.answer = (arrival) => this.#answer(arrival)
  }

  static async start(): Promise<FakeCluster> {
    return new FakeCluster(await ScriptedApiServer.start())
  }

  get kubeconfig(): string {
    return this.server.kubeconfig
  }

  close(): Promise<void> {
    return this.server.close()
  }

  /** What was asked for, such as `GET pods/proxy`, each once. */
  get uses(): readonly string[] {
    return [...new Set(this.server.arrivals.map((arrival) => `${arrival.method} ${placeOf(arrival.path).resource}`))].toSorted()
  }

  #answer(arrival: Arrival): void {
    const { resource, namespace, name, page } = placeOf(arrival.path)
    const isAllowed = !this.denied.has(resource)
    if (!isAllowed) arrival.refuse(403, 'Forbidden', `User "ann" cannot ${arrival.method.toLowerCase()} resource "${resource}"`)
    else if (resource === 'postscreenpolicies') arrival.list('1', selected(this.policies, namespace, arrival.query))
    else if (resource === 'pods') arrival.list('1', selected(this.pods, namespace, arrival.query))
    else if (resource === 'pods/log') this.#log(arrival, `${namespace}/${name}`)
    else if (resource === 'pods/proxy') void this.#page(arrival, `${namespace}/${name}`, page)
    else arrival.refuse(404, 'NotFound', arrival.path)
  }

  #log(arrival: Arrival, pod: string): void {
    const log = this.logs.get(pod)
    if (log === undefined) return arrival.refuse(404, 'NotFound', pod)
    if (typeof log === 'function') return log(arrival)
    arrival.begin()
    const lines = log.split('\n').filter((line) => line !== '')
    const tail = Number(arrival.query.get('tailLines') ?? lines.length)
    arrival.raw(
      lines
        .slice(Math.max(0, lines.length - tail))
        .map((line) => `${line}\n`)
        .join(''),
    )
    return arrival.end()
  }

  async #page(arrival: Arrival, pod: string, page: string): Promise<void> {
    const found = this.pages.get(`${pod}/${page}`) ?? this.pages.get(pod)
    if (found === undefined) return arrival.refuse(503, 'ServiceUnavailable', 'no endpoints available')
    if ('refused' in found) return arrival.refuse(found.refused, 'Refused', 'refused')
    if ('json' in found) return arrival.json(200, found.json)
    if ('text' in found) {
      arrival.begin()
      arrival.raw(found.text)
      return arrival.end()
    }
    const query = arrival.query.size > 0 ? `?${arrival.query.toString()}` : ''
    const { statusCode, body } = await request(`${found.from}/${page}${query}`)
    const text = await body.text()
    arrival.begin(statusCode)
    arrival.raw(text)
    return arrival.end()
  }
}

interface Place {
  readonly resource: string
  readonly namespace: string | undefined
  readonly name: string
  readonly page: string
}

/** The parts of a path of the API. A pod in the proxy's path is `pod:port`. */
function placeOf(path: string): Place {
  const [, namespace, plural = '', name = '', subresource, ...rest] =
    /^\/apis?\/(?:[^/]+\/)?v1[a-z0-9]*(?:\/namespaces\/([^/]+))?\/([^/]+)(?:\/([^/]+))?(?:\/([^/]+))?(?:\/(.*))?$/.exec(path) ?? []
  const resource = subresource === undefined ? plural : `${plural}/${subresource}`
  return { resource, namespace, name: decodeURIComponent(name).replace(/:\d+$/, ''), page: rest.join('/') }
}

function selected(objects: readonly KubeObject[], namespace: string | undefined, query: URLSearchParams): readonly KubeObject[] {
  const name = /^metadata\.name=(.*)$/.exec(query.get('fieldSelector') ?? '')?.[1]
  const labels = (query.get('labelSelector') ?? '').split(',').filter((one) => one !== '')
  return objects.filter(
    ({ metadata }) =>
      (namespace === undefined || metadata.namespace === namespace) &&
      (name === undefined || metadata.name === name) &&
      labels.every((label) => {
        const [key = '', value] = label.split('=')
        return metadata.labels?.[key] === value
      }),
  )
}
