// Measures the shared allowlist on a private Valkey or Redis: `npm run bench -- allowlist-store [clients a second] [seconds of each phase]`.
// Prints for each phase how long clients waited, in milliseconds, and what it cost this process; ends with code 1 if a client waited far too long.

import { setTimeout as sleep } from 'node:timers/promises'
import { ValkeyAllowlist } from '../../gateway/allowlist/allowlist-valkey.ts'
import { startValkey } from '../peers/valkey.ts'
import { untilHolds } from '../support/until-holds.ts'
import { recordFor, settingsFor } from '../support/shared-store.ts'

const rate = Number(process.argv[2] ?? 500)
const seconds = Number(process.argv[3] ?? 10)
const budgetMs = 50
/** Beyond the budget: what a busy machine may add before the bench calls it a fault. */
const slackMs = 250
const known = 20_000
const hour = 3600

const valkey = await startValkey()
const lines: string[] = []
const store = new ValkeyAllowlist({
  name: `valkey:${valkey.address}`,
  settings: () => settingsFor([valkey]),
  files: [],
  timeoutMs: budgetMs,
  rules: () => ({ retention: hour, enabled: [true, true, false, false, false] }),
  observer: { lookedUp: () => undefined, failed: () => undefined },
  info: (text) => lines.push(text),
  warn: (text) => lines.push(text),
})
await store.ready(5000)

const address = (i: number): string => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`
const at = (values: readonly number[], share: number): string =>
  (values[Math.min(values.length - 1, Math.floor(values.length * share))] ?? 0).toFixed(2)
let longest = 0
let strangers = 0

/** A sixth of the clients are strangers that pass, the others are known: half of them often, half seldom. */
function nextKey(): { readonly key: string; readonly isNew: boolean } {
  const draw = Math.random()
  if (draw < 1 / 6) return { key: address(0x400000 + strangers++), isNew: true }
  return { key: address(draw < 0.6 ? Math.floor(Math.random() * 1000) : Math.floor(Math.random() * known)), isNew: false }
}

async function phase(name: string, strike: () => unknown = () => undefined): Promise<void> {
  const waits: number[] = []
  let found = 0
  let lookedFor = 0
  const cpu = process.cpuUsage()
  const began = performance.now()
  await strike()
  const open: Promise<void>[] = []
  for (let sent = 0; performance.now() - began < seconds * 1000;) {
    const due = Math.floor(((performance.now() - began) / 1000) * rate)
    for (; sent < due; sent++) {
      const { key, isNew } = nextKey()
      const asked = performance.now()
      open.push(
        (async () => {
          const record = await store.get(key)
          waits.push(performance.now() - asked)
          if (!isNew) lookedFor++
          if (!isNew && record !== undefined) found++
          if (isNew) store.put(key, recordFor(hour, hour, 0, 0, 0))
        })(),
      )
    }
    await sleep(1)
  }
  await Promise.all(open)
  const used = process.cpuUsage(cpu)
  waits.sort((a, b) => a - b)
  longest = Math.max(longest, waits.at(-1) ?? 0)
  const { pendingWrites, droppedWrites, up } = store.status()
  console.log(
    `${name.padEnd(34)} ${String(waits.length).padStart(6)} clients  wait p50 ${at(waits, 0.5)}  p99 ${at(waits, 0.99)}  max ${at(waits, 1)} ms  ` +
      `${((100 * found) / Math.max(1, lookedFor)).toFixed(1)} % of the known found  ${((used.user + used.system) / waits.length).toFixed(0)} us CPU each  ` +
      `${up ? 'up' : 'away'}, ${pendingWrites} pending, ${droppedWrites} dropped`,
  )
}

const mb = (): string => `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MB resident`

const filling = performance.now()
for (let i = 0; i < known; i++) store.put(address(i), recordFor(hour, hour, 0, 0, 0))
await untilHolds('all is written', () => store.status().pendingWrites === 0)
console.log(`${known} records written in ${((performance.now() - filling) / 1000).toFixed(1)} s; ${mb()}`)

await phase('all well')
await phase('stopped (SIGSTOP)', () => valkey.signal('SIGSTOP'))
await phase('goes on', () => valkey.signal('SIGCONT'))
await phase('killed', () => valkey.kill())
await phase('started again, empty', () => valkey.restart())
await phase('full', () => valkey.cli('config', 'set', 'maxmemory', '1'))
await phase('no longer full', () => valkey.cli('config', 'set', 'maxmemory', '0'))
await untilHolds('all is written', () => store.status().pendingWrites === 0)

await valkey.kill()
await untilHolds('it is noticed', () => !store.status().up)
for (let i = 0; i < 300_000; i++) store.put(address(0x800000 + i), recordFor(hour, hour, 0, 0, 0))
console.log(`300000 records while it is away: ${store.status().pendingWrites} kept, ${store.status().droppedWrites} dropped; ${mb()}`)
await valkey.restart()
const back = performance.now()
await untilHolds('all is written', () => store.status().pendingWrites === 0, 120)
console.log(`written ${((performance.now() - back) / 1000).toFixed(1)} s after its return: ${await valkey.cli('dbsize')} keys; ${mb()}`)

for (const line of lines) console.log(line)
await store.close()
await valkey.stop()
if (longest > budgetMs + slackMs) {
  console.log(`the longest wait was ${longest.toFixed(0)} ms`)
  process.exitCode = 1
}
