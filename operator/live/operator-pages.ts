// The pages of the operator's live view: /live, the stream of its changes, and what all policies decide about an
// address.
import { isIP } from 'node:net'
import { type AdminPage, type OpenStream, plainPage } from '../../runtime/admin-server.ts'
import { LiveStream, viewersAtMost } from '../../runtime/live-stream.ts'
import { addressOf, isEnding } from '../gateways/pods.ts'
import { fieldsOf } from '../../crds/is-object.ts'
import { GatewayHours, type GatewayHoursParts } from './gateway-hours.ts'
import type { OperatorFacts } from './operator-facts.ts'
import { operatorState, type OperatorState, type ShownPolicy, type WatchedPolicy } from './operator-state.ts'
import type { RecentEvent } from './recent-events.ts'

export interface OperatorPagesParts extends GatewayHoursParts {
  readonly facts: () => OperatorFacts | Promise<OperatorFacts>
  /** Empty while another operator leads. */
  readonly watched: () => readonly WatchedPolicy[]
  readonly events: () => readonly RecentEvent[]
}

/** Gateways that are asked about one address, one for each policy. */
const mostExplained = 50

const json = (value: unknown): AdminPage => ({ code: 200, type: 'application/json', text: `${JSON.stringify(value)}\n` })

export class OperatorPages {
  readonly #parts: OperatorPagesParts
  readonly #hours: GatewayHours
  readonly #stream = new LiveStream({ state: (what) => (what === 'all' ? this.state() : this.#news()) })
  /** What viewers have of each policy, as JSON. */
  #sent = new Map<string, string>()

  constructor(parts: OperatorPagesParts) {
    this.#parts = parts
    this.#hours = new GatewayHours(parts)
  }

  /** The whole state. */
  async state(): Promise<OperatorState> {
    const watched = this.#parts.watched()
    await this.#hours.refresh(watched.flatMap(({ pods }) => pods.flatMap((pod) => (isEnding(pod) ? [] : (addressOf(pod) ?? [])))))
    return operatorState({
      at: this.#parts.now(),
      facts: await this.#parts.facts(),
      watched,
      hourOf: (address) => this.#hours.of(address),
      events: this.#parts.events(),
      viewers: { now: this.#stream.viewers, most: viewersAtMost },
    })
  }

  /** For /live. */
  async page(): Promise<AdminPage> {
    return json(await this.state())
  }

  /** For /live/events. */
  get open(): OpenStream {
    return this.#stream.open
  }

  /** For /explain?address=ADDRESS: the answer of one gateway of each policy. */
  async explain(query: URLSearchParams): Promise<AdminPage> {
    const address = query.get('address') ?? ''
    const [host = '', bits, ...more] = address.split('/')
    if (isIP(host) === 0 || more.length > 0 || (bits !== undefined && !/^\d{1,3}$/.test(bits)))
      return plainPage(400, 'address must be an IPv4 or IPv6 address, or a network such as 192.0.2.0/24')
    const asked = this.#parts.watched().slice(0, mostExplained)
    const answers = await Promise.all(asked.map(async (one) => this.#explainOf(one, address)))
    return json({ address, policies: answers, leftOut: this.#parts.watched().length - asked.length })
  }

  close(): void {
    this.#stream.close()
  }

  async #explainOf({ policy, pods }: WatchedPolicy, address: string): Promise<object> {
    const { namespace = '', name } = policy.metadata
    const pod = pods.find((one) => !isEnding(one) && addressOf(one) !== undefined)
    const at = pod === undefined ? undefined : addressOf(pod)
    if (pod === undefined || at === undefined) return { namespace, name, why: 'no gateway of the operator runs' }
    const page = fieldsOf(await this.#parts.page(at, `/explain?address=${encodeURIComponent(address)}`))
    const { verdict } = fieldsOf(page['address'])
    const { sentence, outcome } = fieldsOf(verdict)
    if (typeof sentence === 'string' && typeof outcome === 'string')
      return { namespace, name, gateway: pod.metadata.name, outcome, sentence }
    const { network } = page
    if (network !== undefined) return { namespace, name, gateway: pod.metadata.name, outcome: '', sentence: 'explain a single address' }
    return { namespace, name, why: `gateway ${pod.metadata.name} gives no answer` }
  }

  /** Only the policies that have changed since the last call, and the names of all. */
  async #news(): Promise<object> {
    const { policies, ...state } = await this.state()
    const texts = new Map(policies.map((one) => [keyOf(one), JSON.stringify(one)]))
    const changed = policies.filter((one) => this.#sent.get(keyOf(one)) !== texts.get(keyOf(one)))
    this.#sent = texts
    return { ...state, names: [...texts.keys()], policies: changed }
  }
}

const keyOf = ({ namespace, name }: ShownPolicy): string => `${namespace}/${name}`
