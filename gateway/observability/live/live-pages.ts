// The pages of the live view: /live, the stream of its changes, and the sessions that match a filter.
import { visibleText } from '../../../crds/values/visible-text.ts'
import { type AdminPage, type OpenStream, plainPage } from '../../../runtime/admin-server.ts'
import { StateSince } from '../../../runtime/state-since.ts'
import type { BanPage } from '../../bans/ban-page.ts'
import { type Outcome, outcomes } from '../../core/outcome-names.ts'
import { isPartOf, readSubject } from '../explain/explain-page.ts'
import type { RecentSession, SessionFilter } from '../explain/recent-sessions.ts'
import { type LiveState, liveState, type ReportOf } from './live-state.ts'
import { LiveStream, viewersAtMost } from '../../../runtime/live-stream.ts'
import { fieldsOf } from '../../../crds/is-object.ts'
import type { SessionLine } from './session-line.ts'

/** A filter as plain data: `address` an address or a network. */
export interface SessionQuery {
  readonly address?: string
  readonly outcomes?: readonly Outcome[]
  readonly text: string
}

/** What the pages are made of; promises where workers are asked. */
export interface LiveSource {
  status(): object | Promise<object>
  /** Why the gateway is not ready, and since when it drains. */
  notReady(): readonly string[] | Promise<readonly string[]>
  readonly drainingSince: number | null
  /** @param after the number of the last session that is known, of each process by its number, or 0 without workers */
  reports(after: ReadonlyMap<number, number>): Promise<readonly ReportOf[]>
  bans(): BanPage | undefined | Promise<BanPage | undefined>
  /** The newest first. */
  search(query: SessionQuery): readonly SessionLine[] | Promise<readonly SessionLine[]>
  find(session: string): RecentSession | undefined | Promise<RecentSession | undefined>
}

export const sessionsFound = 200
const sessionsAtFirst = 200
const sessionsInUpdate = 20
const newMinutes = 2

export class LivePages {
  readonly #source: LiveSource
  readonly #stream = new LiveStream({ state: (what) => (what === 'all' ? this.state(what) : this.#news()) })
  readonly #notReady = new StateSince()
  #known = new Map<number, number>()

  constructor(source: LiveSource) {
    this.#source = source
  }

  /** `new`: only the sessions since the last call. */
  async state(what: 'all' | 'new'): Promise<LiveState> {
    const isNew = what === 'new'
    const [reports, status, notReady, bans] = await Promise.all([
      this.#source.reports(isNew ? this.#known : new Map()),
      this.#source.status(),
      this.#source.notReady(),
      this.#source.bans(),
    ])
    if (isNew) this.#known = new Map(reports.map(({ worker = 0, report }) => [worker, report.tail.last]))
    return liveState({
      at: Date.now(),
      reports,
      since: { notReady: this.#notReady.see(notReady.length > 0) ?? null, draining: this.#source.drainingSince },
      viewers: { now: this.#stream.viewers, most: viewersAtMost },
      bans: bans?.bans,
      status,
      sessionsAtMost: isNew ? sessionsInUpdate : sessionsAtFirst,
    })
  }

  /** An update has the minute that is not over and the one before it. */
  async #news(): Promise<object> {
    const { hour, ...state } = await this.state('new')
    return { ...state, hour: hour && { ...hour, minutes: hour.minutes.slice(-newMinutes) } }
  }

  /** For /live. */
  async page(): Promise<AdminPage> {
    return json(await this.state('all'))
  }

  /** For /live/events. */
  get open(): OpenStream {
    return this.#stream.open
  }

  /** For /live/hour: what the operator adds up for its own page. */
  async hour(): Promise<AdminPage> {
    const state = await this.state('all')
    return json({ at: state.at, outcomes, hour: state.hour, version: fieldsOf(state.status)['version'] })
  }

  /** For /live/sessions?address=ADDRESS&outcome=OUTCOME,OUTCOME&text=TEXT; all of them optional. */
  async sessions(query: URLSearchParams): Promise<AdminPage> {
    const read = readQuery(query)
    if ('why' in read) return plainPage(400, read.why)
    return json({ sessions: await this.#source.search(read) })
  }

  /** For /live/session?id=SESSION. */
  async session(query: URLSearchParams): Promise<AdminPage> {
    const found = await this.#source.find(query.get('id') ?? '')
    return found === undefined ? plainPage(404, 'this session is not remembered any more') : json(found)
  }

  close(): void {
    this.#stream.close()
  }
}

const json = (value: unknown): AdminPage => ({ code: 200, type: 'application/json', text: `${JSON.stringify(value)}\n` })

const longestText = 200

function readQuery(query: URLSearchParams): SessionQuery | { readonly why: string } {
  const unknown = [...query.keys()].find((name) => !['address', 'outcome', 'text'].includes(name))
  if (unknown !== undefined)
    return { why: `unknown parameter ${JSON.stringify(visibleText(unknown.slice(0, 100)))}: there are address, outcome and text` }
  const address = query.get('address')
  if (address !== null) {
    const subject = readSubject(address)
    if ('why' in subject) return { why: `address: ${subject.why}` }
  }
  const named = query.get('outcome')?.split(',') ?? []
  const wrong = named.find((name) => !outcomes.includes(name as Outcome))
  if (wrong !== undefined) return { why: `outcome: expected some of ${outcomes.join(', ')}` }
  return {
    text: (query.get('text') ?? '').slice(0, longestText).toLowerCase(),
    ...(address !== null && { address }),
    ...(named.length > 0 && { outcomes: named as Outcome[] }),
  }
}

/** The filter that a query stands for. */
export function filterOf({ address, outcomes: chosen, text }: SessionQuery): SessionFilter {
  const subject = address === undefined ? undefined : readSubject(address)
  return {
    isMeant: subject !== undefined && 'value' in subject ? isPartOf(subject.value) : () => true,
    outcomes: chosen === undefined ? undefined : new Set(chosen),
    text,
  }
}
