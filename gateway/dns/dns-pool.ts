// The UDP sockets to one DNS server: which port the next question leaves from, and when a port is replaced.

import type { Endpoint } from '../../crds/values/endpoint.ts'
import type { OpenDatagramSocket } from '../sockets/datagram-socket.ts'
import { type ChannelEvents, DnsChannel, randomId } from './dns-channel.ts'

/** Ports in use at low load; each question leaves from one of them at random (RFC 5452 9.2). */
const usualChannels = 8
/**
 * Old ports with open questions included. 64 hold 11,000 questions even with the kernel's small default receive buffer.
 */
const mostChannels = 64
const mostUses = 1000
const longestLifeMs = 60_000

/**
 * A port is replaced after 1,000 questions or a minute, so that an attacker has little time to find it, and after a
 * silence (see `suspect`). Opening one takes 50 µs, which is negligible for 1,000 questions. An old port takes no new
 * questions, and closes when none is open on it.
 */
export class DnsPool<T> {
  readonly #server: Endpoint
  readonly #now: () => number
  readonly #events: ChannelEvents<T>
  readonly #openSocket: OpenDatagramSocket
  #channels: DnsChannel<T>[] = []
  readonly #old = new Set<DnsChannel<T>>()

  constructor(server: Endpoint, now: () => number, events: ChannelEvents<T>, openSocket: OpenDatagramSocket) {
    this.#server = server
    this.#now = now
    this.#events = events
    this.#openSocket = openSocket
  }

  /** Sockets that are open. */
  get size(): number {
    return this.#channels.length + this.#old.size
  }

  /** True when no socket is open for new questions and none is about to be. */
  get isEmpty(): boolean {
    return this.#channels.length === 0
  }

  /** A random channel with room; undefined when there is none (`ready` reports a new one). */
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
   * A question sent at `sentAt` was not answered. A port that has received nothing since is replaced: address
   * translation between the cluster and the server may still send this port's datagrams to a server that is gone.
   */
  suspect(channel: DnsChannel<T>, sentAt: number): void {
    if (channel.lastHeardAt < sentAt && this.#channels.includes(channel)) this.#retire(channel)
  }

  /** A question on the channel is over, or the channel has failed: closes what is no longer needed. */
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
    this.#channels.push(new DnsChannel(this.#server, now, this.#events, this.#openSocket))
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
