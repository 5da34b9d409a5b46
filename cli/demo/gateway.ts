// The demo's gateway: the real one, with its log turned into what a person reads in a terminal.
import { startGateway } from '../../gateway/main.ts'
import type { DemoGateway, DemoOptions } from '../demo.ts'

/** Sessions that still run when somebody stops the demo get this long. */
const drainMs = 500

/** Starts it; rejects like startGateway. */
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
  return { listening: gateway.listening, admin: gateway.admin ?? admin, close: () => gateway.drain(drainMs) }
}
