// The operator's health, metrics and live page over HTTP.
import type { Endpoint } from '../crds/values/endpoint.ts'
import { pageFiles } from '../runtime/page-files.ts'
import type { OperatorPages } from './live/operator-pages.ts'
import { type AdminPage, type AdminServer, plainPage, serveAdmin as serve } from '../runtime/admin-server.ts'

export interface AdminPages {
  /** Why the operator is not healthy, or undefined. */
  readonly sick: () => string | undefined
  readonly notReady: () => string | undefined
  readonly metrics: () => Promise<{ readonly type: string; readonly text: string }>
  readonly live: OperatorPages
}

const verdict = (problem: string | undefined): AdminPage => (problem === undefined ? plainPage(200, 'ok') : plainPage(503, problem))

/** Opens the server. Rejects with the error of the system if it cannot listen there. */
export function serveAdmin(endpoint: Endpoint, pages: AdminPages): Promise<AdminServer> {
  return serve(endpoint, {
    ...pageFiles('operator'),
    '/healthz': () => verdict(pages.sick()),
    '/readyz': () => verdict(pages.notReady()),
    '/metrics': async () => ({ code: 200, ...(await pages.metrics()) }),
    '/live': () => pages.live.page(),
    '/live/events': { stream: pages.live.open },
    '/explain': (query) => pages.live.explain(query),
  })
}
