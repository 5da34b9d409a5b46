// A campaign: random valid dialogues straight to Postfix and through a gateway that continues sessions there. From RCPT on (with TLS: from
// STARTTLS on) the client must hear the same, and the messages in the queue must be the same.
import { seeded } from '../differential/random.ts'
import type { GatewayProcess } from '../peers/gateway.ts'
import type { Postfix } from '../peers/postfix.ts'
import { closed } from '../support/player.ts'
import { type Heard, playDialogue } from './play-dialogue.ts'
import { portOf, startHoldingPostfix, variants } from './postfix-variants.ts'
import { type QueuedMessage, queuedMessages, removeMessages } from './queue.ts'
import { type Dialogue, type Manner, randomDialogue } from './random-dialogue.ts'
import { sameSessionSpec, startSameSessionGateway, untilKeywordsKnown } from './same-session-gateway.ts'

export interface DifferentialOptions {
  /** Dialogues in all, spread over the variants of Postfix. */
  readonly count: number
  readonly seed: number
  readonly manner: Manner
  /** Only these variants. */
  readonly only?: readonly string[]
  /** Only the dialogue of this number. */
  readonly number?: number | undefined
  readonly atOnce?: number
  readonly onProgress?: (played: number) => void
}

export interface SessionDifference {
  readonly variant: string
  readonly number: number
  readonly dialogue: Dialogue
  readonly direct: readonly string[]
  readonly through: readonly string[]
}

export interface DifferentialResult {
  readonly played: number
  /** Messages that were compared. */
  readonly messages: number
  /** Dialogues whose MAIL Postfix refused, so that RCPT got its words. */
  readonly refused: number
  readonly differences: readonly SessionDifference[]
}

const manners: readonly Manner[] = ['strict', 'tls', 'loose']

/** A client that does not pass a test is not handed off, so loose clients are tested without consequence. */
function specFor(manner: Manner): typeof sameSessionSpec {
  if (manner !== 'loose') return sameSessionSpec
  const test = { enabled: true, action: 'Ignore' }
  return { ...sameSessionSpec, deepTests: { ...sameSessionSpec.deepTests, pipelining: test, bareNewline: test } }
}

interface Job {
  readonly variant: string
  readonly number: number
}

interface Servers {
  readonly postfix: Postfix
  readonly gateways: ReadonlyMap<string, GatewayProcess>
}

/** Plays the campaign. Every dialogue depends only on the seed, the variant and its number. */
export async function runDifferential(options: DifferentialOptions): Promise<DifferentialResult> {
  const names = Object.keys(variants).filter((name) => options.only?.includes(name) ?? true)
  const postfix = await startHoldingPostfix()
  const gateways = new Map<string, GatewayProcess>()
  try {
    for (const name of names) gateways.set(name, await startSameSessionGateway([portOf(postfix, name)], { spec: specFor(options.manner) }))
    await Promise.all([...gateways.values()].map((gateway) => untilKeywordsKnown(gateway)))
    return await play({ postfix, gateways }, jobsOf(names, options), options)
  } finally {
    await Promise.all([...gateways.values()].map((gateway) => gateway.stop()))
    await postfix.stop()
  }
}

function jobsOf(names: readonly string[], { count, number }: DifferentialOptions): readonly Job[] {
  if (number !== undefined) return names.map((variant) => ({ variant, number }))
  return Array.from({ length: count }, (_, at) => ({ variant: names[at % names.length] ?? '', number: Math.floor(at / names.length) }))
}

async function play(servers: Servers, jobs: readonly Job[], options: DifferentialOptions): Promise<DifferentialResult> {
  const differences: SessionDifference[] = []
  const total = { played: 0, messages: 0, refused: 0 }
  for (let at = 0; at < jobs.length; at += roundSize) {
    const round = jobs.slice(at, at + roundSize)
    const compared = await playRound(servers, round, options, 0)
    // A busy machine may make one session too slow: only what differs again counts.
    const doubtful = compared.filter(differs).map(({ job }) => job)
    differences.push(...(await playRound(servers, doubtful, options, 1)).filter(differs))
    total.played += round.length
    total.messages += compared.reduce((sum, { messages }) => sum + messages, 0)
    total.refused += compared.filter(({ refused }) => refused).length
    options.onProgress?.(total.played)
  }
  return { ...total, differences }
}

/** Messages of one round are in the queue together. */
const roundSize = 500

interface Compared extends SessionDifference {
  readonly job: Job
  readonly messages: number
  readonly refused: boolean
  readonly wasReset: boolean
}

const differs = ({ direct, through, wasReset }: Compared): boolean =>
  direct.join('\n') !== through.join('\n') && !(wasReset && lostLastReply(direct, through))

/**
 * Postfix closes the connection with bytes of the client unread when it refuses BDAT. This resets the connection, and a reset overtakes the
 * reply before it, all the more on the longer way through the gateway.
 */
function lostLastReply(direct: readonly string[], through: readonly string[]): boolean {
  const end = through.indexOf(closed)
  return end >= 0 && direct[end + 1] === closed && direct.slice(0, end).join('\n') === through.slice(0, end).join('\n')
}

/** @param attempt each attempt comes from addresses that the gateway does not know yet */
async function playRound(
  servers: Servers,
  jobs: readonly Job[],
  options: DifferentialOptions,
  attempt: number,
): Promise<readonly Compared[]> {
  const played: Played[] = []
  const queue = jobs.values()
  const worker = async (): Promise<void> => {
    for (const job of queue) played.push(await playBoth(servers, job, options, attempt))
  }
  await Promise.all(Array.from({ length: options.atOnce ?? 12 }, worker))
  const { postfix } = servers
  const ids = played.flatMap(({ direct, through }) => [...idsOf(direct.replies), ...idsOf(through.replies)])
  const messages = await queuedMessages(postfix, ids)
  await removeMessages(postfix, ids)
  return played.map((one) => compare(one, messages, options.manner))
}

interface Played {
  readonly job: Job
  readonly dialogue: Dialogue
  readonly direct: Heard
  readonly through: Heard
}

async function playBoth({ postfix, gateways }: Servers, job: Job, options: DifferentialOptions, attempt: number): Promise<Played> {
  const gateway = gateways.get(job.variant)
  if (gateway === undefined) throw new Error(`no gateway for ${job.variant}`)
  const variant = Object.keys(variants).indexOf(job.variant)
  const dialogue = randomDialogue(seeded(options.seed, variant, job.number, manners.indexOf(options.manner)), options.manner)
  const from = addressOf(job.number, attempt)
  const [direct, through] = await Promise.all([
    playDialogue(dialogue, { from, port: portOf(postfix, job.variant), withHeader: true }),
    playDialogue(dialogue, { from, port: gateway.port, withHeader: false }),
  ])
  return { job, dialogue, direct, through }
}

function compare({ job, dialogue, direct, through }: Played, messages: ReadonlyMap<string, QueuedMessage>, manner: Manner): Compared {
  const refusal = manner === 'tls' ? undefined : refusalOf(direct)
  const heard = refusal === undefined ? direct.replies : refusal
  const got = refusal === undefined ? through.replies : through.replies.slice(0, refusal.length)
  return {
    job,
    variant: job.variant,
    number: job.number,
    dialogue,
    direct: [...heard.map(withoutId), ...idsOf(heard).flatMap((id) => messageLines(messages.get(id)))],
    through: [...got.map(withoutId), ...idsOf(got).flatMap((id) => messageLines(messages.get(id)))],
    messages: idsOf(heard).length,
    refused: refusal !== undefined,
    wasReset: direct.wasReset,
  }
}

const messageLines = (message: QueuedMessage | undefined): readonly string[] => [
  `envelope\n${message?.envelope}`,
  `content\n${message?.content}`,
]

/** First-time clients: every dialogue has an address of its own, for both servers the same. */
const addressOf = (number: number, attempt: number): string =>
  `127.${64 + attempt * 64 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`

/**
 * What the first recipient must get after a MAIL that Postfix refuses: the same words. The rest of such a dialogue is not valid: a client would
 * not send RCPT after that.
 */
function refusalOf({ before }: Heard): readonly string[] | undefined {
  const lines = before.slice(before.findLastIndex((line, at) => at < before.length - 1 && /^\d{3} /.test(line)) + 1)
  if (lines.length === 0 || lines[0]?.startsWith('2') === true) return undefined
  return lines.map((line) => line.replace(/^552/, '554'))
}

const idsOf = (replies: readonly string[]): string[] => replies.flatMap((line) => /queued as (\w+)/.exec(line)?.[1] ?? [])
const withoutId = (line: string): string => line.replace(/queued as \w+/, 'queued as ID')
