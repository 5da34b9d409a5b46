// What the conditions of a policy say in every situation.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Applied } from '../../../operator/apply.ts'
import type { GatewayPod } from '../../../operator/gateways/pods.ts'
import { type Findings, findingsOf } from '../../../operator/status/findings.ts'
import type { Observation } from '../../../operator/status/observation.ts'
import { atRest, deploymentWith, podWith, daemonSetWith } from '../observed.ts'

type Given = (base: ReturnType<typeof atRest>) => Observation

interface Case {
  readonly what: string
  readonly given: Given
  /** `STATUS Reason`; those that are not named are as at rest. */
  readonly want: Partial<Readonly<Record<keyof Findings, string>>>
  readonly says?: Partial<Readonly<Record<keyof Findings, RegExp | string>>>
}

const resting = {
  Accepted: 'True Accepted',
  Programmed: 'True Programmed',
  BackendReachable: 'True Reachable',
  DNSBLHealthy: 'True NoLists',
  ClientAddressPreserved: 'Unknown NoReport',
  Ready: 'True Ready',
  Reconciling: 'False UpToDate',
  Stalled: 'False NotStalled',
}

const old = 'f'.repeat(64)
const unreachable = [{ name: 'postfix.mail.svc:10025', reachable: false, why: '10.0.0.9:10025: connection refused' }]
const report = (fields: object) => ({ report: { hash: old, refused: undefined, backends: unreachable, ...fields } })
const change = (pods: readonly GatewayPod[], at: number, fields: Partial<GatewayPod>): readonly GatewayPod[] =>
  pods.map((pod, index) => (index === at ? { ...pod, ...fields } : pod))
const refusedBy = (
  base: ReturnType<typeof atRest>,
  problems = [{ path: 'spec.tls.secretName', why: 'Secret mx-tls has no key tls.crt' }],
) => ({
  report: { hash: old, refused: { hash: base.compiled.hash, problems }, backends: base.pods[0]?.report?.backends ?? [] },
})
const object = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'mx-gateway' } }
const conflict = (passes: boolean): Applied => ({ is: 'conflict', object, why: 'Service mx-gateway exists', passes })
const gaveUp = {
  conditions: [
    { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded', message: 'ReplicaSet "x" has timed out progressing.' },
  ],
}
const progressing = { Programmed: 'False Progressing', Ready: 'False Progressing', Reconciling: 'True Progressing' }

const cases: readonly Case[] = [
  {
    what: 'all is well',
    given: (base) => base,
    want: {},
    says: { Ready: '2 of 2 gateways run generation 3', BackendReachable: 'All 2 gateways reach a mail server of postfix.mail.svc:10025' },
  },
  {
    what: 'a gateway goes on without a DNS list whose key is missing',
    given: (base) => ({
      ...base,
      pods: change(base.pods, 1, {
        report: { hash: base.compiled.hash, refused: undefined, backends: base.pods[1]?.report?.backends ?? [], without: ['b', 'a'] },
      }),
    }),
    want: {},
    says: {
      Programmed: '2 of 2 gateways run generation 3. They work without: a; b',
      Ready: '2 of 2 gateways run generation 3. They work without: a; b',
    },
  },
  {
    what: 'the policy is not valid',
    given: (base) => ({
      ...base,
      compiled: undefined,
      template: undefined,
      problems: [{ path: 'spec.mode', why: 'must be one of Enforce, Audit' }],
    }),
    want: {
      Accepted: 'False Invalid',
      Programmed: 'False NotAccepted',
      Ready: 'False Invalid',
      Reconciling: 'False Stalled',
      Stalled: 'True Invalid',
    },
    says: {
      Ready: 'spec.mode: must be one of Enforce, Audit',
      Programmed: 'The policy is not valid; gateways keep the last valid policy',
    },
  },
  {
    what: 'a hundred things are not valid',
    given: (base) => ({
      ...base,
      compiled: undefined,
      problems: Array.from({ length: 100 }, (_, at) => ({ path: `spec.x${at}`, why: 'unknown field' })),
    }),
    want: {
      Accepted: 'False Invalid',
      Programmed: 'False NotAccepted',
      Ready: 'False Invalid',
      Reconciling: 'False Stalled',
      Stalled: 'True Invalid',
    },
    says: { Accepted: /^spec\.x0: unknown field; .*spec\.x19: unknown field; and 80 more$/ },
  },
  {
    what: 'a gateway of the newest form refuses it at first',
    given: (base) => ({ ...base, pods: change(base.pods, 1, refusedBy(base)), refusalLasts: false }),
    want: { Programmed: 'False Progressing', Ready: 'False Progressing', Reconciling: 'True Progressing' },
  },
  {
    what: 'a gateway of the newest form refuses it',
    given: (base) => ({ ...base, pods: change(base.pods, 1, refusedBy(base)) }),
    want: {
      Accepted: 'False RefusedByGateway',
      Programmed: 'False NotAccepted',
      Ready: 'False RefusedByGateway',
      Reconciling: 'True RefusedByGateway',
    },
    says: {
      Ready: 'spec.tls.secretName: Secret mx-tls has no key tls.crt',
      Programmed: '1 of 2 gateways run generation 3; the others keep the last valid policy',
    },
  },
  {
    what: 'a gateway was started into a policy that it cannot use, and serves the one that it has kept',
    given: (base) => ({
      ...base,
      pods: change(
        base.pods,
        1,
        report({
          keptAt: '2026-01-01T00:00:00.000Z',
          refused: { hash: undefined, problems: [{ path: 'spec.tls.secretName', why: 'Secret mx-tls has no key tls.crt' }] },
          backends: base.pods[0]?.report?.backends,
        }),
      ),
    }),
    want: { Programmed: 'False LastGoodPolicy', Ready: 'False LastGoodPolicy' },
    says: {
      Programmed:
        /^1 of 2 gateways run generation 3; 1 could not use the newest policy since they started and serve the last valid one, which pod \S+ has kept since 2026-01-01T00:00:00\.000Z: spec\.tls\.secretName: /,
    },
  },
  {
    what: 'lines of an access table are skipped',
    given: (base) => ({
      ...base,
      compiled: { ...base.compiled, skipped: ['ConfigMap senders key list: a line is skipped: line 2: no lookup result'] },
    }),
    want: { Accepted: 'True LinesSkipped' },
    says: { Accepted: /correct them\. ConfigMap senders key list: a line is skipped: line 2: no lookup result$/ },
  },
  {
    what: 'only a gateway of an earlier form refuses it, which has not what it needs',
    given: (base) => ({ ...base, pods: change(base.pods, 1, { ...refusedBy(base), template: 'template-0' }) }),
    want: progressing,
  },
  {
    what: 'a gateway refuses an earlier text',
    given: (base) => ({
      ...base,
      pods: change(base.pods, 1, report({ refused: { hash: old, problems: [{ path: 'a', why: 'b' }] }, backends: [] })),
    }),
    want: progressing,
  },
  {
    what: 'a gateway has all the connections that it may have',
    given: (base) => ({
      ...base,
      pods: change(
        base.pods,
        0,
        report({
          hash: base.compiled.hash,
          backends: base.pods[0]?.report?.backends ?? [],
          full: 'clients are refused with 421: raise limits.connections',
        }),
      ),
    }),
    want: {},
    says: { Ready: '2 of 2 gateways run generation 3; on 1 of 2 gateways clients are refused with 421: raise limits.connections' },
  },
  {
    what: 'a gateway still runs the last policy',
    given: (base) => ({ ...base, pods: change(base.pods, 0, report({ backends: [] })) }),
    want: progressing,
    says: { Ready: '1 of 2 gateways run generation 3' },
  },
  {
    what: 'a mail server does not read the PROXY header, and another one does',
    given: (base) => {
      const misconfigured = '10.0.0.9:10025: it does not read the PROXY header (version 2): set smtpd_upstream_proxy_protocol = haproxy'
      const backends = [{ name: 'postfix.mail.svc:10025', reachable: true, why: '', misconfigured }]
      return { ...base, pods: change(base.pods, 1, { report: { hash: base.compiled?.hash, refused: undefined, backends } }) }
    },
    want: { BackendReachable: 'False Misconfigured', Ready: 'False Misconfigured', Reconciling: 'True Misconfigured' },
    says: {
      BackendReachable:
        'A mail server of postfix.mail.svc:10025 gets no client; the other mail servers do: 10.0.0.9:10025: it does not read the PROXY header (version 2): set smtpd_upstream_proxy_protocol = haproxy',
    },
  },
  {
    what: 'no gateway is there yet',
    given: (base) => ({ ...base, pods: [], workload: deploymentWith(2, { replicas: 0, updatedReplicas: 0, availableReplicas: 0 }) }),
    want: { ...progressing, BackendReachable: 'Unknown NoReport' },
  },
  {
    what: 'the Deployment has just been changed, and its status is of before',
    given: (base) => ({ ...base, workload: deploymentWith(2, { observedGeneration: 1 }) }),
    want: progressing,
  },
  {
    what: 'an old gateway is still there',
    given: (base) => ({
      ...base,
      pods: [...base.pods, podWith(base.compiled, { name: 'mx-gateway-0', uid: 'uid-0', template: 'template-0' })],
    }),
    want: progressing,
  },
  {
    what: 'the image of a gateway cannot be pulled',
    given: (base) => ({
      ...base,
      pods: change(base.pods, 0, { report: undefined, ready: false, trouble: 'ImagePullBackOff: no such image' }),
    }),
    want: progressing,
    says: { Ready: '1 of 2 gateways run generation 3 (pod mx-gateway-1: ImagePullBackOff: no such image)' },
  },
  {
    what: 'the Deployment has given up',
    given: (base) => ({ ...base, pods: change(base.pods, 0, { report: undefined }), workload: deploymentWith(2, gaveUp) }),
    want: {
      Programmed: 'False Progressing',
      Ready: 'False Progressing',
      Reconciling: 'False Stalled',
      Stalled: 'True ProgressDeadlineExceeded',
    },
    says: { Stalled: '1 of 2 gateways run generation 3 (ReplicaSet "x" has timed out progressing.)' },
  },
  {
    what: 'the Deployment had given up on an earlier form',
    given: (base) => ({
      ...base,
      pods: change(base.pods, 0, { report: undefined }),
      workload: deploymentWith(2, { ...gaveUp, observedGeneration: 1 }),
    }),
    want: progressing,
  },
  {
    what: 'a name is taken',
    given: (base) => ({ ...base, applied: [conflict(false)], workload: undefined, pods: [] }),
    want: {
      Programmed: 'False NameConflict',
      BackendReachable: 'Unknown NoReport',
      Ready: 'False NameConflict',
      Reconciling: 'False Stalled',
      Stalled: 'True NameConflict',
    },
    says: { Ready: 'Service mx-gateway exists' },
  },
  {
    what: 'an earlier policy of the name is still being removed',
    given: (base) => ({ ...base, applied: [conflict(true)], workload: undefined, pods: [] }),
    want: {
      Programmed: 'False WaitingForDeletion',
      BackendReachable: 'Unknown NoReport',
      Ready: 'False WaitingForDeletion',
      Reconciling: 'True WaitingForDeletion',
    },
  },
  {
    what: 'the API server refuses an object',
    given: (base) => ({ ...base, applied: [{ is: 'refused', object, why: '422 Invalid: nodePort' }] }),
    want: { Programmed: 'False ApplyFailed', Ready: 'False ApplyFailed', Reconciling: 'True ApplyFailed' },
    says: { Ready: 'Service mx-gateway: 422 Invalid: nodePort' },
  },
  {
    what: 'changes are paused, and there are none',
    given: (base) => ({ ...base, paused: true }),
    want: { Programmed: 'True Paused', Ready: 'True Paused', Reconciling: 'False Paused' },
    says: { Ready: '2 of 2 gateways run generation 3; changes are paused' },
  },
  {
    what: 'changes are paused, and an object is not as the policy says',
    given: (base) => ({ ...base, paused: true, drifted: [object] }),
    want: { Programmed: 'False Paused', Ready: 'False Paused', Reconciling: 'False Paused' },
    says: { Ready: 'Changes are paused; these objects differ from the policy: Service mx-gateway' },
  },
  {
    what: 'another writer changes an object back again and again',
    given: (base) => ({ ...base, contested: [{ object, by: 'flux', isDeleted: false, waitMs: 4000 }] }),
    want: { Programmed: 'False Contested', Ready: 'False Contested', Reconciling: 'False Stalled', Stalled: 'True Contested' },
    says: { Ready: /^Service mx-gateway is changed back again and again by field manager flux; .*Stop that writer/ },
  },
  {
    what: 'an operator of an earlier version changes an object back again and again',
    given: (base) => ({ ...base, contested: [{ object, by: undefined, isDeleted: false, waitMs: 4000 }] }),
    want: { Programmed: 'False Contested', Ready: 'False Contested', Reconciling: 'False Stalled', Stalled: 'True Contested' },
    says: { Ready: /by a writer that its managedFields do not name/ },
  },
  {
    what: 'changes are paused, and there is one',
    given: (base) => ({ ...base, paused: true, pods: change(base.pods, 0, report({ backends: [] })) }),
    want: { Programmed: 'False Paused', Ready: 'False Paused', Reconciling: 'False Paused' },
    says: { Ready: '1 of 2 gateways run generation 3; changes are paused' },
  },
  {
    what: 'a gateway reaches no mail server, and takes no clients therefore',
    given: (base) => ({
      ...base,
      pods: change(base.pods, 0, { ready: false, report: { hash: base.compiled.hash, refused: undefined, backends: unreachable } }),
    }),
    want: { BackendReachable: 'False Unreachable', Ready: 'False Unreachable', Reconciling: 'True Unreachable' },
    says: { Ready: '1 of 2 gateways reach no mail server of postfix.mail.svc:10025: 10.0.0.9:10025: connection refused' },
  },
  {
    what: 'a gateway has not tried a mail server yet',
    given: (base) => ({ ...base, pods: change(base.pods, 0, { report: { hash: base.compiled.hash, refused: undefined, backends: [] } }) }),
    want: {},
  },
  {
    what: 'gateways run the policy and do not take clients yet',
    given: (base) => ({ ...base, pods: change(base.pods, 0, { ready: false }) }),
    want: { Ready: 'False GatewaysNotReady', Reconciling: 'True GatewaysNotReady' },
    says: { Ready: '1 of 2 gateways accept clients' },
  },
  {
    what: 'the policy wants no gateway at the moment',
    given: () => ({ ...atRest({ gateway: { replicas: 0 } }), workload: deploymentWith(0), pods: [] }),
    want: { BackendReachable: 'Unknown NoGateway', Ready: 'False ScaledToZero' },
    says: { Ready: /^spec\.gateway\.replicas is 0: no gateway runs, and clients cannot connect/ },
  },
  {
    what: 'no node fits the DaemonSet',
    given: () => ({ ...atRest({ gateway: { kind: 'DaemonSet' } }), workload: daemonSetWith({ desiredNumberScheduled: 0 }), pods: [] }),
    want: { BackendReachable: 'Unknown NoGateway', Ready: 'False NoNode' },
    says: { Ready: /^No node fits spec\.gateway\.nodeSelector and spec\.gateway\.tolerations/ },
  },
  {
    what: 'the nodes of a new DaemonSet are not counted yet',
    given: () => ({ ...atRest({ gateway: { kind: 'DaemonSet' } }), workload: daemonSetWith({}), pods: [] }),
    want: {
      BackendReachable: 'Unknown NoGateway',
      Programmed: 'False Progressing',
      Ready: 'False Progressing',
      Reconciling: 'True Progressing',
    },
  },
  {
    what: 'the operator runs no gateway for the policy',
    given: () => atRest({}),
    want: { Programmed: 'True ConfigMapWritten', BackendReachable: 'Unknown NoGateway' },
    says: { Ready: 'The ConfigMap has generation 3; the policy has no gateways' },
  },
  {
    what: 'the operator runs no gateway, and changes are paused',
    given: () => ({ ...atRest({}), paused: true }),
    want: { Programmed: 'Unknown Paused', BackendReachable: 'Unknown NoGateway', Ready: 'Unknown Paused', Reconciling: 'False Paused' },
  },
]

const tooLong: readonly Case[] = [
  {
    what: 'a Secret has been missing for minutes',
    given: (base) => ({ ...base, pods: change(base.pods, 1, refusedBy(base)), waitedTooLong: true }),
    want: {
      Accepted: 'False RefusedByGateway',
      Programmed: 'False NotAccepted',
      Ready: 'False RefusedByGateway',
      Reconciling: 'False Stalled',
      Stalled: 'True RefusedByGateway',
    },
  },
  {
    what: 'a ConfigMap is missing',
    given: (base) => ({ ...base, compiled: undefined, problems: [missingTable], awaited: true, configMap: undefined }),
    want: { Accepted: 'False Invalid', Programmed: 'False NotAccepted', Ready: 'False Invalid', Reconciling: 'True Invalid' },
    says: { Programmed: 'The policy is not valid; no gateway has had a valid policy' },
  },
  {
    what: 'a ConfigMap has been missing for minutes',
    given: (base) => ({ ...base, compiled: undefined, problems: [missingTable], awaited: true, waitedTooLong: true }),
    want: {
      Accepted: 'False Invalid',
      Programmed: 'False NotAccepted',
      Ready: 'False Invalid',
      Reconciling: 'False Stalled',
      Stalled: 'True Invalid',
    },
  },
  {
    what: 'the API server has refused an object for minutes',
    given: (base) => ({ ...base, applied: [{ is: 'refused', object, why: '403 Forbidden: exceeded quota' }], waitedTooLong: true }),
    want: { Programmed: 'False ApplyFailed', Ready: 'False ApplyFailed', Reconciling: 'False Stalled', Stalled: 'True ApplyFailed' },
  },
  {
    what: 'no mail server has been reached for minutes',
    given: (base) => ({
      ...base,
      pods: base.pods.map((pod) => ({ ...pod, ...lost('10.0.0.9:10025: connection refused', base) })),
      waitedTooLong: true,
    }),
    want: { BackendReachable: 'False Unreachable', Ready: 'False Unreachable', Reconciling: 'False Stalled', Stalled: 'True Unreachable' },
  },
  {
    what: 'gateways have taken no clients for minutes',
    given: (base) => ({ ...base, pods: change(base.pods, 0, { ready: false }), waitedTooLong: true }),
    want: { Ready: 'False GatewaysNotReady', Reconciling: 'False Stalled', Stalled: 'True GatewaysNotReady' },
  },
]

const missingTable = { path: 'spec.access[0].table.configMap', why: 'ConfigMap senders key mx.cidr does not exist' }
const lost = (why: string, { compiled }: ReturnType<typeof atRest>) => ({
  report: { hash: compiled.hash, refused: undefined, backends: [{ name: 'postfix.mail.svc:10025', reachable: false, why }] },
})

describe('the name of the mail server’s Service is not found, and', () => {
  const words = [
    { found: 'missing', says: 'Service postfix in namespace mail does not exist. Create it, or correct spec.backend.service' },
    { found: 'headless', says: 'Service postfix in namespace mail has no ready pod. Check the pods that it selects' },
    { found: 'clusterIP', says: /Service postfix in namespace mail exists, but its name has no address/ },
    { found: undefined, says: /Service postfix in namespace mail does not exist, or has no ready pod/ },
  ] as const
  for (const { found, says } of words) {
    test(`the cluster says: ${found ?? 'nothing'}`, () => {
      const base = atRest()
      const pods = base.pods.map((pod) => ({ ...pod, ...lost('getaddrinfo ENOTFOUND postfix.mail.svc', base) }))
      const { message } = findingsOf({ ...base, pods, backendService: found }).BackendReachable
      if (typeof says === 'string') assert.ok(message.endsWith(says), message)
      else assert.match(message, says)
    })
  }
})

test('gateways that never had a policy do not keep a last one', () => {
  const base = atRest()
  const pods = base.pods.map((pod) => ({ ...pod, ...refusedBy(base), report: { ...refusedBy(base).report, hash: undefined } }))
  assert.match(findingsOf({ ...base, pods }).Programmed.message, /the others have no policy yet and accept no clients$/)
})

describe('when', () => {
  for (const { what, given, want, says = {} } of [...cases, ...tooLong]) {
    test(what, () => {
      const findings = findingsOf(given(atRest()))
      const got = Object.fromEntries(Object.entries(findings).map(([type, { status, reason }]) => [type, `${status} ${reason}`]))
      // Gateways at rest have no DNS lists, but without a valid policy that is not known.
      const lists = want.Accepted === 'False Invalid' ? { DNSBLHealthy: 'Unknown NotAccepted' } : {}
      assert.deepEqual(got, { ...resting, ...lists, ...want })
      for (const [type, message] of Object.entries(says)) {
        const said = findings[type as keyof Findings]?.message ?? ''
        if (typeof message === 'string') assert.equal(said, message)
        else assert.match(said, message)
      }
    })
  }
})
