// The live screen of `postscreen top`: asks again and again, draws, and obeys keys.
import { setTimeout as pause } from 'node:timers/promises'
import { messageOf } from '../../runtime/caught.ts'
import { stopSignal } from '../../runtime/stop-signal.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { ageOf } from '../../operator/overview/attention.ts'
import { type FullScreen, type Key, openFullScreen } from '../terminal/full-screen.ts'
import { cutPainted } from '../terminal/painted.ts'
import { styleOf } from '../terminal/style.ts'
import { askTop, type PolicyPlace } from './ask-top.ts'
import type { TopView } from './combined.ts'
import { topLines } from './top-text.ts'
import { sorts } from './top-tables.ts'

const everyMs = 2000

const keysHelp = [
  'q, Ctrl-C   end',
  '← →         another policy',
  'p           pause, and go on',
  's           sort the DNS lists: in the order of the policy, by answers, by listed, by median',
  '?           these keys, and back',
]

/**
 * Until q, Ctrl-C, SIGTERM, or until the terminal is gone. Rejects if the first answer cannot be had: then nothing has
 * been drawn.
 * @param places at least one
 * @returns the exit code
 */
export async function liveTop(cluster: Cluster, places: readonly PolicyPlace[]): Promise<number> {
  const [place] = places
  if (place === undefined) return 0
  const first = await askTop(cluster, place)
  const live = new LiveTop(cluster, places, first)
  await live.run()
  return 0
}

class LiveTop {
  readonly #cluster: Cluster
  readonly #places: readonly PolicyPlace[]
  readonly #stop = new AbortController()
  #wake = new AbortController()
  #screen: FullScreen | undefined
  #view: TopView
  #askedAt = Date.now()
  #problem: string | undefined
  #at = 0
  #sort = 0
  #isPaused = false
  #isHelp = false

  constructor(cluster: Cluster, places: readonly PolicyPlace[], view: TopView) {
    this.#cluster = cluster
    this.#places = places
    this.#view = view
  }

  async run(): Promise<void> {
    void stopSignal().then(() => this.#end())
    this.#screen = openFullScreen(process.stdin, process.stdout, { key: (key) => this.#take(key), redraw: () => this.#draw() })
    try {
      while (!this.#stop.signal.aborted) {
        this.#draw()
        this.#wake = new AbortController()
        await pause(everyMs, undefined, { signal: AbortSignal.any([this.#stop.signal, this.#wake.signal]) }).catch(() => undefined)
        if (!this.#stop.signal.aborted && (!this.#isPaused || !this.#isOfPlace())) await this.#ask()
      }
    } finally {
      this.#screen.close()
    }
  }

  /** Ends without an answer when the program ends: closing the cluster aborts the request. */
  async #ask(): Promise<void> {
    const place = this.#places[this.#at]
    if (place === undefined) return
    const { promise, resolve } = Promise.withResolvers<undefined>()
    this.#stop.signal.addEventListener('abort', () => resolve(undefined), { once: true })
    try {
      const view = await Promise.race([askTop(this.#cluster, place), promise])
      // Meanwhile, another policy may have been chosen.
      if (view === undefined || place !== this.#places[this.#at]) return
      this.#view = view
      this.#askedAt = Date.now()
      this.#problem = undefined
    } catch (error) {
      this.#problem = messageOf(error)
    }
  }

  /** Whether the numbers are those of the chosen policy. */
  #isOfPlace(): boolean {
    const place = this.#places[this.#at]
    return place?.policy === this.#view.policy && place.namespace === this.#view.namespace
  }

  #end(): void {
    this.#stop.abort()
  }

  #take(key: Key): void {
    if (key === 'q' || key === 'Q' || key === 'stop') return this.#end()
    if (key === 'left' || key === 'right') this.#choose(key === 'left' ? -1 : 1)
    else if (key === 'p') this.#isPaused = !this.#isPaused
    else if (key === 's') this.#sort = (this.#sort + 1) % sorts.length
    else if (key === '?' || key === 'h') this.#isHelp = !this.#isHelp
    this.#draw()
    if (key === 'p') this.#wake.abort()
  }

  /** The numbers of the policy before are not shown under the name of the new one. */
  #choose(step: number): void {
    if (this.#places.length === 1) return
    this.#at = (this.#at + step + this.#places.length) % this.#places.length
    this.#isPaused = false
    this.#wake.abort()
  }

  #draw(): void {
    const screen = this.#screen
    if (screen === undefined || this.#stop.signal.aborted) return
    const { columns: width, rows: height } = screen
    if (this.#isHelp) return screen.draw(keysHelp.slice(0, height).map((line) => cutPainted(line, width)))
    const place = this.#places[this.#at]
    if (!this.#isOfPlace())
      return screen.draw([cutPainted(`${place?.namespace}/${place?.policy}  ${this.#problem ?? 'asking its gateways …'}`, width)])
    const sort = sorts[this.#sort] ?? 'policy'
    const shown = { number: this.#at + 1, of: this.#places.length }
    const state = this.#state()
    const lines = topLines(
      { view: this.#view, now: this.#askedAt, state, sort, place: shown, height },
      { ...styleOf(process.stdout), width },
    )
    return screen.draw(lines)
  }

  #state(): string {
    if (this.#problem !== undefined) return `${ageOf(Date.now() - this.#askedAt)} old: no answer`
    return this.#isPaused ? 'paused' : 'live'
  }
}
