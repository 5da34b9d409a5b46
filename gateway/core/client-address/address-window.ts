// The connections of some minutes or hours, as far as lost client addresses show in them, and what they show.
import { Frequent } from './frequent.ts'
import { neighbourhood } from './neighbourhood.ts'

/** One connection of a client. */
export interface SeenClient {
  /** Canonical. */
  readonly address: string
  readonly isPrivate: boolean
  /** The temporary allowlist knew the client, so an earlier session from this address has passed. */
  readonly isRemembered: boolean
}

/** What a window shows. `clear`: so few of its connections look like it that an earlier loss is over. */
export type Impression =
  | { readonly is: 'private' }
  /** One address, or the addresses of one network, have almost all connections. */
  | { readonly is: 'one'; readonly network: string; readonly address: string | undefined }
  | { readonly is: 'mixed' | 'clear' }

/** Of a window's connections, this share makes an impression, and less than the second one ends it. */
export const lostShare = 0.9
const clearShare = 0.5
/**
 * Where a public address has almost all connections, it can be one host that sends a flood while the others come as
 * usual. If addresses are lost, there are no others, apart from a few that come on another way.
 */
const fewOthers = 3

export class AddressWindow {
  /** Epoch milliseconds. */
  readonly began: number
  readonly #addresses = new Frequent()
  readonly #networks = new Frequent()
  readonly #remembered = new Frequent()
  #connections = 0
  #private = 0

  constructor(began: number) {
    this.began = began
  }

  get connections(): number {
    return this.#connections
  }

  get privateConnections(): number {
    return this.#private
  }

  add({ address, isPrivate, isRemembered }: SeenClient): void {
    const network = neighbourhood(address)
    this.#connections++
    if (isPrivate) this.#private++
    this.#addresses.add(address)
    this.#networks.add(network)
    if (isRemembered) this.#remembered.add(network)
  }

  /** The addresses with the most connections. */
  top(most: number): readonly { readonly address: string; readonly connections: number }[] {
    return this.#addresses.top(most).map(({ text, count }) => ({ address: text, connections: count }))
  }

  get impression(): Impression {
    const all = this.#connections
    if (this.#private >= lostShare * all) return { is: 'private' }
    const [network] = this.#networks.top(1)
    const [address] = this.#addresses.top(1)
    if (network === undefined || address === undefined) return { is: 'clear' }
    if (network.count >= lostShare * all && this.#networks.different <= 1 + fewOthers && this.#isRemembered(network.text))
      return { is: 'one', network: network.text, address: address.count >= lostShare * all ? address.text : undefined }
    return { is: Math.max(this.#private, network.count) < clearShare * all ? 'clear' : 'mixed' }
  }

  /**
   * Bots that flood a gateway do not pass. Where addresses are lost, the first client that passes makes the address of
   * all of them known.
   */
  #isRemembered(network: string): boolean {
    return this.#remembered.top(1)[0]?.text === network
  }
}
