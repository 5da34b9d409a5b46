// The UDP sockets towards one DNS server: which port the next question leaves from, and when a port has served long enough.

import type { Endpoint } from '../../crds/values/endpoint.ts'
import { type ChannelEvents, DnsChannel, randomId } from './dns-channel.ts'

/** Ports in use at low load; each question leaves from one of them at random (RFC 5452 9.2). */
const usualChannels = 8
/** With what is still waited for on old ports. 64 hold 11,000 questions even with the kernel's small default receive buffer. */
const mostChannels = 64
const mostUses = 1000
const longestLifeMs = 60_000

/**
 * A port is replaced after 1,000 questions or a minute, so nobody has long to find it out, and after a silence (see `suspect`).
 * Opening one costs 50 µs, so for 1,000 questions nothing. An old port takes no more questions and closes when none is open on it.
 */
export class DnsPool<T> {
  readonly #server: Endpoint
  readonly #now: () => number
  readonly #events: ChannelEvents<T>
  #channels: DnsChannel<T>[] = []
  readonly #old = new Set<DnsChannel<T>>()

  constructor(server: Endpoint, now: () => number, events: ChannelEvents<T>) {
    this.#server = server
    this.#now = now
    this.#events = events
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#channels.length + this.#old.size
  }

  /** True when no socket is open for new questions and none is about to be. */
  get isEmpty(): boolean {
    return this.#channels.length === 0
  }

  /** A channel with room, chosen at random; undefined when there is none yet (the events' `ready` tells) or none any more. */
  pick(): DnsChannel<T> | undefined {
    const now = this.#now()
    if (this.#channels.length < usualChannels && this.size < mostChannels) this.#open(now)
    const start = randomId()
    for (let i = 0; i < this.#channels.length; i++) {
      const channel = this.#channels[(start + i) % this.#channels.length]
      if (channel === undefined || !channel.hasRoom) continue
      if (!isWorn(channel, now) || this.size >= mostChannels) return channel
      this.#retire(channel)
      this.#open(now)
      return this.pick()
    }
    if (this.size < mostChannels && !this.#channels.some((channel) => channel.isConnecting)) this.#open(now)
    return undefined
  }

  /**
   * A question sent at `sentAt` was not answered. A port that heard nothing since is replaced: between cluster and server there may
   * be an address translation that still sends this port's datagrams to a server that is gone.
   */
  suspect(channel: DnsChannel<T>, sentAt: number): void {
    if (channel.lastHeardAt < sentAt && this.#channels.includes(channel)) this.#retire(channel)
  }

  /** Call when a question on the channel is over or the channel failed: closes what is no longer needed. */
  released(channel: DnsChannel<T>): void {
    if (channel.isClosed) this.#channels = this.#channels.filter((other) => other !== channel)
    if (channel.isClosed || (this.#old.has(channel) && channel.openQuestions === 0)) {
      this.#old.delete(channel)
      channel.close()
    }
  }

  close(): void {
    for (const channel of [...this.#channels, ...this.#old]) channel.close()
    this.#channels = []
    this.#old.clear()
  }

  #open(now: number): void {
    this.#channels.push(new DnsChannel(this.#server, now, this.#events))
  }

  #retire(channel: DnsChannel<T>): void {
    this.#channels = this.#channels.filter((other) => other !== channel)
    this.#old.add(channel)
    this.released(channel)
  }
}

function isWorn<T>(channel: DnsChannel<T>, now: number): boolean {
  return channel.uses >= mostUses || now - channel.openedAt > longestLifeMs
}
