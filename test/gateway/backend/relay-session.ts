// A client in the hands of the relay, for tests: its end, our side of its connection, and what comes of it.
import type { TestContext } from 'node:test'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { RelayStats } from '../../../gateway/backend/relay-request.ts'
import { startRelay } from '../../../gateway/backend/relay.ts'
import type { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { endpoints, pausedClient } from '../smtp/paused-client.ts'
import type { End } from '../../support/tcp-ends.ts'
import { longTimeouts } from './long-timeouts.ts'

export type Outcome =
  | { is: 'failed'; how: 'connect' | 'send'; reason: string; arrived: string }
  | { is: 'ended'; handedOff: string | undefined; stats: RelayStats }

/** Every backend counts as proven, and none is asked beside another one: relay-silent.test.ts is about that. */
export const limits = { ...longTimeouts, probeAfterMs: 0, patienceMs: 20_000 }

export interface Session {
  /** The client's end. */
  readonly client: End
  /** Our side of its connection. */
  readonly accepted: NodeSocket
  readonly outcome: Promise<Outcome>
  readonly backends: Backends
}

export interface Setting {
  /** Ports of 127.0.0.1. */
  readonly backends: readonly number[]
  readonly options?: Partial<BackendOptions>
  readonly unread?: string
  readonly teaserSent?: boolean
  /** What the client does before the hand-off. */
  readonly first?: (client: End, accepted: NodeSocket) => Promise<void>
}

/** Lets a client come and hands it off. */
export async function begin(t: TestContext, setting: Setting): Promise<Session> {
  const { client, accepted } = await pausedClient(t)
  await setting.first?.(client, accepted)
  const addresses = setting.backends.map((port) => ({ address: '127.0.0.1', port }))
  const backends = new Backends({ addresses, ...limits, ...setting.options })
  t.after(() => backends.close())
  const outcome = Promise.withResolvers<Outcome>()
  let handedOff: string | undefined
  const unread = Buffer.from(setting.unread ?? '', 'latin1')
  const request = { client: accepted, ...endpoints, unread, teaserSent: setting.teaserSent ?? false }
  startRelay(request, backends, {
    onStarted: (label) => {
      handedOff = label
    },
    onFailed: (how, reason, arrived) => {
      outcome.resolve({ is: 'failed', how, reason, arrived: Buffer.from(arrived).toString('latin1') })
    },
    onEnd: (stats) => outcome.resolve({ is: 'ended', handedOff, stats }),
  })
  return { client, accepted, outcome: outcome.promise, backends }
}
