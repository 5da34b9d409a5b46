// A JSON log of many sessions, such as a gateway writes in a day: for measuring `postscreen simulate`.
import { closeSync, openSync, writeSync } from 'node:fs'
import { formatIPv4 } from '../../crds/values/address.ts'
import { logText } from '../../gateway/core/log-text.ts'
import type { LogRecord } from '../../gateway/core/vocabulary.ts'
import { jsonRecord, sessionRecord } from '../../gateway/observability/json-record.ts'
import { type Random, seeded } from '../differential/random.ts'

const dayMs = 86_400_000
const start = Date.UTC(2026, 10, 29)
const server = { address: '198.51.100.1', port: 25 }

const firstAddress = 10 * 2 ** 24

interface Line {
  readonly at: number
  readonly text: string
}

/** A quarter are bots, half are clients that are remembered, a quarter are new. */
function linesOf(random: Random, number: number, at: number, addresses: number): Line[] {
  const client = { address: formatIPv4(firstAddress + random.between(0, addresses - 1)), port: random.between(1024, 65_535) }
  const id = `89abcdef-${number.toString(36)}`
  const lines: Line[] = []
  const log = (after: number, record: Record<string, unknown> & { event: string }): void => {
    const whole = { client, ...record } as unknown as LogRecord
    lines.push({ at: at + after, text: sessionRecord(undefined, id, whole, logText(whole) ?? record.event) })
  }
  const relay = (after: number, event: string): void => {
    lines.push({ at: at + after, text: jsonRecord('info', undefined, { session: id, event, client, msg: event.toLowerCase() }) })
  }
  const answers = ['bl1.test', 'bl2.test', 'wl.test'].map((domain) => ({ domain, ttl: 300, ms: random.between(1, 200) }))
  log(0, { event: 'CONNECT', server })
  const kind = random.between(0, 3)
  if (kind === 0) {
    log(120, { event: 'PREGREET', count: 14, after: '0.12', data: 'EHLO zombie\\r\\n', action: 'Enforce' })
    log(6120, { event: 'TESTS', tests: ['pregreet', 'dnsbl', 'pipelining', 'nonSMTPCommand', 'bareNewline'], answers, next: 'smtp' })
    log(6150, {
      event: 'RCPT REJECTED',
      reply: '550 5.5.1 Protocol error',
      from: 'a@x.example',
      to: 'b@y.example',
      proto: 'ESMTP',
      helo: 'zombie',
    })
    log(6160, { event: 'DISCONNECT' })
    return lines
  }
  let passed = 0
  if (kind === 1) {
    passed = 6000
    log(passed, { event: 'TESTS', tests: ['pregreet', 'dnsbl'], answers, next: 'handoff' })
    log(passed, { event: 'PASS NEW', tests: ['pregreet', 'dnsbl'] })
  } else {
    const stamp = Math.floor(at / 1000) + 3000
    log(0, { event: 'PASS OLD', tests: [], remembered: `${stamp};${stamp};1;1;1` })
  }
  relay(passed + 2, 'HANDED OFF')
  relay(passed + random.between(300, 5000), 'RELAY ENDED')
  return lines
}

/** @param addresses that the clients have; the memory of a simulation grows with them */
export function writeLogOfDay(file: string, sessions: number, addresses: number): void {
  const random = seeded(1)
  const out = openSync(file, 'w')
  let waiting: Line[] = []
  const write = (until: number): void => {
    waiting.sort((a, b) => a.at - b.at)
    const due = waiting.findIndex(({ at }) => at >= until)
    const ready = due < 0 ? waiting : waiting.slice(0, due)
    waiting = due < 0 ? [] : waiting.slice(due)
    writeSync(out, ready.map(({ at, text }) => text.replace(/"time":"[^"]*"/, `"time":"${new Date(at).toISOString()}"`)).join(''))
  }
  for (let number = 0; number < sessions; number++) {
    const at = start + Math.floor((number * dayMs) / sessions)
    if (number % 2000 === 0) write(at)
    waiting.push(...linesOf(random, number, at, addresses))
  }
  write(Number.POSITIVE_INFINITY)
  closeSync(out)
}
