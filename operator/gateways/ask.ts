// Asks a gateway's pod which policy it runs, and for other pages of its admin server.
import { Agent, request } from 'undici'
import { adminPort } from '../desired/ports.ts'
import { type GatewayReport, readReport } from './report.ts'
import { formatEndpoint } from '../../crds/values/endpoint.ts'

/** Asks the pod at an address; undefined if it does not answer like a gateway, or not in time. */
export type Ask = (address: string) => Promise<GatewayReport | undefined>

/**
 * The JSON of a page of the pod at an address; undefined if it does not answer like a gateway, or not in time. Never
 * rejects.
 */
export type AskPage = (address: string, path: string) => Promise<unknown>

/** A status page has a few kilobytes. The answer of a pod that sends more is cut off. */
const largestPage = 2 ** 20
const patienceMs = 2000
/** A gateway that explains an address waits for DNS lists. */
const pagePatienceMs = 15_000

/**
 * Few connections, each kept open for a while: the same pods are asked repeatedly while a change reaches them.
 * `timeoutMs` is for the whole answer.
 */
export function askOverHttp({ port = adminPort, timeoutMs = patienceMs } = {}): {
  readonly ask: Ask
  readonly page: AskPage
  close(): Promise<void>
} {
  const settings = {
    connections: 1,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    connect: { timeout: timeoutMs },
    maxResponseSize: largestPage,
  }
  const agent = new Agent(settings)
  // A page that takes long must not hold up a pass.
  const pageAgent = new Agent(settings)
  const get = async (dispatcher: Agent, address: string, path: string, patience: number): Promise<unknown> => {
    try {
      const { statusCode, body } = await request(`http://${formatEndpoint({ address, port })}${path}`, {
        dispatcher,
        signal: AbortSignal.timeout(patience),
      })
      if (statusCode === 200) return JSON.parse(await body.text()) as unknown
      await body.dump()
      return undefined
    } catch {
      return undefined
    }
  }
  const ask: Ask = async (address) => {
    const page = await get(agent, address, '/status', timeoutMs)
    return page === undefined ? undefined : readReport(page)
  }
  const page: AskPage = (address, path) => get(pageAgent, address, path, pagePatienceMs)
  return { ask, page, close: async () => void (await Promise.all([agent.destroy(), pageAgent.destroy()])) }
}
