// One round of clients that come one after another and leave when they are greeted: how long each waits for the 220.
import { type Script, visitAll } from '../laboratory/clients.ts'
import { quantile } from '../laboratory/figures.ts'
import type { Round } from './bench-case.ts'

const quits: Script = { turns: [Buffer.from('QUIT\r\n')] }

/** One after another, so that no client waits for another. `p50` and `p99` are milliseconds; `failed` counts the clients without a greeting. */
export async function greetingRound(port: number, sessions: number, address: (index: number) => string): Promise<Round> {
  const waits: number[] = []
  await visitAll({
    port,
    count: sessions,
    atOnce: 1,
    patienceMs: 20_000,
    client: (index) => ({ from: address(index), script: quits }),
    onVisit: ({ beganAt, heardAt, heard }) => {
      if (heardAt !== undefined && heard.startsWith('220 ')) waits.push(heardAt - beganAt)
    },
  })
  return { p50: quantile(waits, 0.5), p99: quantile(waits, 0.99), failed: sessions - waits.length }
}
