// The picture that screening exists for: mute zombies hold on to the server while good clients deliver.
import { setTimeout as sleep } from 'node:timers/promises'
import { untilHolds } from '../support/until-holds.ts'
import { Client, type Held, hold, loopbackAddress, type Visit } from './clients.ts'
import { quantile } from './figures.ts'
import { mail, mute, permits, permitted, permittedNetwork } from './scripts.ts'

const zombie = (index: number): string => loopbackAddress(64, index)

/** Unknown clients must show themselves in the dummy engine, and may be silent there. */
export const zombieSpec = {
  access: permits,
  greet: { action: 'Enforce', wait: '2s', stressWait: '2s' },
  deepTests: { pipelining: { enabled: true } },
} as const

/** The same in main.cf, with the gateway's limit: with postscreen's own of 100, most zombies would be refused for want of room. */
export const zombieMainCf = {
  mynetworks: permittedNetwork,
  postscreen_access_list: 'permit_mynetworks',
  postscreen_greet_action: 'enforce',
  postscreen_greet_wait: '2s',
  postscreen_pipelining_enable: 'yes',
  postscreen_pre_queue_limit: '10000',
  postscreen_post_queue_limit: '1000',
} as const

export interface ZombieHour {
  readonly port: number
  readonly zombies: number
  readonly goodClients: number
  /** Between the arrivals of two good clients. */
  readonly everyMs: number
  /** How long a good client tries. */
  readonly patienceMs: number
  /** The good ones wait until so many zombies are greeted; where left out, for a moment. */
  readonly zombiesGreeted?: number
}

export interface ZombieOutcome {
  readonly delivered: number
  /** Milliseconds from the call to `250 … queued`, of those that delivered. */
  readonly ms: { readonly median: number; readonly p99: number }
  /** How the others ended, with counts. */
  readonly failures: ReadonlyMap<string, number>
  /** Zombies that were still connected in the end. */
  readonly zombiesLeft: number
}

const greetedOf = ({ there }: Held): number => [...there].filter(({ heardAt }) => heardAt !== undefined).length

/** Lets the zombies come, then the good clients, one after the other has begun. */
export async function zombieHour({ port, zombies, goodClients, everyMs, patienceMs, zombiesGreeted }: ZombieHour): Promise<ZombieOutcome> {
  const held = hold(port, zombies, (index) => ({ from: zombie(index), script: mute }))
  // Not untilHeard: the server that is to fail never says a word to most of them.
  if (zombiesGreeted === undefined) await sleep(1500)
  else await untilHolds(`${zombiesGreeted} zombies are greeted`, () => greetedOf(held) >= zombiesGreeted, 120)
  const script = mail(4096)
  const visits: Promise<Visit>[] = []
  for (let index = 0; index < goodClients; index++) {
    const { promise, resolve } = Promise.withResolvers<Visit>()
    const client = new Client(port, permitted(index), script, resolve)
    setTimeout(() => client.leave('late'), patienceMs).unref()
    visits.push(promise)
    await sleep(everyMs)
  }
  const failures = new Map<string, number>()
  const times: number[] = []
  for (const { beganAt, endedAt, heard, ending } of await Promise.all(visits)) {
    if (/^250 2\.0\.0 Ok: queued/m.test(heard)) times.push(endedAt - beganAt)
    else failures.set(ending, (failures.get(ending) ?? 0) + 1)
  }
  const zombiesLeft = held.there.size
  await held.leave('reset')
  return { delivered: times.length, ms: { median: quantile(times, 0.5), p99: quantile(times, 0.99) }, failures, zombiesLeft }
}
