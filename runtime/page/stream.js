// The stream of events: a snapshot first, then what is new each second. After a gap the snapshot comes again, so that
// nothing is patched over a hole.

const pauses = [1000, 2000, 4000, 8000, 10_000]
const fullPause = 30_000
/** The gateway sends every second. */
const silenceMs = 15_000

/** @param onState(state, isWhole), onLost({ retryMs, lastAt, full }) */
export function follow(path, { onState, onLost }) {
  let tries = 0
  let lastAt
  let watch

  function connect() {
    const source = new EventSource(path)
    let heardAt = Date.now()
    const hear = (isWhole) => (event) => {
      heardAt = lastAt = Date.now()
      tries = 0
      onState(JSON.parse(event.data), isWhole)
    }
    source.addEventListener('all', hear(true))
    source.addEventListener('new', hear(false))
    const lost = async () => {
      source.close()
      clearInterval(watch)
      await wait(await isFull())
    }
    source.addEventListener('error', () => void lost())
    watch = setInterval(() => {
      if (Date.now() - heardAt > silenceMs) void lost()
    }, 1000)
  }

  async function wait(full) {
    const pause = full ? fullPause : pauses[Math.min(tries++, pauses.length - 1)]
    const until = Date.now() + pause
    for (let left = pause; left > 0; left = until - Date.now()) {
      onLost({ retryMs: left, lastAt, full })
      await new Promise((resolve) => setTimeout(resolve, Math.min(left, 1000)))
    }
    onLost({ retryMs: 0, lastAt, full })
    connect()
  }

  /** Whether there are too many viewers. */
  async function isFull() {
    try {
      const { viewers } = await (await fetch('live')).json()
      return viewers.now >= viewers.most
    } catch {
      return false
    }
  }

  connect()
}
