// The last hour of each gateway, for the live page. Gateways are asked only while the page has viewers, each at most
// every ten seconds, and few at a time.
import { type HourReport, readHour } from './hour-report.ts'

export interface GatewayHoursParts {
  /** The JSON of a page of the gateway at an address; undefined if it gives none. Never rejects. */
  readonly page: (address: string, path: string) => Promise<unknown>
  /** Epoch milliseconds. */
  readonly now: () => number
}

const everyMs = 10_000
const atOnce = 8
/** A gateway that gives no answer any more is left out after this time. */
const keptMs = 60_000

interface Known {
  askedAt: number
  report: HourReport | undefined
  heardAt: number
}

export class GatewayHours {
  readonly #parts: GatewayHoursParts
  readonly #known = new Map<string, Known>()
  #asking: Promise<void> | undefined

  constructor(parts: GatewayHoursParts) {
    this.#parts = parts
  }

  /** Asks those that are due, and resolves when they have answered; at most one round at a time. */
  async refresh(addresses: readonly string[]): Promise<void> {
    const wanted = new Set(addresses)
    for (const address of this.#known.keys()) if (!wanted.has(address)) this.#known.delete(address)
    const due = [...wanted].filter((address) => this.#parts.now() - (this.#known.get(address)?.askedAt ?? -Infinity) >= everyMs)
    this.#asking ??= this.#ask(due).finally(() => (this.#asking = undefined))
    await this.#asking
  }

  /** What a gateway said last. */
  of(address: string | undefined): HourReport | undefined {
    const known = address === undefined ? undefined : this.#known.get(address)
    return known !== undefined && this.#parts.now() - known.heardAt < keptMs ? known.report : undefined
  }

  async #ask(due: readonly string[]): Promise<void> {
    const waiting = [...due]
    const work = async (): Promise<void> => {
      for (let address = waiting.shift(); address !== undefined; address = waiting.shift()) {
        const before = this.#known.get(address)
        const known = { askedAt: this.#parts.now(), report: before?.report, heardAt: before?.heardAt ?? 0 }
        this.#known.set(address, known)
        // oxlint-disable-next-line no-await-in-loop -- one after the other: each loop is one of few
        const report = readHour(await this.#parts.page(address, '/live/hour'), this.#parts.now())
        if (report !== undefined) Object.assign(known, { report, heardAt: this.#parts.now() })
      }
    }
    await Promise.all(Array.from({ length: atOnce }, work))
  }
}
