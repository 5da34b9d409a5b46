// The answer of one gateway, or of a policy file: a page that another program has made is checked before it is used.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { ExplainPage } from '../../gateway/observability/explain/explain-page.ts'

/** One answer, and where it comes from. */
export interface GatewayAnswer {
  /** The name of the pod, the URL, or the file. */
  readonly gateway: string
  readonly page?: ExplainPage
  /** Why there is no page. */
  readonly error?: string
}

/** Asks for one address or network. Never rejects. */
export type AskAll = (subject: string, server: string | undefined) => Promise<readonly GatewayAnswer[]>

/** A page as another program has sent it; undefined if it has another form. */
export function readPage(value: unknown): ExplainPage | undefined {
  const { version, policy, address, network, recent, unhealthyLists } = fieldsOf(value)
  if (typeof version !== 'string' || !isObject(policy) || !isObject(recent) || !Array.isArray(recent['sessions'])) return undefined
  if (!Array.isArray(unhealthyLists)) return undefined
  const isAddress = isObject(address) && isObject(address['verdict']) && isObject(address['dnsbl']) && isObject(address['allowlist'])
  if (!isAddress && !(isObject(network) && Array.isArray(network['parts']))) return undefined
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- what is printed of it is checked above, and printed in a safe form
  return value as ExplainPage
}

export const otherForm = 'does not answer like a gateway of this version'

/** A gateway takes as long as its greet wait when a DNS list is silent. */
export const patienceMs = 325_000
