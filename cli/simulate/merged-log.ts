// Several logs as one, in the order of their times.
import type { LogItem } from './log-item.ts'
import type { LogSource } from './log-source.ts'

/** The next items of one log. */
class Head {
  readonly #batches: AsyncIterator<readonly LogItem[]>
  readonly #name: string
  #batch: readonly LogItem[] = []
  #at = 0

  constructor({ batches, name }: LogSource) {
    this.#batches = batches[Symbol.asyncIterator]()
    this.#name = name
  }

  get item(): LogItem | undefined {
    return this.#batch[this.#at]
  }

  /** @returns whether the next item is there; if not, `fill` gets more */
  next(): boolean {
    return ++this.#at < this.#batch.length
  }

  /** @returns false at the end of the log */
  async fill(): Promise<boolean> {
    for (;;) {
      const next = await this.#read()
      if (next.done === true) return false
      this.#batch = next.value
      this.#at = 0
      if (this.#batch.length > 0) return true
    }
  }

  async #read(): Promise<IteratorResult<readonly LogItem[]>> {
    try {
      return await this.#batches.next()
    } catch (error) {
      throw new Error(`${this.#name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
    }
  }
}

/**
 * Passes every item to `take`. Each log must be in the order of its times; a few seconds do not matter. Rejects, with
 * the name of the log, when one cannot be read.
 */
export async function readMerged(sources: readonly LogSource[], take: (item: LogItem) => void, pause: () => Promise<void>): Promise<void> {
  const heads: Head[] = []
  for (const source of sources) {
    const head = new Head(source)
    if (await head.fill()) heads.push(head)
  }
  while (heads.length > 0) {
    const head = earliest(heads)
    const bound = heads.length === 1 ? Number.POSITIVE_INFINITY : Math.min(...heads.filter((other) => other !== head).map(timeOf))
    let isThere = true
    for (let item = head.item; isThere && item !== undefined && item.time <= bound; item = head.item) {
      take(item)
      isThere = head.next()
    }
    if (isThere) continue
    await pause()
    if (!(await head.fill())) heads.splice(heads.indexOf(head), 1)
  }
}

const timeOf = (head: Head): number => head.item?.time ?? Number.POSITIVE_INFINITY

function earliest(heads: readonly Head[]): Head {
  return heads.reduce((first, head) => (timeOf(head) < timeOf(first) ? head : first))
}
