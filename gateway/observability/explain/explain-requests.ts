// Requests for /explain: reads them, and limits how many are answered, because each asks every DNS list.
import { canonicalAddress } from '../../../crds/values/address.ts'
import { visibleText } from '../../../crds/values/visible-text.ts'
import { type AdminPage, plainPage } from '../../../runtime/admin-server.ts'
import { AskLimit, askLimits } from './ask-limit.ts'
import { type ExplainPage, type ExplainQuery, readSubject, subjectWhy } from './explain-page.ts'

/** How many are answered at a time. */
const atOnce = 4

/** Reads the parameters, or says what is wrong with them. */
function readQuery(query: URLSearchParams): ExplainQuery | { readonly why: string } {
  const unknown = [...query.keys()].find((name) => name !== 'address' && name !== 'server')
  if (unknown !== undefined) return { why: `unknown parameter ${quoted(unknown)}: there are address and server` }
  const [subject, ...more] = query.getAll('address')
  if (subject === undefined || more.length > 0) return { why: `expected one address: /explain?address=ADDRESS; it ${subjectWhy}` }
  const read = readSubject(subject)
  if ('why' in read) return { why: `address ${quoted(subject)}: ${read.why}` }
  const servers = query.getAll('server')
  if (servers.length > 1) return { why: 'expected one server at most' }
  const [server] = servers
  const canonical = server === undefined ? undefined : canonicalAddress(server)
  if (server !== undefined && canonical === undefined) return { why: `server ${quoted(server)}: must be an address such as 192.0.2.1` }
  return { subject, ...(canonical !== undefined && { server: canonical }) }
}

const quoted = (text: string): string => JSON.stringify(visibleText(text.slice(0, 100)))

/** Makes the page. `explain` gives undefined while there is no policy. */
export function explainRequests(
  explain: (query: ExplainQuery) => Promise<ExplainPage | undefined>,
  limit = new AskLimit(),
): (query: URLSearchParams) => Promise<AdminPage> {
  let underWay = 0
  return async (parameters) => {
    const query = readQuery(parameters)
    if ('why' in query) return plainPage(400, query.why)
    const wait = underWay >= atOnce ? 1 : limit.take()
    if (wait > 0) return tooOften(wait)
    underWay++
    try {
      const page = await explain(query)
      if (page === undefined) return plainPage(503, 'no policy yet')
      return { code: 200, type: 'application/json', text: `${JSON.stringify(page, undefined, 2)}\n` }
    } finally {
      underWay--
    }
  }
}

const tooOften = (seconds: number): AdminPage => ({
  ...plainPage(
    429,
    `asked too often: ${askLimits.burst} questions at once, then one every ${askLimits.everyMs / 1000} s, and ${atOnce} at a time, so that DNS lists are not flooded; ask again in ${seconds} s`,
  ),
  headers: { 'retry-after': String(seconds) },
})
