// Limits how many questions may be on the way to one DNS server, so that none is lost: its receive buffer is the
// bottleneck, and what the kernel drops there is not reported. (postscreen with dnsblog sends everything at once and
// loses 6 % of 12,000 lookups in a burst.)

/**
 * How many datagrams may be sent that the server is not known to have read. rbldnsd's receive buffer of 65,536 bytes
 * (131,072 as the kernel counts) holds 170 datagrams on loopback, and 56 of 2,304 bytes each with some network drivers.
 * Other clients use it too.
 */
const smallWindow = 48
/**
 * While answers are slow the window grows up to this size: the server probably asks other servers and has read the
 * questions long ago. It does not grow further, because a server that is short of CPU time looks the same. Its buffer
 * also holds the small window that follows a silence.
 */
const slowWindow = 112
const slowAnswerMs = 40
/**
 * A server that answers one of our ports in another order than it was asked works on many questions at once: a resolver
 * (unbound, CoreDNS). It reads ahead, and has the kernel's default buffer of 212,992 bytes (277 datagrams on loopback)
 * or more.
 */
const resolverWindow = 160
const resolverDisorder = 0.2
const reservedForNew = 16
/**
 * After a silence of this length everything sent counts as read. This becomes less likely with each silence, so the
 * next one is longer.
 */
const firstSilenceMs = 60
const longestSilenceMs = 240

/**
 * Answers show what has been read: a server reads its socket in order, so an answer proves that everything sent before
 * its question has been read, even if it is answered much later. A burst is sent as fast as the server reads, and slow
 * lists do not delay the others. While the server gets no CPU time, or waits for a list that is down, it gets one
 * window after each silence.
 */
export class DnsSendWindow {
  #sent = 0
  #read = 0
  #window = smallWindow
  #silenceMs = firstSilenceMs
  /** The share of the last answers, about 64, that came out of order. */
  #disorder = 0
  /** When `#read` last increased, or when everything was read. */
  #newsAt = 0

  /**
   * Whether one more may be sent now. Repeated questions leave room for new ones, because they got no answer before.
   */
  hasRoomFor(question: 'new' | 'again'): boolean {
    return this.#sent - this.#read < (question === 'new' ? this.#window : this.#window - reservedForNew)
  }

  /** Counts a sent question. @returns its number, for `answered` */
  sent(now: number): number {
    if (this.#sent === this.#read) this.#newsAt = now
    return ++this.#sent
  }

  /**
   * The question with that number, sent at `sentAt`, was answered.
   * @param newest the highest number that was answered to the same port before (between ports the order means nothing:
   * they are read in turn)
   */
  answered(order: number, newest: number, sentAt: number, now: number): void {
    this.#disorder += ((order < newest ? 1 : 0) - this.#disorder) / 64
    if (this.#disorder > resolverDisorder) this.#window = resolverWindow
    else this.#window = now - sentAt < slowAnswerMs ? smallWindow : Math.min(this.#window + 1, slowWindow)
    if (order <= this.#read) return
    this.#read = order
    this.#newsAt = now
    this.#silenceMs = firstSilenceMs
  }

  /** Time has passed; to be called every 20 ms or so. */
  tick(now: number): void {
    if (this.#sent === this.#read || now - this.#newsAt < this.#silenceMs) return
    this.#read = this.#sent
    this.#window = smallWindow
    this.#silenceMs = Math.min(this.#silenceMs * 2, longestSilenceMs)
  }
}
