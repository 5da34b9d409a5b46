// A progress bar on standard error, if that is a terminal and the log is long.

const everyMs = 200
/** Short logs are done before a bar would help. */
const afterMs = 1000
const cells = 30

export interface Progress {
  /** Draws the bar if it is time. */
  show(done: number, total: number, sessions: number): void
  /** Removes it. */
  end(): void
}

export function progressBar(out: NodeJS.WriteStream, now: () => number): Progress {
  const began = now()
  let last = began
  let isShown = false
  return {
    show(done, total, sessions) {
      const time = now()
      if (!out.isTTY || time - began < afterMs || time - last < everyMs) return
      last = time
      isShown = true
      out.write(`\r${barOf(done, total)} ${sessions} sessions\x1b[K`)
    },
    end() {
      if (isShown) out.write('\r\x1b[K')
    },
  }
}

/** Without a total, as for standard input, only the amount. */
export function barOf(done: number, total: number): string {
  if (total <= 0) return `${(done / 2 ** 20).toFixed(0)} MiB`
  const share = Math.min(1, done / total)
  const full = Math.round(share * cells)
  return `[${'#'.repeat(full)}${'.'.repeat(cells - full)}] ${String(Math.floor(share * 100)).padStart(3)} %`
}
