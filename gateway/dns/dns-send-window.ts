// How fast one DNS server may be asked so that it loses nothing: its receive buffer is the narrow place, and nobody reports what
// is dropped there. (postscreen with dnsblog sends everything at once and loses 6 % of 12,000 lookups in a burst.)

/**
 * How many datagrams may be sent that the server is not known to have read. rbldnsd's receive buffer of 65,536 bytes (131,072 as the
 * kernel counts) holds 170 datagrams on loopback and 56 of 2,304 bytes each as some network drivers make them; others use it too.
 */
const smallWindow = 48
/**
 * While answers are slow it grows up to this: most likely the server asks others then, and has long read what it is going to answer.
 * Not more, for a server that is short of processor time looks the same: with one small window more, after a silence, its buffer suffices.
 */
const slowWindow = 112
const slowAnswerMs = 40
/**
 * A server whose answers to one of our ports come in another order than the questions does many things at a time: a resolver (unbound,
 * CoreDNS). Such a one reads ahead, and has the kernel's default buffer of 212,992 bytes (277 datagrams on loopback) or more.
 */
const resolverWindow = 160
const resolverDisorder = 0.2
const reservedForNew = 16
/** When nothing new was learned for this long, what was sent is taken as read. Each time that is less likely, so it takes longer. */
const firstSilenceMs = 60
const longestSilenceMs = 240

/**
 * What has been read is known from the answers: a server reads its socket in order, so an answer proves that everything sent before its
 * question has been read, although nothing of that may be answered for a long time yet. So a burst goes out as fast as the server
 * reads, however fast or slow that is; slow lists hold up nobody; and while the kernel does not let the server run, or it waits
 * for a list that is dead, it gets a window every now and then.
 */
export class DnsSendWindow {
  #sent = 0
  #read = 0
  #window = smallWindow
  #silenceMs = firstSilenceMs
  /** How many of the last answers, roughly 64, came out of order. */
  #disorder = 0
  /** When `#read` last went up, or when there was nothing to be read. */
  #newsAt = 0

  /** One more may be sent now. Questions that are asked again leave room for new ones: they are those that got no answer. */
  hasRoomFor(question: 'new' | 'again'): boolean {
    return this.#sent - this.#read < (question === 'new' ? this.#window : this.#window - reservedForNew)
  }

  /** One was sent. Returns its number, for `answered`. */
  sent(now: number): number {
    if (this.#sent === this.#read) this.#newsAt = now
    return ++this.#sent
  }

  /**
   * The one with that number, sent at `sentAt`, was answered; `newest` is the highest number that was answered to the same port before.
   * (Ports are read one after the other, so among them the order says nothing.)
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
