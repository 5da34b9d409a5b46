// The pages of the gateway's admin server: health, readiness, metrics, status, bans, and what decides about an address.
// runtime/admin-server.ts serves them on an address of their own.
import { type AdminServer, plainPage, serveAdmin as serve } from '../../runtime/admin-server.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { codeOf, messageOf } from '../../runtime/caught.ts'
import { ListenError } from '../sockets/listen.ts'
import { pageFiles } from '../../runtime/page-files.ts'
import type { LivePages } from './live/live-pages.ts'
import { type BanPages, changeBans, listBans } from './ban-requests.ts'
import { explainRequests } from './explain/explain-requests.ts'
import type { ExplainPage, ExplainQuery } from './explain/explain-page.ts'

/** The contents of the pages. */
export interface AdminPages extends BanPages {
  /** Why the gateway is not ready for clients; empty when it is. */
  notReady(): readonly string[] | Promise<readonly string[]>
  metrics(): Promise<{ readonly type: string; readonly text: string }>
  /** A value that JSON can represent, or a promise of one. */
  status(): unknown
  /** Undefined before the first policy. */
  explain(query: ExplainQuery): Promise<ExplainPage | undefined>
  readonly live: LivePages
}

/**
 * Opens the server.
 * @throws ListenError
 */
export async function serveAdmin(endpoint: Endpoint, pages: AdminPages): Promise<AdminServer> {
  try {
    return await serve(endpoint, {
      ...pageFiles('gateway'),
      '/healthz': () => plainPage(200, 'ok'),
      '/readyz': async () => {
        const reasons = await pages.notReady()
        return reasons.length === 0 ? plainPage(200, 'ready') : plainPage(503, `not ready: ${reasons.join('; ')}`)
      },
      '/metrics': async () => ({ code: 200, ...(await pages.metrics()) }),
      '/status': async () => ({
        code: 200,
        type: 'application/json',
        text: `${JSON.stringify(await pages.status(), undefined, 2)}\n`,
      }),
      '/live': () => pages.live.page(),
      '/live/hour': () => pages.live.hour(),
      '/live/events': { stream: pages.live.open },
      '/live/sessions': (query) => pages.live.sessions(query),
      '/live/session': (query) => pages.live.session(query),
      '/explain': explainRequests((query) => pages.explain(query)),
      '/bans': { get: () => listBans(pages), post: (query) => changeBans(pages, query) },
    })
  } catch (error) {
    throw new ListenError(endpoint, codeOf(error) ?? messageOf(error), '--admin ADDR:PORT')
  }
}
