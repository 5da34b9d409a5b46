// How fast one DNS server may be asked so that it loses nothing: its receive buffer is the narrow place, and nobody reports what
// is dropped there. (postscreen with dnsblog sends everything at once and loses 6 % of 12,000 lookups in a burst.)

import { Fifo } from './fifo.ts'

/**
 * How many datagrams may be sent that the server is not known to have read. rbldnsd's receive buffer of 65,536 bytes (131,072 as the
 * kernel counts) holds 170 datagrams on loopback and 56 of 2,304 bytes each as some network drivers make them; others use it too.
 */
const smallWindow = 48
/**
 * While all answers are slow it grows up to this: the server asks others then, and has read at once what it waits for. Not more, for
 * a server that is short of processor time looks the same: with one more small window after a silence rbldnsd's buffer still suffices.
 */
const largeWindow = 112
const slowAnswerMs = 40
/** A server that answers anything is running, and a running server has read what was sent this long ago. */
const readWhenRunningMs = 5
/** And one that says nothing for this long is busy asking others, rather than kept from running. */
const readWhenSilentMs = 60

/**
 * What has been read is known from the answers: a server reads its socket in order, so an answer proves that everything sent before its
 * question has been read, although nothing of that may be answered for a long time yet. So a burst goes out as fast as the server
 * reads, a server that the kernel does not let run for a while gets no more than a window (one more every 60 ms), and one that has to
 * ask others for every answer is still asked thousands of times a second.
 */
export class DnsPace {
  #sent = 0
  #read = 0
  #window = smallWindow
  #markedAt = Number.NEGATIVE_INFINITY
  /** All up to number `order` was sent at `at` or before. */
  readonly #marks = new Fifo<{ readonly at: number; readonly order: number }>()

  /** One more may be sent now. */
  get hasRoom(): boolean {
    return this.#sent - this.#read < this.#window
  }

  /** One was sent. Returns its number, for `answered`. */
  sent(): number {
    return ++this.#sent
  }

  /** The one with that number, sent at `sentAt`, was answered. */
  answered(order: number, sentAt: number, now: number): void {
    this.#window = now - sentAt < slowAnswerMs ? smallWindow : Math.min(this.#window + 1, largeWindow)
    if (order > this.#read) this.#read = order
    this.#mark(now)
    this.#readUntil(now - readWhenRunningMs)
  }

  /** Time has passed; to be called every 20 ms or so. */
  tick(now: number): void {
    this.#mark(now)
    if (this.#readUntil(now - readWhenSilentMs)) this.#window = smallWindow
  }

  #mark(now: number): void {
    if (now - this.#markedAt < readWhenRunningMs) return
    this.#markedAt = now
    if (this.#sent > this.#read) this.#marks.push({ at: now, order: this.#sent })
  }

  /** What was sent until then has been read. Whether that is news. */
  #readUntil(at: number): boolean {
    const before = this.#read
    for (let mark = this.#marks.peek(); mark !== undefined && mark.at <= at; mark = this.#marks.peek()) {
      if (mark.order > this.#read) this.#read = mark.order
      this.#marks.shift()
    }
    return this.#read > before
  }
}
