// A small site: two gateways of one policy, an operator with an API server in memory, and a Prometheus that scrapes all of them.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { serveLists } from '../../cli/demo/lists.ts'
import { type Operator, startOperator } from '../../operator/main.ts'
import { alertGroups } from '../chart/alerts.ts'
import { HttpCluster } from '../operator/http-cluster.ts'
import { policyWith } from '../operator/policy-object.ts'
import { type GatewayProcess, startGatewayProcess } from '../peers/gateway.ts'
import { type ChangeableMailServer, startChangeableMailServer } from './changeable-mail-server.ts'
import { Prometheus } from './prometheus.ts'
import { rulesFor } from './promtool.ts'

const spec = {
  hostname: 'mx.example.test',
  backend: { addresses: ['127.0.0.1:1'], proxyProtocol: 'V1', holdTime: '0s' },
  greet: { action: 'Enforce', wait: '2s' },
  dnsbl: { action: 'Enforce', threshold: 2, sites: [{ domain: 'bl.demo', weight: 2 }] },
  deepTests: { handoff: 'Reconnect', pipelining: { enabled: true, action: 'Enforce' } },
  access: [
    { action: 'Permit', cidrs: ['127.0.0.88'] },
    { action: 'Reject', cidrs: ['127.0.0.99'] },
  ],
  denylist: { action: 'Enforce' },
}

/** The second gateway is so small that a few clients fill it. */
export const fewConnections = 3

export interface Site {
  /** With two workers. */
  readonly large: GatewayProcess
  readonly small: GatewayProcess
  readonly operator: Operator
  readonly mail: ChangeableMailServer
  readonly prometheus: Prometheus
  stop(): Promise<void>
}

const place = { namespace: 'postscreen-system', name: 'postscreen-operator' }

/** The rules with seconds instead of minutes, and ranges of half a minute instead of up to six hours; those of a day stay. */
export const quickRules = (): string =>
  rulesFor(place, {
    groups: alertGroups.map(({ name, rules }) => ({
      name,
      rules: rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replaceAll(/\[\d+[mh]\]/g, '[30s]'),
        ...(rule.for === undefined ? {} : { for: '3s' }),
      })),
    })),
  })

function startTestOperator(cluster: HttpCluster): Promise<Operator> {
  return startOperator({
    namespaces: [],
    instance: `${place.namespace}/${place.name}`,
    gatewayImage: 'registry.example.com/postscreen:1.0',
    tenants: undefined,
    gatewayPullSecrets: [],
    podUsers: 'auto',
    metricsFrom: [],
    kubeconfig: cluster.kubeconfig,
    admin: { address: '127.0.0.1', port: 0 },
    election: undefined,
    ownNamespace: place.namespace,
    resyncMs: 3_600_000,
    workers: 4,
    log: pino({ level: 'silent' }),
  })
}

export async function startSite(): Promise<Site> {
  const closing: (() => unknown)[] = []
  const [lists, mail, cluster] = [await serveLists(), await startChangeableMailServer(), await HttpCluster.start()]
  const flags = ['--backend', mail.address, '--resolver', `127.0.0.1:${lists.endpoint.port}`]
  const data = mkdtempSync(join(tmpdir(), 'boards-'))
  const large = await startGatewayProcess({ spec, flags: [...flags, '--workers', '2', '--data-dir', data] })
  const small = await startGatewayProcess({ spec: { ...spec, limits: { connections: fewConnections } }, flags })
  cluster.put(policyWith({ gateway: { replicas: 0 } }))
  const operator = await startTestOperator(cluster)
  const gateway = (pod: string, { admin }: GatewayProcess) => ({
    address: new URL(admin).host,
    labels: { namespace: 'mail', policy: 'mx', pod },
  })
  const prometheus = await Prometheus.start(
    [
      gateway('mx-gateway-large', large),
      gateway('mx-gateway-small', small),
      { address: operator.admin ?? '', labels: { namespace: place.namespace, pod: `${place.name}-0` } },
    ],
    quickRules(),
  )
  closing.push(
    () => prometheus.stop(),
    () => operator.stop(),
    () => large.stop(),
    () => small.stop(),
    () => cluster.close(),
    () => mail.stop(),
    () => lists.close(),
    () => rmSync(data, { recursive: true, force: true }),
  )
  const stop = async (): Promise<void> => {
    for (const close of closing) await close()
  }
  return { large, small, operator, mail, prometheus, stop }
}
