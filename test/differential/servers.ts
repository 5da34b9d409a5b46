// The servers that are compared: a real postscreen for each configuration, and beside it a second one or the gateway.

import { startPostfix } from '../peers/postfix.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'
import { startGatewayListener } from '../support/gateway-listener.ts'
import type { GatewayListener } from '../support/gateway-listener.ts'
import type { Listener } from '../support/play-live.ts'
import type { SharedPolicy } from '../support/policy-file.ts'
import { postscreen } from '../support/postscreen-listener.ts'

export interface Pair {
  readonly left: Listener
  readonly right: Listener
}

export interface Servers {
  /** By policy name. */
  readonly pairs: ReadonlyMap<string, Pair>
  stop(): Promise<void>
}

export type Opponent = 'gateway' | 'postscreen'

/** Bounds that no dialogue should meet, as the gateway has them by default, and no remarks on clients that come often. */
const limits = {
  postscreen_pre_queue_limit: '10000',
  postscreen_post_queue_limit: '1000',
  postscreen_client_connection_count_limit: '50',
}

/** A policy, and what the allowlist holds at the start: address -> record. */
export interface ServedPolicy extends SharedPolicy {
  readonly remembered?: Readonly<Record<string, string>>
}

/** Starts everything that the policies take. */
export async function startServers(policies: readonly ServedPolicy[], opponent: Opponent): Promise<Servers> {
  const nameServer = await startRbldnsd()
  const sides = opponent === 'postscreen' ? ['left', 'right'] : ['left']
  const screens = sides.flatMap((side) =>
    policies.map(({ name, postfix, remembered = {} }) => ({ name: `${name}-${side}`, mainCf: { ...limits, ...postfix }, remembered })),
  )
  const postfix = await startPostfix({ nameServer: nameServer.address, screens })
  const gateways: GatewayListener[] = []
  const stop = async (): Promise<void> => {
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await postfix.stop()
    await nameServer.stop()
  }
  try {
    const pairs = new Map<string, Pair>()
    for (const policy of policies) {
      const left = postscreen(postfix, `${policy.name}-left`)
      if (opponent === 'postscreen') {
        pairs.set(policy.name, { left, right: postscreen(postfix, `${policy.name}-right`) })
        continue
      }
      const backend = `127.0.0.1:${postfix.ports.get(`${policy.name}-left-smtpd`)}`
      const gateway = await startGatewayListener(policy, {
        backend,
        resolver: `${nameServer.address}:53`,
        remembered: policy.remembered ?? {},
      })
      gateways.push(gateway)
      pairs.set(policy.name, { left, right: gateway })
    }
    return { pairs, stop }
  } catch (error) {
    await stop()
    throw error
  }
}
