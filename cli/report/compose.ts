// Gathers a report about policies: everything that a person who looks for a fault asks for first.
import { dump } from 'js-yaml'
import { messageOf } from '../../runtime/caught.ts'
import { version } from '../../runtime/version.ts'
import type { Cluster } from '../cluster/cluster.ts'
import { type Gateway, gatewaysOf, gatewayText } from '../cluster/gateways.ts'
import { clusterError } from '../cluster/needs.ts'
import { policiesOf } from '../cluster/policies.ts'
import { redactedPolicy, scrubbed, secretsOf } from './redact.ts'

export interface ReportQuestion {
  readonly cluster: Cluster
  readonly policy: string | undefined
  readonly logLines: number
  /** Senders, recipients and HELO names stay. */
  readonly keepsEnvelopes: boolean
  readonly at: Date
}

/** The most bytes of one log. */
const largestLog = 4 << 20

/**
 * The text of the report, without secrets. What cannot be read is said in its place. Rejects only if the policies
 * cannot be listed, with a ClusterError.
 */
export async function composeReport(question: ReportQuestion): Promise<string> {
  const { cluster, policy, at, keepsEnvelopes } = question
  const policies = await policiesOf(cluster, policy)
  const gateways = await gatewaysOf(cluster, policy).catch((error: unknown) => messageOf(error))
  const parts = [
    section(
      'Report',
      `postscreen ${version}, Node.js ${process.version}, ${process.platform}, ${at.toISOString()}\nSecrets, keys and tokens are left out${keepsEnvelopes ? '' : ', and senders, recipients and HELO names'}.`,
    ),
    ...policies.map((one) =>
      section(
        `Policy ${one.metadata.namespace}/${one.metadata.name}`,
        dump(redactedPolicy(one), { lineWidth: -1, noRefs: true, skipInvalid: true }),
      ),
    ),
    ...(typeof gateways === 'string'
      ? [section('Gateways', gateways)]
      : await Promise.all(gateways.map((one) => aboutGateway(question, one)))),
  ]
  const hidden = new Map(policies.flatMap((one) => [...secretsOf(one)]))
  return scrubbed(parts.join('\n'), hidden, { keepsEnvelopes })
}

const section = (title: string, text: string): string => `==== ${title}\n${text.trimEnd()}\n`

async function aboutGateway({ cluster, logLines }: ReportQuestion, gateway: Gateway): Promise<string> {
  const { namespace, name, address, ...about } = gateway
  const title = `gateway ${namespace}/${name}`
  const isAsked = address !== undefined
  const page = async (path: string): Promise<string> =>
    isAsked ? gatewayText(cluster, gateway, path).catch((error: unknown) => messageOf(error)) : 'it does not run'
  const [status, metrics, log] = await Promise.all([page('status'), page('metrics'), logOf(cluster, gateway, logLines)])
  return [
    section(`Pod of ${title}`, dump(JSON.parse(JSON.stringify(about)))),
    section(`Status of ${title}`, status),
    section(`Metrics of ${title}`, metrics),
    section(`Last ${logLines} log lines of ${title}`, log),
  ].join('\n')
}

async function logOf({ client }: Cluster, { namespace, name }: Gateway, tailLines: number): Promise<string> {
  const pieces: Uint8Array[] = []
  const options = { container: 'gateway', tailLines, limitBytes: largestLog }
  try {
    for await (const piece of client.podLog(namespace, name, options, new AbortController().signal)) pieces.push(piece)
    return Buffer.concat(pieces).toString()
  } catch (error) {
    return clusterError({ verb: 'get', resource: 'pods/log', namespace }, error).message
  }
}
