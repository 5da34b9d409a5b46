// What the panels must show after the crowd has been there.
import { crowd, returning } from './crowd.ts'

export type Expected =
  /** Exactly these series by the values of their labels, beside those that are 0. */
  | { readonly is: 'exact'; readonly values: Readonly<Record<string, number>> }
  /** At least one series, and all of them from `least` to `most`. */
  | { readonly is: 'between'; readonly least: number; readonly most: number }
  /** No series. */
  | { readonly is: 'none'; readonly because: string }

/** `query`: what the query itself gives, where that is not what its counters give. */
export type PanelExpected = Expected & { readonly query?: 'none' }

const exact = (values: Readonly<Record<string, number>>): Expected => ({ is: 'exact', values })
const between = (least: number, most: number): Expected => ({ is: 'between', least, most })
const none = (because: string): Expected => ({ is: 'none', because })

const zero = exact({})
const one = (value: number): Expected => exact({ '': value })
/** It has no value on the first day. */
const young = { ...one(1), query: 'none' } as const

const visits = crowd.length + returning.length
const zombies = crowd.filter(({ is }) => is === 'zombie').length
const listed = crowd.filter(({ from }) => from === '127.0.0.66').length
/** Those that come back, and the permitted one. */
const known = returning.length + 1
/** One recipient each: zombies, clients on the DNS list, and the rejected one. */
const refused = zombies + listed + 1
const asked = returning.length
const rejects = { '550 enforce rcpt': refused, '450 enforce rcpt': asked }
const seconds = between(0, 60)
const bucketed = between(0, 1)
const hours = between(0, 86_400)
const quantiles = (expected: Expected, count = 3): readonly Expected[] => Array.from({ length: count }, () => expected)
const policies = { 'Accepted mx mail True': 1, 'DNSBLHealthy mx mail True': 1, 'Programmed mx mail False': 1, 'Ready mx mail False': 1 }
const unknown = { 'BackendReachable mx mail Unknown': 1, 'ClientAddressPreserved mx mail Unknown': 1 }

/** By the title of the panel: one for each of its queries. */
export const expectedOf: Readonly<Record<string, readonly PanelExpected[]>> = {
  Connections: [one(visits)],
  'Connections compared with a day ago': [young],
  'Handed off': [one(known)],
  'Handed off compared with a day ago': [young],
  'Current sessions': [zero],
  Refused: [one((refused + asked) / visits)],
  'New clients among those that passed': [one(asked / (asked + returning.length))],
  // The API server in memory starts no pods.
  'Policies that are not ready': [one(1)],
  'Sessions by outcome': [exact({ accessList: 1, comeBack: asked, dnsbl: listed, hangup: 1, known, pregreet: zombies })],
  'New and known clients that passed': [exact({ new: asked, old: returning.length })],
  'What Enforce mode would refuse': [none('the policy is not in Audit mode')],
  'Refusals by code and reason': [exact(rejects)],
  'Most frequent refusals in the range': [exact(rejects)],
  'Hang-ups, command limits, allowlist vetoes': [exact({ before: 1 }), none('no client reached a limit'), zero],
  'Time until clients come back': quantiles(seconds),
  'Clients that come back': [one(asked), one(returning.length)],
  'Client addresses': [zero, zero],
  'Failed tests': [exact({ 'Enforce dnsbl': listed, 'Enforce pipelining': zombies, 'Enforce pregreet': zombies })],
  'DNSBL rank of clients over the threshold': [between(0, listed)],
  'DNS list replies': [between(1, visits)],
  'Failing DNS lists': [none('no query failed')],
  'Reply time of DNS lists': quantiles(seconds),
  'STARTTLS of clients under test': [none('no client used TLS')],
  Bans: [zero, zero, zero],
  'Age of SPF records': [none('the policy permits no senders by SPF')],
  'Problems of SPF records': [none('the policy permits no senders by SPF')],
  'Time until a mail server greets': quantiles(seconds),
  'Clients that no mail server accepted': [zero],
  'Bytes copied': [between(100, 10_000)],
  'Sessions by phase': [zero],
  'Temporary allowlist': [exact({ 'mx-gateway-large': returning.length })],
  Stress: [zero, zero],
  'Longest event loop delay': [seconds],
  CPU: [between(0.1, 3600)],
  Memory: [between(3e7, 2e9)],
  'Active policy generation, refused policies': [zero, zero],
  'Open files, connections in use': [bucketed, zero],
  'Time since the start': [hours],
  Reconciliations: [between(0, 1e6), zero],
  'Duration of a reconciliation': quantiles(seconds, 2),
  'Leader, silence of watches': [one(1), hours],
  'Work queue': [between(0, 1), between(0, 4), exact({ 'postscreen-operator-0': 4 })],
  'Additions to the work queue, and retries': [between(1, 1e6), between(1, 1e6)],
  'Waiting time, passes in progress': [seconds, seconds, seconds],
  'Conditions of policies': [exact({ ...policies, ...unknown, 'Reconciling mx mail True': 1, 'Stalled mx mail False': 1 })],
}

/** The crowd in a sentence. */
export const crowdInWords = `${visits} visits: ${zombies} zombies that talk before the greeting, ${listed} clients on a DNS list, 1 that hangs up, 1 that the access list rejects, 1 that it permits, and ${asked} new ones that are asked to come back and do so.`
