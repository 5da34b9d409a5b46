// A gateway that continues sessions at its mail servers, with all deep tests and without a greet wait, for tests.
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'

/** All three tests after the greeting. */
export const allDeepTests = {
  pipelining: { enabled: true },
  nonSMTPCommand: { enabled: true },
  bareNewline: { enabled: true, action: 'Enforce' },
}

/** Without a pregreet test, so that a session takes no longer than its commands. */
export const sameSessionSpec = {
  hostname: 'mx.example.test',
  greet: { banner: '' },
  deepTests: { handoff: 'SameSession', ...allDeepTests },
  limits: { connectionsPerClient: 200 },
  backend: {},
}

export interface SameSessionOptions {
  /** Fields of the spec in place of those of `sameSessionSpec`. */
  readonly spec?: Partial<typeof sameSessionSpec> & Readonly<Record<string, unknown>>
  readonly flags?: readonly string[]
  readonly logFormat?: 'postfix' | 'json'
}

/** Starts it in front of these ports of 127.0.0.1, and waits until it has asked each of them for its EHLO keywords. */
export async function startSameSessionGateway(ports: readonly number[], options: SameSessionOptions = {}): Promise<GatewayProcess> {
  const spec = { ...sameSessionSpec, ...options.spec }
  const backend = { ...spec.backend, addresses: ports.map((port) => `127.0.0.1:${port}`) }
  const gateway = await startGatewayProcess({
    spec: { ...spec, backend },
    flags: options.flags ?? [],
    logFormat: options.logFormat ?? 'postfix',
  })
  return gateway
}

interface StatusPage {
  readonly backends: readonly { readonly addresses: readonly { readonly ehlo?: { readonly offers: object } }[] }[]
}

/** Waits until the gateway knows the keywords of all its mail servers, at most half a minute. */
export async function untilKeywordsKnown({ admin }: GatewayProcess): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { backends } = (await fetch(`${admin}/status`).then((response) => response.json())) as StatusPage
    const addresses = backends.flatMap((backend) => backend.addresses)
    if (addresses.length > 0 && addresses.every(({ ehlo }) => ehlo !== undefined && 'ipv4' in ehlo.offers)) return
    await new Promise((done) => setTimeout(done, 50))
  }
  throw new Error('the gateway does not know the EHLO keywords of its mail servers')
}
