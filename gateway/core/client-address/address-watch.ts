// Finds out whether the addresses of clients are lost: whether almost all connections seem to come from private
// addresses, or from one address or network.
//
//                  almost all are private, in one window
//   unknown ──────────────────────────────────────────────────▶ lost
//      │  ▲        almost all are from one public network,       ▲ │
//      │  │        in every window for half an hour ─────────────┘ │ fewer than half, in one window
//      ▼  └─ no window was full for a day                          │
//   preserved ◀────────────────────────────────────────────────────┘
//
// A window is full after enough connections and two minutes. So a burst shows nothing by itself, and a site with little
// mail gets an answer too, later. Addresses that the policy expects are not counted.
// A private address needs no second window: no host of the internet has one, whatever it does. A public one may be a
// flood, or a large sender at a quiet time, so it must last.
import { AddressWindow, type Impression, type SeenClient } from './address-window.ts'
import { neighbourhood } from './neighbourhood.ts'

export type LossReason = 'PrivateAddresses' | 'OneAddress' | 'OneNetwork'

/** The addresses of clients are lost. */
export interface Loss {
  readonly reason: LossReason
  /** The network that has almost all connections; undefined for private addresses, which may be of several. */
  readonly network: string | undefined
  /** Epoch milliseconds of the first connection that shows it. */
  readonly since: number
}

/** What the watch says: plain data. */
export interface AddressReport {
  /** Undefined while there were too few connections. */
  readonly arePreserved: boolean | undefined
  readonly loss: Loss | undefined
  /** The connections that the answer is based on; while there is none, those so far. */
  readonly connections: number
  readonly privateConnections: number
  /** How many are enough for an answer. */
  readonly enough: number
  /** The addresses with the most connections among them. */
  readonly addresses: readonly { readonly address: string; readonly connections: number }[]
}

/** `lost` and `preserved` are changes; `undefined`: nothing has changed. */
export type AddressChange = 'lost' | 'preserved' | undefined

/** Connections of one gateway in a window. */
export const enoughConnections = 200
/** While addresses are lost, fewer show that the cause has been removed. */
const enoughForRecovery = 50
const windowMs = 2 * 60_000
const longestWindowMs = 24 * 3_600_000
const lastingMs = 30 * 60_000
const addressesShown = 5

/** One gateway process. Changed by `saw` and `reset`. */
export class AddressWatch {
  readonly #enough: number
  #window: AddressWindow | undefined
  /** The last full window. */
  #shown: AddressWindow | undefined
  #state: 'unknown' | 'preserved' | Loss = 'unknown'
  /** A public network that has almost all connections, which is not a loss yet. */
  #suspicion: { readonly network: string; readonly since: number } | undefined

  /** @param processes how many share the connections of the gateway */
  constructor(processes = 1) {
    this.#enough = Math.ceil(enoughConnections / processes)
  }

  /** Forgets everything: connections from now on may look different. */
  reset(): void {
    this.#window = undefined
    this.#shown = undefined
    this.#state = 'unknown'
    this.#suspicion = undefined
  }

  /** A watch with the same answer, for a session that must not count. */
  copy(): AddressWatch {
    const copy = new AddressWatch()
    copy.#state = this.#state
    return copy
  }

  /** Whether private addresses are those of all clients. */
  get arePrivateLost(): boolean {
    return typeof this.#state === 'object' && this.#state.network === undefined
  }

  /** Whether this public address is the one that almost all clients seem to have. */
  isLost(address: string): boolean {
    return typeof this.#state === 'object' && this.#state.network !== undefined && this.#state.network === neighbourhood(address)
  }

  /**
   * Counts a connection.
   * @param now epoch milliseconds
   */
  saw(client: SeenClient, now: number): AddressChange {
    const window = this.#windowAt(now)
    window.add(client)
    const enough = typeof this.#state === 'object' ? Math.min(enoughForRecovery, this.#enough) : this.#enough
    if (window.connections < enough || now - window.began < windowMs) return undefined
    this.#window = undefined
    this.#shown = window
    return this.#conclude(window, window.impression, now)
  }

  /** The window at a time. A clock that was set back begins a new one. */
  #windowAt(now: number): AddressWindow {
    const window = this.#window
    if (window !== undefined && now >= window.began && now - window.began < longestWindowMs) return window
    if (window !== undefined) this.reset()
    return (this.#window = new AddressWindow(now))
  }

  #conclude(window: AddressWindow, impression: Impression, now: number): AddressChange {
    switch (impression.is) {
      case 'private':
        this.#suspicion = undefined
        return this.#lose({ reason: 'PrivateAddresses', network: undefined, since: window.began })
      case 'one':
        return this.#suspect(impression, window.began, now)
      case 'mixed':
        this.#suspicion = undefined
        return typeof this.#state === 'object' ? undefined : this.#preserve()
      case 'clear':
        this.#suspicion = undefined
        return this.#preserve()
    }
  }

  #suspect({ network, address }: Extract<Impression, { is: 'one' }>, began: number, now: number): AddressChange {
    if (this.#suspicion?.network !== network) this.#suspicion = { network, since: began }
    const { since } = this.#suspicion
    const isLost = typeof this.#state === 'object' || now - since >= lastingMs
    return isLost ? this.#lose({ reason: address === undefined ? 'OneNetwork' : 'OneAddress', network, since }) : undefined
  }

  #lose(loss: Loss): AddressChange {
    const before = this.#state
    const isSame = typeof before === 'object' && before.reason === loss.reason && before.network === loss.network
    if (isSame) return undefined
    this.#state = loss
    return 'lost'
  }

  #preserve(): AddressChange {
    const change = typeof this.#state === 'object' ? 'preserved' : undefined
    this.#state = 'preserved'
    return change
  }

  get report(): AddressReport {
    const state = this.#state
    const window = state === 'unknown' ? this.#window : this.#shown
    return {
      arePreserved: state === 'unknown' ? undefined : state === 'preserved',
      loss: typeof state === 'object' ? state : undefined,
      connections: window?.connections ?? 0,
      privateConnections: window?.privateConnections ?? 0,
      enough: this.#enough,
      addresses: window?.top(addressesShown) ?? [],
    }
  }
}
