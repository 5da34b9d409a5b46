// A world for the core in which time passes only when a scenario lets it: clock, timers, blocklists, allowlist and log.

import { milliseconds } from '../../crds/values/duration.ts'
import { newScreening } from '../../gateway/core/clients.ts'
import type { Rules } from '../../gateway/core/rules.ts'
import type { DnsblAnswer } from '../../gateway/core/vocabulary.ts'
import { resolved } from './name-server.ts'

interface Task {
  readonly at: number
  readonly run: () => void
}

type AnswerListener = (answer: DnsblAnswer, complete: boolean) => void

/** The lookup of one client's lists, shared by its parallel sessions. */
interface Flight {
  readonly answers: DnsblAnswer[]
  readonly listeners: Set<AnswerListener>
}

export class VirtualWorld {
  readonly rules: Rules
  readonly screening = newScreening()
  readonly allowlist = new Map<string, string>()
  readonly log: string[] = []
  /** Epoch milliseconds. */
  now: number
  #tasks: Task[] = []
  readonly #flights = new Map<string, Flight>()

  constructor(rules: Rules, now: number) {
    this.rules = rules
    this.now = now
  }

  /** Does something later. @returns how to call it off */
  later(ms: number, run: () => void): () => void {
    const task = { at: this.now + ms, run }
    this.#tasks.push(task)
    return () => {
      this.#tasks = this.#tasks.filter((other) => other !== task)
    }
  }

  /** Lets time pass until then or until `enough`, whichever is first. What is due at the same moment happens in the order it was planned. */
  passTime(until: number, enough: () => boolean = () => false): void {
    while (!enough()) {
      const next = this.#tasks.reduce<Task | undefined>(
        (first, task) => (first === undefined || task.at < first.at ? task : first),
        undefined,
      )
      if (next === undefined || next.at > until) {
        this.now = until
        return
      }
      this.#tasks = this.#tasks.filter((task) => task !== next)
      this.now = next.at
      next.run()
    }
  }

  /** Asks every list, or joins the running lookup. @returns how to lose interest */
  lookUp(client: string, listener: AnswerListener): () => void {
    const running = this.#flights.get(client)
    const flight = running ?? { answers: [], listeners: new Set<AnswerListener>() }
    flight.listeners.add(listener)
    this.#flights.set(client, flight)
    if (running === undefined) for (const { domain } of this.rules.dnsbl.lists) this.#ask(client, domain, flight)
    // Answers that are there already come at once, but not before the caller is ready.
    else for (const answer of running.answers) this.later(0, () => this.#tell(flight, listener, answer))
    return () => {
      flight.listeners.delete(listener)
      if (flight.listeners.size === 0 && this.#flights.get(client) === flight) this.#flights.delete(client)
    }
  }

  #ask(client: string, domain: string, flight: Flight): void {
    const answer: DnsblAnswer = { domain, addresses: [], ttl: -1, error: { kind: 'timeout', text: 'timeout' } }
    const late = { answer, afterMs: milliseconds(this.rules.dnsbl.timeout) }
    const said = resolved(domain, client) ?? late
    this.later(said.afterMs, () => {
      flight.answers.push(said.answer)
      for (const listener of flight.listeners) this.#tell(flight, listener, said.answer)
    })
  }

  #tell(flight: Flight, listener: AnswerListener, answer: DnsblAnswer): void {
    const complete = flight.answers.length === this.rules.dnsbl.lists.length && flight.answers.at(-1) === answer
    if (flight.listeners.has(listener)) listener(answer, complete)
  }
}
