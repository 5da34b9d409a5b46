// Asks a gateway's pod which policy it runs.
import { Agent, request } from 'undici'
import { adminPort } from '../desired/ports.ts'
import { type GatewayReport, readReport } from './report.ts'
import { formatEndpoint } from '../../crds/values/endpoint.ts'

/** Asks the pod at an address; undefined if it does not answer like a gateway, or not in time. */
export type Ask = (address: string) => Promise<GatewayReport | undefined>

/** A status page has a few kilobytes. The answer of a pod that sends more is cut off. */
const largestPage = 2 ** 20
const patienceMs = 2000

/**
 * Few connections, each kept open for a while: the same pods are asked repeatedly while a change reaches them.
 * `timeoutMs` is for the whole answer.
 */
export function askOverHttp({ port = adminPort, timeoutMs = patienceMs } = {}): { readonly ask: Ask; close(): Promise<void> } {
  const dispatcher = new Agent({
    connections: 1,
    pipelining: 1,
    keepAliveTimeout: 20_000,
    connect: { timeout: timeoutMs },
    maxResponseSize: largestPage,
  })
  const ask: Ask = async (address) => {
    try {
      const { statusCode, body } = await request(`http://${formatEndpoint({ address, port })}/status`, {
        dispatcher,
        signal: AbortSignal.timeout(timeoutMs),
      })
      if (statusCode === 200) return readReport(JSON.parse(await body.text()))
      await body.dump()
      return undefined
    } catch {
      return undefined
    }
  }
  return { ask, close: () => dispatcher.destroy() }
}
