// Random policies, addresses, records, answers of lists and crowds: what `explain` says of a client, and what the gateway's sessions do with it.
//
// The client here is played by its own few lines, not by those of the explanation. It behaves well: it waits for each reply, and speaks when asked.
import assert from 'node:assert/strict'
import { newScreening, type Screening } from '../../gateway/core/clients.ts'
import { explain } from '../../gateway/core/explain/explanation.ts'
import type { TimedAnswer } from '../../gateway/core/explain/rehearsal.ts'
import { compileRules, type Rules } from '../../gateway/core/rules.ts'
import { newSession } from '../../gateway/core/session.ts'
import { step } from '../../gateway/core/step.ts'
import type { Event } from '../../gateway/core/vocabulary.ts'
import { compileTable } from '../../gateway/core/access-list.ts'
import { parseAccessTable } from '../../crds/values/access-table.ts'
import { policyOf, type SpecFragment, startTime } from '../support/core-session.ts'
import { type Random, seeded } from './random.ts'

const lists = ['bl1.test', 'bl2.test', 'wl.test'] as const
const servers = ['198.51.100.1', '198.51.100.2', '2001:db8:ffff::1'] as const
const actions = ['Ignore', 'Enforce', 'Drop'] as const

/** Addresses near those of the policies, so that about half of them meet a rule. */
export function randomAddress(random: Random): string {
  if (random.chance(0.25)) return `2001:db8:${random.between(0, 3)}::${random.between(1, 5).toString(16)}`
  return `192.0.${random.between(1, 3)}.${random.between(0, 255)}`
}

function randomNetwork(random: Random): string {
  return random.pick([
    '192.0.2.0/24',
    '192.0.2.128/25',
    '192.0.2.7',
    '192.0.0.0/16',
    '192.0.3.64/26',
    '2001:db8::/32',
    '2001:db8:1::/48',
    '2001:db8:2::1',
    '0.0.0.0/0',
  ])
}

function randomEntry(random: Random): NonNullable<SpecFragment['access']>[number] {
  const action = random.pick(['Permit', 'Reject', 'Dunno'] as const)
  const cidrs = Array.from({ length: random.between(1, 3) }, () => randomNetwork(random))
  switch (random.between(0, 3)) {
    case 0:
      return { table: { file: random.pick(['one.cidr', 'two.cidr']) } }
    case 1:
      return {
        table: {
          rules: [
            { action, cidrs },
            { action: random.pick(['Permit', 'Reject']), cidrs: [randomNetwork(random)] },
          ],
        },
      }
    case 2:
      return { action, exceptCIDRs: cidrs.filter((one) => one !== '0.0.0.0/0').concat('203.0.113.0/24') }
    default:
      return { action, cidrs }
  }
}

export function randomTable(random: Random): string {
  return Array.from(
    { length: random.between(0, 6) },
    () => `${randomNetwork(random)} ${random.pick(['permit', 'reject', 'dunno', 'what'])}\n`,
  ).join('')
}

export function randomSpec(random: Random): SpecFragment {
  const deepTest = () => ({ enabled: random.chance(0.25), action: random.pick(actions) })
  const sites = Array.from({ length: random.between(0, 4) }, () => ({
    domain: random.pick(lists),
    weight: random.pick([1, 2, 3, -1, -2]),
    ...(random.chance(0.3) && { replies: '127.0.0.[2..4]' }),
  }))
  return {
    mode: random.chance(0.2) ? 'Audit' : 'Enforce',
    greet: { action: random.pick(actions), wait: random.pick(['1s', '6s']), banner: random.chance(0.2) ? '' : '$banner' },
    dnsbl: {
      action: random.pick(actions),
      sites,
      threshold: random.between(1, 4),
      allowThreshold: random.pick([0, -1, -2]),
      replyMap: random.chance(0.2) ? { 'bl1.test': 'a list' } : {},
    },
    deepTests: {
      handoff: random.pick(['Reconnect', 'SameSession']),
      pipelining: deepTest(),
      nonSMTPCommand: deepTest(),
      bareNewline: deepTest(),
    },
    access: Array.from({ length: random.between(0, 4) }, () => randomEntry(random)),
    denylist: { action: random.pick(actions) },
    allowlist: {
      interfaces: random.pick([['all'], ['all'], ['!198.51.100.1', 'all'], ['198.51.100.0/24']]),
      prefix: { ipv4: random.pick([32, 24]), ipv6: random.pick([64, 128]) },
    },
    limits: { connectionsPerClient: random.pick([0, 1, 3]), preQueue: random.pick([10, 100]), postQueue: random.pick([5, 100]) },
    smtp: {
      softBounce: random.chance(0.1),
      heloRequired: random.chance(0.5),
      rejectFooter: random.chance(0.2) ? 'see $client_address' : '',
    },
    tls: random.pick([
      { level: 'None' },
      { level: 'May', certFile: 'c', keyFile: 'k' },
      { level: 'Encrypt', certFile: 'c', keyFile: 'k' },
    ] as const),
  }
}

function randomAnswers(random: Random, { dnsbl }: Rules): readonly TimedAnswer[] {
  return dnsbl.lists.map(({ domain }) => {
    const afterMs = random.pick([1, 20, 400, 999, 1001, 1999, 2500, 5999, 6001])
    const addresses = random.pick([
      [],
      [],
      ['127.0.0.2'],
      ['127.0.0.9'],
      ['127.0.0.2', '127.0.0.9'],
      ['127.255.255.254'],
      ['127.0.0.1'],
      ['192.0.2.1'],
    ])
    if (random.chance(0.1))
      return { afterMs, answer: { domain, addresses: [], ttl: -1, error: { kind: 'servfail', text: 'SERVFAIL' } } as const }
    return { afterMs, answer: { domain, addresses, ttl: random.pick([-1, 60, 3600]) } }
  })
}

function randomRecord(random: Random): string | undefined {
  if (random.chance(0.5)) return undefined
  const second = startTime / 1000
  return Array.from({ length: 5 }, () => random.pick([0, 1, second - 10, second, second + 10, second + 90_000])).join(';')
}

function randomScreening(random: Random, key: string): Screening {
  const screening = newScreening()
  if (random.chance(0.7)) return screening
  screening.checkQueue = random.between(0, 12)
  screening.postQueue = random.between(0, Math.min(6, screening.checkQueue))
  screening.stress = random.chance(0.3)
  if (random.chance(0.4)) screening.relays.set(key, random.between(1, 3))
  if (random.chance(0.3) && screening.checkQueue > 0) {
    const second = startTime / 1000
    const stamps: [number, number, number, number, number] = [-1, -1, -1, -1, -1]
    if (random.chance(0.5)) for (const i of stamps.keys()) stamps[i] = random.pick([0, 1, second + 10])
    screening.clients.set(key, { key, concurrency: 1, passNewCount: 0, stamps })
  }
  return screening
}

/** What the client experiences. */
interface Experience {
  readonly outcome: 'handedOff' | 'deferred' | 'refused'
  readonly reply: string | undefined
}

interface Scene {
  readonly rules: Rules
  readonly screening: Screening
  readonly address: string
  readonly server: string
  readonly tlsReady: boolean
  readonly record: string | undefined
  readonly answers: readonly TimedAnswer[]
}

/** One real session with a client that behaves. */
function experienceOf({ rules, screening, address, server, tlsReady, record, answers }: Scene): Experience {
  const session = newSession(rules, screening, { address, port: 40_000 }, { address: server, port: 25 }, tlsReady)
  const wantsTls = tlsReady && rules.smtp.tls === 'Encrypt'
  const says = wantsTls ? ['EHLO a.example', 'STARTTLS', 'EHLO a.example'] : ['EHLO a.example']
  says.push('MAIL FROM:<a@a.example>', 'RCPT TO:<b@b.example>', 'DATA')
  let [clock, text, handedOff, closed] = [startTime, '', false, false]
  let alarm: { name: 'greetWait' | 'command'; at: number } | undefined
  let answersFrom: number | undefined
  let told = 0
  const inOrder = answers.toSorted((a, b) => a.afterMs - b.afterMs)
  const happen = (event: Event): void => {
    const asks: Event[] = []
    for (const effect of step(session, clock, event)) {
      if (effect.do === 'send') text += effect.text
      if (effect.do === 'relay' || effect.do === 'replay') handedOff = true
      if (effect.do === 'close') closed = true
      if (effect.do === 'recall') asks.push({ type: 'recalled', record })
      if (effect.do === 'lookup') answersFrom = clock
      if (effect.do === 'abandonLookup') answersFrom = undefined
      if (effect.do === 'arm') alarm = { name: effect.timer, at: clock + effect.ms }
      if (effect.do === 'disarm') alarm = undefined
    }
    for (const ask of asks) happen(ask)
  }
  happen({ type: 'connect' })
  let said = 0
  const refusal = (): string | undefined => /^([45]\d\d)[ -]([^\r\n]*)/m.exec(text)?.slice(1).join(' ')
  while (!handedOff && !closed) {
    const complete = (text.match(/^\d{3} .*\r\n/gm) ?? []).length
    if (complete > said) {
      said = complete
      happen({ type: 'data', bytes: Buffer.from(refusal() === undefined ? `${says[said - 1] ?? 'QUIT'}\r\n` : 'QUIT\r\n') })
      continue
    }
    const next = answersFrom === undefined ? undefined : inOrder[told]
    const answerAt = next === undefined || answersFrom === undefined ? Number.POSITIVE_INFINITY : answersFrom + next.afterMs
    if (next !== undefined && answerAt <= (alarm?.at ?? Number.POSITIVE_INFINITY)) {
      clock = answerAt
      told++
      happen({ type: 'dnsbl', answer: next.answer, complete: told === rules.dnsbl.lists.length })
    } else {
      assert.ok(alarm !== undefined, `nothing is due in the phase ${session.phase}`)
      const { name, at } = alarm
      clock = at
      alarm = undefined
      happen({ type: 'timer', name })
    }
  }
  if (handedOff) return { outcome: 'handedOff', reply: undefined }
  const reply = refusal()
  return { outcome: reply?.startsWith('4') === true ? 'deferred' : 'refused', reply }
}

/** What two sides say about one client. */
export interface Disagreement {
  readonly number: number
  readonly explained: unknown
  readonly experienced: unknown
  readonly spec: object
}

export interface Agreement {
  readonly outcomes: ReadonlyMap<string, number>
  readonly disagreements: readonly Disagreement[]
  /** Clients that differed the first time, and not when they were repeated alone. */
  readonly once?: number
}

/** Draws clients by their number and compares both sides. A policy lasts for ten clients. */
export function compareExplained(count: number, seed: number): Agreement {
  const outcomes = new Map<string, number>()
  const disagreements: Disagreement[] = []
  for (let policy = 0; policy * 10 < count; policy++) {
    const random = seeded(seed, policy)
    const fragment = randomSpec(random)
    const spec = policyOf(fragment)
    const tables = new Map(['one.cidr', 'two.cidr'].map((name) => [name, compileTable(parseAccessTable(randomTable(random)).rules)]))
    const rules = compileRules(spec, { hostname: 'pod-1', localTime: () => 'Nov 14 22:13:20', tables })
    for (let number = policy * 10; number < Math.min(count, policy * 10 + 10); number++) {
      const address = randomAddress(random)
      const scene: Scene = {
        rules,
        address,
        screening: randomScreening(random, rules.allowlistKey(address)),
        server: random.pick(servers),
        tlsReady: fragment.tls?.level !== 'None' && random.chance(0.8),
        record: randomRecord(random),
        answers: randomAnswers(random, rules),
      }
      const { verdict, access, dnsbl } = explain({
        ...scene,
        server: { address: scene.server, port: 25 },
        spec,
        now: startTime,
        isHealthCheck: false,
        isFull: false,
      })
      assert.equal(access.decision, rules.access.decide(address))
      assert.ok(dnsbl.lists.length === scene.answers.length)
      const explained = { outcome: verdict.outcome, reply: verdict.reply }
      const experienced = experienceOf(scene)
      const kind = `${experienced.outcome}${rules.audit ? ' in Audit' : ''} ${experienced.reply?.slice(0, 9) ?? ''}`.trimEnd()
      outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1)
      if (explained.outcome !== experienced.outcome || explained.reply !== experienced.reply)
        disagreements.push({ number, explained, experienced, spec })
    }
  }
  return { outcomes, disagreements }
}
