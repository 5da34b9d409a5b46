// What a gateway says of itself on its admin server, and the wait until nothing of its clients is left.
import { setTimeout as sleep } from 'node:timers/promises'

interface Status {
  readonly sessions: Readonly<Record<string, number>>
  readonly queues: { readonly check: number; readonly post: number; readonly stress: boolean }
  readonly dnsbl: {
    readonly sites: readonly {
      readonly site: string
      readonly listed: number
      readonly clean: number
      readonly error: number
      readonly timeout: number
    }[]
    readonly servers: readonly { readonly sent: number }[]
    readonly flights: number
    readonly inFlight: number
    readonly waiting: number
  }
  readonly backends: readonly { readonly addresses: readonly { readonly sessions: number }[] }[]
}

/** @param admin `http://ADDR:PORT` */
export async function statusOf(admin: string): Promise<Status> {
  const answer = await fetch(`${admin}/status`, { headers: { connection: 'close' } })
  return (await answer.json()) as Status
}

/** What is not zero: names with counts. */
function leftOvers({ sessions, queues, dnsbl, backends }: Status): Readonly<Record<string, number>> {
  const { check, post } = queues
  const { flights, inFlight, waiting } = dnsbl
  const relayed = backends.flatMap(({ addresses }) => addresses).reduce((sum, address) => sum + address.sessions, 0)
  const counts = { ...sessions, check, post, flights, inFlight, waiting, relayed }
  return Object.fromEntries(Object.entries(counts).filter(([, count]) => count !== 0))
}

/** Waits until no session, lookup or relay is left. @returns what is left after `ms`, empty when all is well */
export async function untilQuiet(admin: string, ms = 30_000): Promise<Readonly<Record<string, number>>> {
  const deadline = performance.now() + ms
  for (;;) {
    const left = leftOvers(await statusOf(admin))
    if (Object.keys(left).length === 0 || performance.now() > deadline) return left
    await sleep(50)
  }
}
