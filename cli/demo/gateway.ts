// The gateway of the demo: the real gateway, with its log in a form for people.
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import { startGateway } from '../../gateway/main.ts'
import type { DemoGateway, DemoOptions } from '../demo.ts'

/** The time limit for open sessions when the demo is stopped. */
const drainMs = 500

/** Starts the gateway. Rejects like startGateway. */
export async function startDemoGateway(options: DemoOptions): Promise<DemoGateway> {
  const { policyFile, listen, backends, resolvers, admin, log, notice } = options
  const gateway = await startGateway({
    policyFile,
    listen,
    backends,
    resolvers,
    admin,
    log: {
      session: (_sessionId, record) => log(record),
      dnsbl: () => undefined,
      relay: () => undefined,
      tls: () => undefined,
      sessionWarning: (_sessionId, text) => notice(text),
      debug: () => undefined,
      info: () => undefined,
      warning: notice,
      flush: () => Promise.resolve(),
    },
  })
  return { listening: gateway.listening, admin: gateway.admin ?? formatEndpoint(admin), close: () => gateway.drain(drainMs) }
}
