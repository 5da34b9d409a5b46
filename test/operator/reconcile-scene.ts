// A cluster in memory with one policy, passes over it, and gateways that do as they are told.
import assert from 'node:assert/strict'
import type { TenantRules } from '../../crds/schema/tenancy.ts'
import { Applier } from '../../operator/apply.ts'
import { Claims } from '../../operator/claim.ts'
import { Compilations } from '../../operator/compile/compilations.ts'
import { annotation, labels } from '../../operator/desired/names.ts'
import { Refresh } from '../../operator/gateways/refresh.ts'
import type { GatewayReport } from '../../operator/gateways/report.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import type { PassReport } from '../../operator/pass-report.ts'
import { PolicyMemories } from '../../operator/policy-memory.ts'
import { Reconciler } from '../../operator/reconcile.ts'
import { StatusWriter } from '../../operator/status/writer.ts'
import type { PolicyStatus } from '../../operator/status/status.ts'
import { MemoryCluster } from './memory-cluster.ts'
import { settings } from './observed.ts'
import { policyWith } from './policy-object.ts'

/** An empty record for a value that is not an object. */
export const record = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {})
export const managed = { gateway: {} }

interface OtherOperator {
  readonly instance?: string
  /** A scene whose cluster it works in too. */
  readonly beside?: Scene
}

/** A cluster with a policy, and gateways that do as they are told. */
export class Scene {
  readonly cluster: MemoryCluster
  /** Operators that the policy was left to. */
  readonly left: string[] = []
  /** Fields of the status that an older CRD does not contain. */
  readonly omitted: (readonly string[])[] = []
  /** What was known of them each time that the status was as it should be. */
  readonly omittedThen: (readonly string[])[] = []
  readonly told: PassReport[] = []
  readonly memories = new PolicyMemories()
  readonly #reports = new Map<string, GatewayReport>()
  readonly clock: { ms: number }
  readonly #reconciler: Reconciler

  /** @param tenants what the operator allows to authors of policies; everything unless given */
  constructor(tenants?: TenantRules, { instance = 'postscreen-system/postscreen-operator', beside }: OtherOperator = {}) {
    this.cluster = beside?.cluster ?? new MemoryCluster()
    this.clock = beside?.clock ?? { ms: 0 }
    const { client, live } = this.cluster
    const versionOf = (key: string) => this.cluster.find('ConfigMap', key.slice('mail/'.length))?.metadata.resourceVersion
    this.#reconciler = new Reconciler({
      client,
      live,
      memories: this.memories,
      compilations: new Compilations(client, versionOf, this.memories, tenants),
      applier: new Applier(client, live, this.memories, () => this.clock.ms),
      refresh: new Refresh(client, () => this.clock.ms),
      ask: async (address) => this.#reports.get(address),
      settings,
      claims: new Claims({ instance, policies: () => 1, elapsed: () => this.clock.ms, memories: this.memories }),
      statuses: new StatusWriter(
        client,
        () => this.clock.ms,
        (fields) => this.omitted.push(fields),
      ),
      reporter: {
        otherOperator: (_, operator) => this.left.push(operator),
        report: (pass) => this.told.push(pass),
        statusWritten: () => this.omittedThen.push(this.omitted.at(-1) ?? []),
        statusFieldsOmitted: () => undefined,
        forget: () => undefined,
      },
      now: () => new Date(Date.UTC(2026, 0, 1) + this.clock.ms),
    })
  }

  /** The user writes the policy. */
  write(spec: object, generation: number, metadata: object = {}): void {
    const policy = policyWith(spec, { generation })
    const status = this.policy?.['status']
    this.cluster.put({ ...policy, metadata: { ...policy.metadata, ...metadata }, ...(status !== undefined && { status }) })
  }

  get policy(): KubeObject | undefined {
    return this.cluster.find('PostscreenPolicy', 'mx')
  }

  pass = () => this.#reconciler.reconcile('mail/mx')

  get status(): PolicyStatus {
    const status = this.policy?.['status']
    assert.ok(isObject(status), 'a status has been written')
    return status as PolicyStatus
  }

  condition(type: string): string {
    const found = this.status.conditions.find((one) => one.type === type)
    return `${found?.status} ${found?.reason}`
  }

  get hash(): string {
    return this.cluster.find('ConfigMap', 'mx-policy')?.metadata.annotations?.[annotation.hash] ?? ''
  }

  /** The Deployment's controller replaces all pods, and they read the ConfigMap; or only some of them do. */
  rollOut(readers = 2): void {
    const deployment = this.cluster.find('Deployment', 'mx-gateway')
    assert.ok(deployment)
    const replicas = Number(record(deployment['spec'])['replicas'])
    const counts = { replicas, updatedReplicas: replicas, availableReplicas: replicas, observedGeneration: deployment.metadata.generation }
    this.cluster.change('Deployment', 'mx-gateway', { status: counts })
    const { metadata } = record(record(deployment['spec'])['template'])
    for (let at = 1; at <= replicas; at++) {
      const { annotations } = record(metadata)
      const pod = { name: `mx-gateway-${at}`, namespace: 'mail', uid: `pod-${at}`, labels: labels('mx'), annotations }
      const status = { phase: 'Running', podIP: `10.0.0.${at}`, conditions: [{ type: 'Ready', status: 'True' }] }
      this.cluster.put({ apiVersion: 'v1', kind: 'Pod', metadata: pod as KubeObject['metadata'], status })
      if (at <= readers) this.read(at)
    }
  }

  read(at: number): void {
    const backends = [{ name: 'postfix.mail.svc:10025', reachable: true, why: '' }]
    this.#reports.set(`10.0.0.${at}`, { hash: this.hash, refused: undefined, backends })
  }

  loseBackend(at: number, why: string): void {
    this.#reports.set(`10.0.0.${at}`, {
      hash: this.hash,
      refused: undefined,
      backends: [{ name: 'postfix.mail.svc:10025', reachable: false, why }],
    })
  }

  refuse(at: number, hash: string): void {
    const backends = [{ name: 'postfix.mail.svc:10025', reachable: true, why: '' }]
    this.#reports.set(`10.0.0.${at}`, {
      hash: 'f'.repeat(64),
      refused: { hash, problems: [{ path: 'spec.tls', why: 'no key' }] },
      backends,
    })
  }

  /** Everything runs. */
  async running(spec: object = managed): Promise<this> {
    this.write(spec, 1)
    await this.pass()
    this.rollOut()
    await this.pass()
    assert.equal(this.condition('Ready'), 'True Ready')
    this.cluster.take()
    this.told.length = 0
    return this
  }
}
