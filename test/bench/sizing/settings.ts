// What a sizing depends on besides measured costs: the visits, the limits of pods and nodes, and the three examples of the page.
import { readPolicyText } from '../../../crds/policy.ts'

/** What arrives. */
export interface Visits {
  readonly perMinute: number
  /** Shares of all visits; together 1. */
  readonly shares: Readonly<Record<Kind, number>>
  /** Mean size of a message, in bytes. */
  readonly messageBytes: number
  readonly lists: number
  /** The greet wait, in seconds. */
  readonly greetWait: number
  /** How long a relayed session lasts, in seconds, without the greet wait. */
  readonly session: number
  /** How long a bot is connected that speaks before the greeting, in seconds. */
  readonly pregreet: number
  /** How much higher the rate is in the busiest seconds than on average. */
  readonly peak: number
}

export const kinds = ['pregreet', 'listed', 'first', 'again'] as const
export type Kind = (typeof kinds)[number]

/** One pod, its node, and the servers behind it. */
export interface Settings {
  readonly workers: number
  /** The memory limit of a pod, in bytes. */
  readonly memory: number
  /** Open files of one process. */
  readonly openFiles: number
  /** `limits.preQueue` of the policy, for one pod. */
  readonly preQueue: number
  readonly podsPerNode: number
  /** nf_conntrack_max of a node. */
  readonly conntrack: number
  /** Seconds that the entry of a closed connection stays (nf_conntrack_tcp_timeout_time_wait). */
  readonly conntrackClosed: number
  /** Local ports for connections to one mail server (ip_local_port_range). */
  readonly ports: number
  /** Seconds until the port of a closed connection can be used again (TIME_WAIT). */
  readonly portClosed: number
  /** New connections per second from one gateway to one mail server (`backend.connectRate`). */
  readonly connectRate: number
  /** Sessions at the same time in one mail server (default_process_limit of Postfix). */
  readonly backendSessions: number
  readonly sharedStore: boolean
  /** The share of each limit that is used with the given rate. The rest is for peaks. */
  readonly target: number
}

/** The default of the policy for a number below spec. */
function policyDefault(pick: (spec: { limits: { preQueue: number }; backend: { connectRate: number } }) => number): number {
  const head = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\n'
  const result = readPolicyText(`${head}spec: {backend: {addresses: ['192.0.2.1:25']}}\n`)
  if (!('policy' in result)) throw new Error('the smallest policy is not valid')
  return pick(result.policy.spec)
}

const mebi = 1 << 20

/** Half a day of a mail server that is attacked as usual: most connections are from bots. */
export const usualVisits: Omit<Visits, 'perMinute'> = {
  shares: { pregreet: 0.25, listed: 0.45, first: 0.05, again: 0.25 },
  messageBytes: 75 * 1024,
  lists: 3,
  greetWait: 6,
  session: 2,
  pregreet: 0.5,
  peak: 1.3,
}

/** The defaults of policy, kube-proxy (conntrack: 131,072 for up to four cores), Linux, systemd and Postfix. */
export const defaults: Settings = {
  workers: 1,
  memory: 512 * mebi,
  openFiles: 524_288,
  preQueue: policyDefault(({ limits }) => limits.preQueue),
  podsPerNode: 1,
  conntrack: 131_072,
  conntrackClosed: 120,
  ports: 60_999 - 32_768 + 1,
  portClosed: 60,
  connectRate: policyDefault(({ backend }) => backend.connectRate),
  backendSessions: 100,
  sharedStore: false,
  target: 0.7,
}

export interface Example {
  readonly name: string
  readonly visits: Visits
  readonly settings: Settings
}

const million: Settings = {
  ...defaults,
  memory: 1024 * mebi,
  preQueue: 20_000,
  conntrack: 1_048_576,
  backendSessions: 500,
  sharedStore: true,
}

export const examples: readonly Example[] = [
  { name: '100', visits: { ...usualVisits, perMinute: 100 }, settings: defaults },
  { name: '10,000', visits: { ...usualVisits, perMinute: 10_000 }, settings: { ...defaults, sharedStore: true } },
  { name: '1,000,000', visits: { ...usualVisits, perMinute: 1_000_000 }, settings: million },
]
