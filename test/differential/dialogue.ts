// Random dialogues, written as the text of a scenario: what fails can go into test/sessions as it is.

import { escapeBytes } from '../support/session-file.ts'
import { randomCommand, randomLine, sensibleLine } from './commands.ts'
import type { LineProfile } from './commands.ts'
import type { Random } from './random.ts'

/** What a configuration does to its clients, as far as a dialogue has to know. */
export interface DialogueProfile extends LineProfile {
  readonly policy: string
  /** Whether a client waits for its greeting: then some talk or leave early, and reading takes time. */
  readonly greetWait: boolean
  /** Whether STARTTLS is offered to all clients, and no client is handed off. */
  readonly tls: boolean
  /** Whether what the allowlist holds in the end is compared as well. */
  readonly remembers: boolean
  /** What a connection must begin with, if anything: PROXY headers. */
  readonly opening?: (random: Random, client: string) => string
  /** Networks (`127.50`) of clients, by how often they come. */
  readonly networks: readonly (readonly [weight: number, network: string])[]
}

/** Apart by this much, two packets are two reads for any server that is not starved. */
const apart = 0.08
/** How long a reply may take. */
const patience = 4

/** A dialogue whose packets met by chance on a busy machine is repeated alone so often; it differs if it always does. */
export const repetitions = 3

/** An address that no other dialogue has, nor this one when it is played another time. */
export function clientOf(network: string, number: number, again: number): string {
  const own = (number % 16_384) + again * 16_384
  return `${network}.${(own >> 8) & 255}.${own & 255}`
}

/** The text of a scenario, of the dialogue of that number, when it is played for the first time (`again` 0) or once more. */
export function randomDialogue(random: Random, profile: DialogueProfile, number: number, again: number): string {
  const client = clientOf(random.weighted(profile.networks), number, again)
  const lines = [`# Random dialogue ${number}.`, `policy ${profile.policy}`, '']
  // Something that is remembered shows only when the client comes again.
  const visits = random.chance(0.3) ? 2 : 1
  for (let visit = 1; visit <= visits; visit++) {
    lines.push(visit === 1 ? `connect from ${client}` : 'connect')
    lines.push(...visitScript(random, profile, client))
    lines.push('close', `sleep ${apart}`)
  }
  lines.push('', 'log', '')
  if (profile.remembers) lines.push('remembers', '')
  return lines.join('\n')
}

function visitScript(random: Random, profile: DialogueProfile, client: string): string[] {
  const script: string[] = []
  const opening = profile.opening?.(random, client)
  if (opening !== undefined) script.push(`>> ${escapeBytes(opening)}`)
  if (profile.greetWait) {
    const early = earlyScript(random, profile)
    script.push(...early.script)
    if (early.over) return script
  } else script.push(...reading('reply'))
  const steps = random.weighted([
    [6, random.between(1, 6)],
    [3, random.between(6, 14)],
    [1, random.between(20, 24)],
  ])
  let tls = false
  const sane = random.pick([0, 0.5, 0.8, 1])
  for (let step = 0; step < steps; step++) {
    if (profile.tls && !tls && random.chance(0.25)) {
      tls = true
      script.push(...startTls(random, profile))
    } else if (random.chance(sane)) script.push(`> ${sensibleLine(step)}`, ...reading(`reply ${patience}`).slice(1))
    else script.push(...exchange(random, profile))
  }
  script.push(...leaving(random, profile))
  return script
}

/** What happens before the greeting; `over` when the client has left. */
function earlyScript(random: Random, profile: DialogueProfile): { script: string[]; over: boolean } {
  // Postfix counts whole seconds: a wait of two takes one to two, and starts again after the client has talked.
  const waitOut = reading('quiet 2.6')
  return random.weighted<() => { script: string[]; over: boolean }>([
    [6, () => ({ script: reading('reply'), over: false })],
    [
      3,
      () => ({
        script: [`sleep ${random.pick([0.1, 0.2, 0.4])}`, ...sending(random, someLines(random, profile)), ...waitOut],
        over: false,
      }),
    ],
    [1, () => ({ script: ['sleep 0.2', random.pick(['close', 'reset'])], over: true })],
    [1, () => ({ script: ['sleep 0.2', 'half', ...reading('end 5')], over: true })],
    [1, () => ({ script: ['sleep 0.2', ...sending(random, someLines(random, profile)), 'half', ...reading('end 5')], over: true })],
    [1, () => ({ script: ['sleep 0.2', ...sending(random, someLines(random, profile)), 'close'], over: true })],
  ])()
}

function someLines(random: Random, profile: DialogueProfile): string {
  const count = random.weighted([
    [5, 1],
    [2, 2],
    [1, 4],
  ])
  return Array.from({ length: count }, () => randomCommand(random, profile)).join('')
}

/** One or more commands, in one packet or several, and as many replies. */
function exchange(random: Random, profile: DialogueProfile): string[] {
  const lines = random.weighted([
    [82, 1],
    [8, 2],
    [6, 3],
    [2, 6],
    [1, 30],
  ])
  let bytes = ''
  for (let line = 0; line < lines; line++) bytes += randomCommand(random, profile)
  const commands = bytes.split('\n').length - 1
  return [...sending(random, bytes), ...reading(commands === 1 ? `reply ${patience}` : `replies ${commands} ${patience}`)]
}

/** The same bytes in one, two or three packets. */
function sending(random: Random, bytes: string): string[] {
  const cuts = random.weighted([
    [85, 0],
    [11, 1],
    [4, 2],
  ])
  const places = Array.from({ length: cuts }, () => random.between(1, Math.max(1, bytes.length - 1))).toSorted((a, b) => a - b)
  const packets = [...places, bytes.length].map((end, index) => bytes.slice(places[index - 1] ?? 0, end)).filter((packet) => packet !== '')
  return packets.flatMap((packet, index) => (index === 0 ? [`>> ${escapeBytes(packet)}`] : [`sleep ${apart}`, `>> ${escapeBytes(packet)}`]))
}

function startTls(random: Random, profile: DialogueProfile): string[] {
  // Plaintext that arrives with the command must be forgotten when TLS starts. (Of more than one read of 4096 bytes postscreen forgets only
  // the first, and takes the rest for a bad handshake.)
  const behind = random.chance(0.2) ? someLines(random, profile).slice(0, 2000) : ''
  return [`>> ${escapeBytes(`STARTTLS\r\n${behind}`)}`, ...reading(`reply ${patience}`), ...reading('tls')]
}

function leaving(random: Random, profile: DialogueProfile): string[] {
  return random.weighted<() => string[]>([
    [5, () => ['>> QUIT\\r\\n', ...reading(`end ${patience}`)]],
    [2, () => []],
    [1, () => ['reset']],
    [1, () => ['half', ...reading(`end ${patience}`)]],
    // Through tlsproxy the end of TLS may overtake what was sent before.
    [
      1,
      () => [
        ...sending(random, someLines(random, profile)),
        ...(profile.tls ? [`sleep ${apart}`] : []),
        'half',
        ...reading(`end ${patience}`),
      ],
    ],
    [1, () => [`>> ${escapeBytes(randomLine(random, profile).slice(0, 20).replaceAll('\n', ''))}`, `sleep ${apart}`, 'close']],
  ])()
}

/** A step that reads; what comes is not known beforehand. */
function reading(step: string): string[] {
  return [step, '    ?']
}
