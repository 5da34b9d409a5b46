// A process of silent clients, because one process may not have enough open files for all of them:
// `silent-clients-process.ts PORT FIRST COUNT`. It says `held` when all have heard the server, and after `leave` how
// many were sent away.
import { type Held, hold } from '../laboratory/clients.ts'
import { clean, mute } from '../laboratory/scripts.ts'

/** They come in small groups, so that many at once are not measured. */
const atATime = 200
const patienceMs = 60_000

const [port = 0, first = 0, count = 0] = process.argv.slice(2).map(Number)
const groups: Held[] = []
for (let at = 0; at < count; at += atATime) {
  const group = hold(port, Math.min(atATime, count - at), (index) => ({ from: clean(first + at + index), script: mute }))
  await group.untilHeard(patienceMs)
  groups.push(group)
}
process.once('message', () => void leave())
process.send?.('held')

async function leave(): Promise<void> {
  const gone = groups.reduce((sum, group) => sum + group.gone.length, 0)
  for (const group of groups) await group.leave('reset')
  process.send?.({ gone })
  process.disconnect?.()
}
