// A campaign: many random dialogues under many configurations, and what came out of them.

import { setTimeout as sleep } from 'node:timers/promises'
import { sharedPolicies } from '../support/policy-file.ts'
import { compare } from './compare.ts'
import type { Compared } from './compare.ts'
import { configurations } from './configurations.ts'
import { randomDialogue, repetitions } from './dialogue.ts'
import type { DialogueProfile } from './dialogue.ts'
import { importedPolicy } from './imported-policy.ts'
import { seeded } from './random.ts'
import { randomMemory } from './random-memory.ts'
import { randomSettings } from './random-settings.ts'
import { startServers } from './servers.ts'
import type { Opponent, ServedPolicy, Servers } from './servers.ts'

export interface CampaignOptions {
  /** Dialogues in all, spread evenly over the configurations. */
  readonly count: number
  readonly seed: number
  readonly opponent: Opponent
  /** Only this configuration. */
  readonly configuration?: string | undefined
  /** Draw so many configurations by the seed, and let the importer make the gateway's policies, in place of those of test/sessions/policies. */
  readonly randomConfigurations?: number | undefined
  /** Only the dialogue of this number. */
  readonly number?: number | undefined
  readonly atOnce?: number
  /** Told of each dialogue that did not come out equal at once. */
  readonly onDifference?: (difference: Difference) => void
}

export interface Difference {
  readonly configuration: string
  readonly number: number
  readonly left: string
  readonly right: string
  /** It differed again when it was repeated with nothing else going on. */
  readonly again: boolean
}

export interface CampaignResult {
  readonly played: number
  readonly differences: readonly Difference[]
  /** How often each reply and each kind of log line was seen, on the left: what the dialogues reached. */
  readonly reached: ReadonlyMap<string, number>
}

/** A configuration: what the servers get and what dialogues have to know of it; its number is the same whichever others are played. */
interface Subject {
  readonly index: number
  readonly profile: DialogueProfile
  readonly policy: ServedPolicy
}

interface Job {
  readonly subject: Subject
  readonly number: number
  readonly seed: number
}

/** How long the logs may go on after the last dialogue. */
const lateMs = 2000

/** Plays the campaign. Every dialogue is settled by the seed, its configuration and its number alone. */
export async function runCampaign(options: CampaignOptions): Promise<CampaignResult> {
  const all = options.randomConfigurations === undefined ? writtenSubjects() : drawnSubjects(options, options.randomConfigurations)
  const subjects = all.filter(({ policy }) => options.configuration === undefined || policy.name === options.configuration)
  if (subjects.length === 0) throw new Error(`no configuration "${options.configuration}"`)
  const policies = subjects.map(({ policy }) => policy)
  const servers = await startServers(policies, options.opponent)
  try {
    return await play(servers, jobs(subjects, options), options)
  } finally {
    await servers.stop()
  }
}

function writtenSubjects(): Subject[] {
  const policies = sharedPolicies()
  return configurations.map((profile, index) => ({ index, profile, policy: policies.get(profile.policy) ?? fail(profile.policy) }))
}

function drawnSubjects({ seed, count }: CampaignOptions, configurationCount: number): Subject[] {
  return Array.from({ length: configurationCount }, (_, index) => {
    const { profile, settings } = randomSettings(seeded(seed, index), `drawn-${index}`)
    const remembered = randomMemory(seeded(seed, index, -1), profile, Math.ceil(count / configurationCount))
    return { index, profile, policy: { ...importedPolicy(profile.policy, settings), remembered } }
  })
}

function fail(policy: string): never {
  throw new Error(`no policy "${policy}"`)
}

function jobs(subjects: readonly Subject[], options: CampaignOptions): Job[] {
  if (options.number !== undefined) return subjects.map((subject) => ({ subject, number: options.number ?? 0, seed: options.seed }))
  return Array.from({ length: options.count }, (_, index): Job => {
    const subject = subjects[index % subjects.length] ?? fail('')
    return { subject, number: Math.floor(index / subjects.length), seed: options.seed }
  })
}

async function play(servers: Servers, list: readonly Job[], options: CampaignOptions): Promise<CampaignResult> {
  const done: { readonly job: Job; readonly compared: Compared }[] = []
  const queue = list.values()
  const worker = async (): Promise<void> => {
    for (const job of queue) done.push({ job, compared: await attempt(servers, job, 0) })
  }
  await Promise.all(Array.from({ length: options.atOnce ?? 64 }, worker))
  // Lines that came late are differences, too.
  await sleep(lateMs)
  const reached = new Map<string, number>()
  const differences: Difference[] = []
  for (const { job, compared } of done) {
    const { equal, left, right } = await compared.again()
    for (const kind of kindsOf(left)) reached.set(kind, (reached.get(kind) ?? 0) + 1)
    if (equal) continue
    const again = await repeat(servers, job)
    const difference: Difference = { configuration: job.subject.policy.name, number: job.number, again, left, right }
    differences.push(difference)
    options.onDifference?.(difference)
  }
  return { played: list.length, differences, reached }
}

/** Replies and log lines without what varies. */
function kindsOf(text: string): string[] {
  const kinds = text.matchAll(/^ {4}(\d{3}[ -].*|[A-Z]{2,}.*|<.*>)$/gm)
  return Array.from(kinds, ([, line = '']) =>
    line
      .replace(/\[[\d.]+\](:\w+)?/g, '[CLIENT]')
      .replace(/(PREGREET|COMMAND|BARE NEWLINE|HANGUP|DISCARD).*?from/, '$1 from')
      .replace(/( after (TIME )?)?from .*?( in .*|$)/, '$3')
      .replace(/; from=.*/, ''),
  )
}

/** Whether it differs every time. */
async function repeat(servers: Servers, job: Job): Promise<boolean> {
  for (let again = 1; again <= repetitions; again++) if ((await attempt(servers, job, again)).equal) return false
  return true
}

/** The same dialogue, each time from an address that the servers do not know yet. */
async function attempt(servers: Servers, job: Job, again: number): Promise<Compared> {
  const { index, policy, profile } = job.subject
  const pair = servers.pairs.get(policy.name) ?? fail(policy.name)
  const random = seeded(job.seed, index, job.number)
  const text = randomDialogue(random, profile, job.number, again)
  try {
    return await compare(text, pair.left, pair.right)
  } catch (error) {
    const failed = { equal: false, left: text, right: String(error) }
    return { ...failed, again: () => Promise.resolve(failed) }
  }
}
