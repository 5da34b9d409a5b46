// Silent connections that arrive at once: how soon 10,000 are accepted.
import { hold as holdClients } from '../../laboratory/clients.ts'
import type { BenchCase, Round } from '../bench-case.ts'
import { gatewayCode } from '../code-paths.ts'
import { heldCount, silentClient, type SilentServer, withFreshServer } from '../silent-server.ts'

/** A SYN that was dropped is sent again after 1, 3, 7, 15, 31, 63 s; the next time would be 127 s. */
const arrivalMs = 70_000

/**
 * All at once, until each has heard the server's first line. Not all need get so far: a client whose last ACK of the handshake the kernel dropped,
 * since the queue of those to be accepted was full, takes the connection for open and waits without a limit.
 */
async function arriveAtOnce(one: SilentServer, count: number): Promise<Round> {
  const before = one.cpu()
  const began = performance.now()
  const held = holdClients(one.port, count, silentClient)
  const all = await held.untilHeard(arrivalMs).then(
    () => true,
    () => false,
  )
  const ms = performance.now() - began
  const heard = [...held.there].filter(({ heardAt }) => heardAt !== undefined).length
  const cpu = (one.cpu() - before) / count
  const round = { connections: count, accepted: (heard / count) * 100, ...(all ? { ms } : {}), cpu, gone: held.gone.length }
  await held.leave('reset')
  return round
}

const shown = { peer: 'postscreen', how: 'shown' } as const

export const arrive: BenchCase = {
  name: 'arrive',
  what: '10,000 connections at once',
  needs: ['postfix', { files: 10_200 }],
  measures: gatewayCode,
  figures: {
    connections: { label: 'connections', unit: '', digits: 0 },
    ms: { label: 'time until all are accepted', unit: 'ms', digits: 0 },
    accepted: { label: 'accepted within 70 s', unit: '%', digits: 0 },
    cpu: { label: 'CPU per connection', unit: 'µs', digits: 0 },
    gone: { label: 'rejected', unit: '', digits: 0 },
  },
  goals: [
    { text: '≤ 1 s', figure: 'ms', of: 'gateway', beside: shown, bound: 'at most', value: 1000 },
    { text: 'all accepted', figure: 'accepted', of: 'gateway', beside: shown, bound: 'at least', value: 100 },
  ],
  rounds: 5,
  warmUp: false,
  minutes: 8,
  start: (setting) => {
    const count = heldCount(10_000, setting)
    const contender = (who: string) => ({ name: who, round: () => withFreshServer(setting, { who }, (one) => arriveAtOnce(one, count)) })
    return Promise.resolve({ contenders: ['gateway', 'postscreen'].map(contender), stop: () => Promise.resolve() })
  },
}
