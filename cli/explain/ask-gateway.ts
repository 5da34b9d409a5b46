// Asks a gateway over HTTP.
import { request } from 'undici'
import { messageOf } from '../../runtime/caught.ts'
import { type AskAll, type GatewayAnswer, otherForm, patienceMs, readPage } from './answer.ts'

const largestPage = 4 * 2 ** 20

/** @param url of the admin server, such as `http://127.0.0.1:2580` */
export function askGateway(url: string, gateway = url): AskAll {
  return async (subject, server) => [await ask(url, gateway, subject, server)]
}

async function ask(url: string, gateway: string, subject: string, server: string | undefined): Promise<GatewayAnswer> {
  const query = new URLSearchParams({ address: subject, ...(server !== undefined && { server }) })
  try {
    const { statusCode, body } = await request(`${url}/explain?${query.toString()}`, {
      signal: AbortSignal.timeout(patienceMs),
      headersTimeout: patienceMs,
    })
    const text = await limited(body)
    if (statusCode === 404) return { gateway, error: 'has no /explain: it is an older version' }
    if (statusCode !== 200) return { gateway, error: text.trim() }
    const page = readPage(JSON.parse(text))
    return page === undefined ? { gateway, error: otherForm } : { gateway, page }
  } catch (error) {
    return { gateway, error: error instanceof SyntaxError ? otherForm : `cannot be asked: ${messageOf(error)}` }
  }
}

async function limited(body: AsyncIterable<Uint8Array>): Promise<string> {
  const pieces: Uint8Array[] = []
  let size = 0
  for await (const piece of body) {
    size += piece.length
    if (size > largestPage) throw new Error('the answer is too long')
    pieces.push(piece)
  }
  return Buffer.concat(pieces).toString()
}
