// `postscreen operator`: runs the operator until a stop signal.
import { readFileSync } from 'node:fs'
import os from 'node:os'
import { parseExactAddress } from '../crds/values/address.ts'
import { milliseconds, parseDuration, seconds } from '../crds/values/duration.ts'
import { type Endpoint, parseEndpoint } from '../crds/values/endpoint.ts'
import { visibleLines } from '../crds/values/visible-text.ts'
import { hostEntryProblem, type TenantRules } from '../crds/schema/tenancy.ts'
import { startOperator } from '../operator/main.ts'
import { podUsers, type PodUsers } from '../operator/pod-users.ts'
import type { OperatorOptions } from '../operator/operator-options.ts'
import { jsonLog } from '../runtime/json-log.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import type { LoadedCommand } from './command.ts'

const name = 'postscreen operator'

const help = `Usage: ${name} [OPTION]…

Creates and updates the objects for the PostscreenPolicy objects of a Kubernetes cluster: ConfigMaps, gateways, Services.

  --namespaces A,B          watch only these namespaces (all)
  --gateway-image IMAGE     image of gateways whose policy does not set one (GATEWAY_IMAGE)
  --gateway-pull-secrets A,B
                            image pull Secrets of gateways whose policy does not set them (GATEWAY_PULL_SECRETS)
  --pod-users auto|fixed|assigned
                            user of the gateways' pods: fixed, that of the image; assigned, the one that the cluster chooses, as OpenShift does; auto,
                            assigned where security.openshift.io is served (auto)
  --metrics-from JSON       pods that may read the metrics of gateways, as in the "from" of a NetworkPolicy ([])
  --tenancy open|restricted what a policy may do. open: all that a pod in its namespace can do; restricted: only affect its own gateway (open)
  --tenant-name-prefix TEXT restricted: the required prefix of the names of Secrets and ConfigMaps in a policy (postscreen-)
  --tenant-hosts A,B        restricted: servers that a policy may use in addition to Services of its namespace: addresses, networks, host
                            names, and domains such as *.mail.example.com (none)
  --admin ADDR:PORT         serve /healthz /readyz /metrics; * means all addresses (*:8080)
  --leader-elect true|false wait for the Lease before doing anything (true)
  --lease-namespace NAME    namespace of the Lease (POD_NAMESPACE, or the pod's own)
  --lease-name NAME         name of the Lease (postscreen-operator); with its namespace, it identifies this operator in the status of policies
  --lease-duration TIME     how long another operator waits for a leader that no longer renews the Lease; the leader stops after two thirds of it (60s)
  --kubeconfig FILE         configuration of the cluster; default: the service account of the pod, or else KUBECONFIG
  --resync TIME             interval at which all policies are checked, even without watch events (10m)
  --workers N               number of policies that are processed at the same time, not counting those whose gateways are queried (16)
  --log-level LEVEL         debug, info, warn or error (info)
  --help                    show this text

Signals: SIGTERM and SIGINT finish running work, release the Lease and exit; a second one exits at once. An operator that loses the Lease stops all work and waits for it again.
`

const text = { type: 'string' } as const
const options = {
  namespaces: text,
  'gateway-image': text,
  'gateway-pull-secrets': text,
  'pod-users': text,
  'metrics-from': text,
  tenancy: text,
  'tenant-name-prefix': text,
  'tenant-hosts': text,
  admin: text,
  'leader-elect': text,
  'lease-namespace': text,
  'lease-name': text,
  'lease-duration': text,
  kubeconfig: text,
  resync: text,
  workers: text,
  'log-level': text,
  help: { type: 'boolean', short: 'h' },
} as const

type Flags = { readonly [K in Exclude<keyof typeof options, 'help'>]?: string }

const levels = ['debug', 'info', 'warn', 'error']
const namespaceName = /^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/
const leaseForm = /^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/

/** `*:8080`, `127.0.0.1:8080` or `[::1]:8080`; undefined if the text has another form. */
function parseAdmin(written: string): Endpoint | undefined {
  const endpoint = parseEndpoint(written)
  if (endpoint === undefined) return undefined
  return endpoint.address === '*' || parseExactAddress(endpoint.address) !== undefined ? endpoint : undefined
}

const quoted = (value: string): string => JSON.stringify(value.slice(0, 100))

/** What is wrong with the values, or undefined. */
function problemOf(flags: Flags): string | undefined {
  const { admin, resync, workers, namespaces } = flags
  if (admin !== undefined && parseAdmin(admin) === undefined) return `--admin must be ADDR:PORT such as *:8080, not ${quoted(admin)}`
  if (!['true', 'false'].includes(flags['leader-elect'] ?? 'true'))
    return `--leader-elect must be true or false, not ${quoted(flags['leader-elect'] ?? '')}`
  // Timers of Node.js are limited to 2^31 milliseconds.
  const resyncMs = milliseconds(parseDuration(resync ?? '10m') ?? seconds(0))
  if (resyncMs === 0 || resyncMs >= 2 ** 31) return `--resync must be a time from 1s to 24d such as 10m, not ${quoted(resync ?? '')}`
  if (!/^[1-9]\d?$/.test(workers ?? '16')) return `--workers must be a number from 1 to 99, not ${quoted(workers ?? '')}`
  if (!levels.includes(flags['log-level'] ?? 'info'))
    return `--log-level must be one of ${levels.join(', ')}, not ${quoted(flags['log-level'] ?? '')}`
  if (leaseMsOf(flags['lease-duration']) === undefined)
    return `--lease-duration must be a time from 3s to 1h such as 60s, not ${quoted(flags['lease-duration'] ?? '')}`
  const { 'lease-namespace': leaseNamespace = 'x', 'lease-name': leaseName = 'x' } = flags
  if (!namespaceName.test(leaseNamespace)) return `--lease-namespace must be the name of a namespace, not ${quoted(leaseNamespace)}`
  if (!leaseForm.test(leaseName)) return `--lease-name must be the name of a Lease, not ${quoted(leaseName)}`
  if (podUsersOf(flags) === undefined) return `--pod-users must be one of ${podUsers.join(', ')}, not ${quoted(flags['pod-users'] ?? '')}`
  if (parsePeers(flags['metrics-from'] ?? '[]') === undefined)
    return `--metrics-from must be a JSON list of NetworkPolicy peers such as [{"namespaceSelector":{}}], not ${quoted(flags['metrics-from'] ?? '')}`
  const badSecret = listOf(flags['gateway-pull-secrets'] ?? process.env['GATEWAY_PULL_SECRETS']).find((one) => !leaseForm.test(one))
  if (badSecret !== undefined)
    return `--gateway-pull-secrets must be a comma-separated list of Secret names; ${quoted(badSecret)} is not a valid name`
  const wrongTenants = tenantsProblem(flags)
  if (wrongTenants !== undefined) return wrongTenants
  const wrong = listOf(namespaces).find((one) => !namespaceName.test(one))
  return wrong === undefined ? undefined : `--namespaces must be a comma-separated list of namespaces; ${quoted(wrong)} is not a valid name`
}

/**
 * Longer than the 15 s of client-go: a single-node control plane may not answer for half a minute, for example while it
 * is updated. Gateways work without the operator, so a change that waits a minute after a node has died is bearable.
 */
const defaultLease = '60s'

/** In milliseconds; undefined if the text is not a time from 3 s to 1 h. */
function leaseMsOf(written = defaultLease): number | undefined {
  const ms = milliseconds(parseDuration(written) ?? seconds(0))
  return ms >= 3000 && ms <= 3_600_000 ? ms : undefined
}

/** Undefined for anything but the names. */
const podUsersOf = (flags: Flags): PodUsers | undefined => podUsers.find((one) => one === (flags['pod-users'] ?? 'auto'))

/** A JSON list of NetworkPolicy peers; undefined for anything else. */
function parsePeers(written: string): readonly object[] | undefined {
  try {
    const peers: unknown = JSON.parse(written)
    return Array.isArray(peers) && peers.every(isPeer) ? peers : undefined
  } catch {
    return undefined
  }
}

const isPeer = (peer: unknown): peer is object =>
  typeof peer === 'object' && peer !== null && Object.keys(peer).length > 0 && Object.keys(peer).every((key) => peerFields.includes(key))
const peerFields = ['ipBlock', 'namespaceSelector', 'podSelector']

/** What is wrong with the tenancy flags, or undefined. */
function tenantsProblem({ tenancy = 'open', ...flags }: Flags): string | undefined {
  const prefix = flags['tenant-name-prefix']
  if (!['open', 'restricted'].includes(tenancy)) return `--tenancy must be open or restricted, not ${quoted(tenancy)}`
  // With an empty prefix, a policy could use every Secret of its namespace.
  if (prefix !== undefined && !/^[a-z0-9][-a-z0-9.]{0,99}$/.test(prefix))
    return `--tenant-name-prefix must be a prefix of Secret names, such as postscreen-, not ${quoted(prefix)}`
  const bad = listOf(flags['tenant-hosts']).find((one) => hostEntryProblem(one) !== undefined)
  return bad === undefined ? undefined : `--tenant-hosts: ${quoted(bad)} ${hostEntryProblem(bad)}`
}

function tenantsOf(flags: Flags): TenantRules | undefined {
  if (flags.tenancy !== 'restricted') return undefined
  return { namePrefix: flags['tenant-name-prefix'] ?? 'postscreen-', hosts: listOf(flags['tenant-hosts']) }
}

const listOf = (written: string | undefined): readonly string[] =>
  (written ?? '')
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '')

/** The namespace of this pod; undefined outside a cluster. */
function podNamespace(): string | undefined {
  const given = process.env['POD_NAMESPACE']
  if (given !== undefined && given !== '') return given
  try {
    return readFileSync('/var/run/secrets/kubernetes.io/serviceaccount/namespace', 'utf8').trim()
  } catch {
    return undefined
  }
}

/**
 * Unique among operators, so that a process never takes the lease of another one for its own. In a pod, it begins with
 * the name and uid of
 * the pod, and only one process at a time runs with these. The name alone may be reused while the node of the first pod
 * is cut off.
 */
function identity(): { readonly identity: string; readonly formerSelf: string | undefined } {
  const { POD_NAME: pod = '', POD_UID: uid = '' } = process.env
  const own = `${process.pid}-${Date.now().toString(36)}`
  if (pod === '' || uid === '') return { identity: `${pod === '' ? os.hostname() : pod}_${own}`, formerSelf: undefined }
  return { identity: `${pod}_${uid}_${own}`, formerSelf: `${pod}_${uid}_` }
}

function read(flags: Flags): OperatorOptions | string {
  const ownNamespace = podNamespace()
  const elects = flags['leader-elect'] !== 'false'
  const leaseNamespace = flags['lease-namespace'] ?? ownNamespace
  if (elects && leaseNamespace === undefined) return 'expected the namespace of the Lease: --lease-namespace NAME, or --leader-elect false'
  const leaseName = flags['lease-name'] ?? 'postscreen-operator'
  const leaseMs = leaseMsOf(flags['lease-duration']) ?? 0
  const gatewayImage = flags['gateway-image'] ?? process.env['GATEWAY_IMAGE'] ?? ''
  if (gatewayImage === '') return 'expected the image of the gateways: --gateway-image IMAGE'
  const log = jsonLog(flags['log-level'] ?? 'info')
  return {
    namespaces: listOf(flags.namespaces),
    instance: `${leaseNamespace ?? os.hostname()}/${leaseName}`,
    gatewayImage,
    gatewayPullSecrets: listOf(flags['gateway-pull-secrets'] ?? process.env['GATEWAY_PULL_SECRETS']),
    podUsers: podUsersOf(flags) ?? 'auto',
    metricsFrom: parsePeers(flags['metrics-from'] ?? '[]') ?? [],
    tenants: tenantsOf(flags),
    kubeconfig: flags.kubeconfig,
    admin: parseAdmin(flags.admin ?? '*:8080'),
    election: elects ? { namespace: leaseNamespace ?? '', name: leaseName, leaseMs, ...identity() } : undefined,
    ownNamespace,
    resyncMs: milliseconds(parseDuration(flags.resync ?? '10m') ?? seconds(600)),
    workers: Number(flags.workers ?? '16'),
    log,
  }
}

/** @returns the exit code, after the operator has stopped */
export async function operator(args: readonly string[]): Promise<number> {
  const parsed = readArguments(name, help, { args: [...args], options })
  if ('exit' in parsed) return parsed.exit
  const flags = parsed.run.values as Flags
  const problem = problemOf(flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  const settings = read(flags)
  if (typeof settings === 'string') return wrongArguments(name, settings)
  try {
    const stop = stopSignal()
    const running = await startOperator(settings)
    const why = await Promise.race([stop, running.stuck.then(() => 'stuck' as const)])
    if (why === 'stuck') {
      settings.log.error('the lease is lost, and work that was aborted does not end')
      process.exit(1)
    }
    settings.log.info('stopping')
    await running.stop()
    return 0
  } catch (error) {
    console.error(visibleLines(`${name}: ${error instanceof Error ? error.message : String(error)}`))
    return 1
  }
}

export const operatorCommand: LoadedCommand = {
  run: operator,
  options,
  values: {
    kubeconfig: 'file',
    'pod-users': podUsers,
    tenancy: ['open', 'restricted'],
    'leader-elect': ['true', 'false'],
    'log-level': levels,
  },
}
