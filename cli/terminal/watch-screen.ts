// Shows a text again and again: on a terminal in place of the one before, elsewhere when it has changed.
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../runtime/caught.ts'
import { stopSignal } from '../../runtime/stop-signal.ts'

export interface Watched {
  readonly text: string
  /** The exit code if this is the last one. */
  readonly code: number
}

const everyMs = 5000

/** From the top, without a flash: the new text is written over the old one, and the rest is erased. */
const overwritten = (text: string): string => `\u001b[H${text.replaceAll('\n', '\u001b[K\n')}\u001b[J`

/** Until SIGINT or SIGTERM. Rejects when `make` fails for the first time; later failures are shown below the text. */
export async function watchScreen(make: () => Promise<Watched>): Promise<number> {
  const out = process.stdout
  const stop = new AbortController()
  void stopSignal().then(() => stop.abort())
  let last = await make()
  let problem = ''
  let shown = ''
  if (out.isTTY) out.write('\u001b[2J')
  while (!stop.signal.aborted) {
    const text = `${last.text}${problem}`
    if (out.isTTY) out.write(overwritten(text))
    else if (text !== shown) out.write(text)
    shown = text
    await pause(everyMs, undefined, { signal: stop.signal }).catch(() => undefined)
    if (stop.signal.aborted) break
    try {
      last = await make()
      problem = ''
    } catch (error) {
      problem = `\n${messageOf(error)}\n`
    }
  }
  return last.code
}
