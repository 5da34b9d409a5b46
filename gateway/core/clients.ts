// What the sessions of one gateway share: counters, stress mode, and for each client the state of its parallel
// sessions.
import type { Stamps } from './allowlist-record.ts'
import { BanTable } from './bans/ban-table.ts'
import { AddressWatch } from './client-address/address-watch.ts'

/**
 * Shared by the sessions of one client that run at the same time (postscreen.h PSC_CLIENT_INFO).
 * postscreen incompatibility: its key is the client's address. Here it is the key of the temporary allowlist, so that
 * an IPv6 client cannot open as many connections as its network has addresses.
 */
export interface ClientState {
  readonly key: string
  /** Sessions under screening. */
  concurrency: number
  passNewCount: number
  /** Per test the second until which a pass is valid; -1 before anything is known. */
  readonly stamps: Stamps
}

/**
 * One gateway's sessions. `checkQueue` counts all that are not handed off, `postQueue` those that wait for a backend.
 */
export interface Screening {
  readonly clients: Map<string, ClientState>
  /** By the client's key: connections that a backend has taken. */
  readonly relays: Map<string, number>
  readonly bans: BanTable
  readonly addresses: AddressWatch
  checkQueue: number
  postQueue: number
  stress: boolean
}

/** @param processes how many share the connections of the gateway */
export function newScreening(processes = 1): Screening {
  return {
    clients: new Map(),
    relays: new Map(),
    bans: new BanTable(),
    addresses: new AddressWatch(processes),
    checkQueue: 0,
    postQueue: 0,
    stress: false,
  }
}

/** Water marks of stress mode for a pre-queue limit (postscreen_state.c: 90 % and 70 %). */
const highWater = (limit: number): number => Math.floor(limit * 0.9)
const lowWater = (limit: number): number => Math.floor(limit * 0.7)

/** @returns true when stress mode begins with the session that has just arrived */
export function beginStress(screening: Screening, preQueueLimit: number): boolean {
  if (screening.stress || screening.checkQueue < highWater(preQueueLimit)) return false
  screening.stress = true
  return true
}

/** @returns true when stress mode ended with the session that has just left */
export function endStress(screening: Screening, preQueueLimit: number): boolean {
  if (!screening.stress || screening.checkQueue > lowWater(preQueueLimit)) return false
  screening.stress = false
  return true
}

/** Counts a session in. @returns what it shares with the client's other sessions */
export function arrive(screening: Screening, key: string): ClientState {
  screening.checkQueue++
  const known = screening.clients.get(key)
  if (known !== undefined) {
    known.concurrency++
    return known
  }
  const state: ClientState = { key, concurrency: 1, passNewCount: 0, stamps: [-1, -1, -1, -1, -1] }
  screening.clients.set(key, state)
  return state
}

/** Counts a session out: it is over or handed off. */
export function depart(screening: Screening, state: ClientState): void {
  screening.checkQueue--
  if (--state.concurrency === 0) screening.clients.delete(state.key)
}

/** A backend has taken a connection of this client. */
export function beginRelay(screening: Screening, { key }: ClientState): void {
  screening.relays.set(key, (screening.relays.get(key) ?? 0) + 1)
}

/** That connection has ended. */
export function endRelay(screening: Screening, { key }: ClientState): void {
  const left = (screening.relays.get(key) ?? 0) - 1
  if (left > 0) screening.relays.set(key, left)
  else screening.relays.delete(key)
}

/**
 * Connections that a client has.
 * postscreen incompatibility: it counts those under screening only, since smtpd counts the others; Postfix behind
 * several gateways cannot.
 */
export function connectionsOf(screening: Screening, { key, concurrency }: ClientState): number {
  return concurrency + (screening.relays.get(key) ?? 0)
}

/**
 * A copy of the counters, and of the state of one client only, on which a session can be tried without an effect.
 * @param network of the client, if the policy bans networks
 */
export function copyFor(screening: Screening, key: string, network: string | undefined): Screening {
  const state = screening.clients.get(key)
  const relays = screening.relays.get(key)
  return {
    ...screening,
    clients: new Map(state === undefined ? [] : [[key, { ...state, stamps: [...state.stamps] }]]),
    relays: new Map(relays === undefined ? [] : [[key, relays]]),
    bans: screening.bans.copyFor(network),
    addresses: screening.addresses.copy(),
  }
}
