// What a patch must not change: each with the path in the policy, and what to use instead.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { policyPatchProblems } from '../../../../operator/desired/patch/policy-problems.ts'
import { compiledOf } from '../../observed.ts'
import { policyWith } from '../../policy-object.ts'

const problemsOf = (patch: object, gateway: object = {}) =>
  policyPatchProblems(compiledOf(policyWith({ gateway: { autoscaling: {}, ...gateway, patch } })).policy)

const ofPod = (spec: object): object => ({ deployment: { spec: { template: { spec } } } })
const ofContainer = (fields: object): object => ofPod({ containers: [{ name: 'gateway', ...fields }] })
const podPath = 'deployment.spec.template.spec'
const containerPath = `${podPath}.containers[name=gateway]`

const refused: readonly { readonly what: string; readonly patch: object; readonly path: string; readonly why: RegExp }[] = [
  {
    what: 'the selector of the Deployment',
    patch: { deployment: { spec: { selector: { matchLabels: { a: 'b' } } } } },
    path: 'deployment.spec.selector',
    why: /spec\.gateway\.podLabels/,
  },
  {
    what: 'its number of pods',
    patch: { deployment: { spec: { replicas: 3 } } },
    path: 'deployment.spec.replicas',
    why: /spec\.gateway\.replicas/,
  },
  { what: 'its name', patch: { deployment: { metadata: { name: 'x' } } }, path: 'deployment.metadata.name', why: /is set by the operator/ },
  {
    what: 'its namespace',
    patch: { deployment: { metadata: { namespace: 'x' } } },
    path: 'deployment.metadata.namespace',
    why: /is set by the operator/,
  },
  {
    what: 'its owner',
    patch: { deployment: { metadata: { ownerReferences: null } } },
    path: 'deployment.metadata.ownerReferences',
    why: /must not be removed|is set by the operator/,
  },
  {
    what: 'a finalizer, which would keep it from being deleted',
    patch: { service: { metadata: { finalizers: ['example.com/x'] } } },
    path: 'service.metadata.finalizers',
    why: /is set by the operator/,
  },
  { what: 'its kind', patch: { deployment: { kind: 'StatefulSet' } }, path: 'deployment.kind', why: /is set by the operator/ },
  { what: 'its status', patch: { service: { status: {} } }, path: 'service.status', why: /written by Kubernetes/ },
  {
    what: 'a label by which the operator finds objects',
    patch: { networkPolicy: { metadata: { labels: { 'postscreen.dev/policy': 'other' } } } },
    path: 'networkPolicy.metadata.labels["postscreen.dev/policy"]',
    why: /labels with other names/,
  },
  {
    what: 'a label of the pods by which the Service finds them',
    patch: { deployment: { spec: { template: { metadata: { labels: { 'app.kubernetes.io/component': null } } } } } },
    path: 'deployment.spec.template.metadata.labels["app.kubernetes.io/component"]',
    why: /labels with other names/,
  },
  {
    what: 'an annotation of the operator',
    patch: { service: { metadata: { annotations: { 'postscreen.dev/applied': 'x' } } } },
    path: 'service.metadata.annotations["postscreen.dev/applied"]',
    why: /annotations with other names/,
  },
  {
    what: 'an annotation of the operator on pods',
    patch: { deployment: { spec: { template: { metadata: { annotations: { 'postscreen.dev/template': 'x' } } } } } },
    path: 'deployment.spec.template.metadata.annotations["postscreen.dev/template"]',
    why: /annotations with other names/,
  },
  {
    what: 'the arguments of the gateway',
    patch: ofContainer({ args: ['gateway'] }),
    path: `${containerPath}.args`,
    why: /spec\.gateway\.workers/,
  },
  { what: 'its command', patch: ofContainer({ command: ['sh'] }), path: `${containerPath}.command`, why: /must not be set/ },
  { what: 'its image', patch: ofContainer({ image: 'x' }), path: `${containerPath}.image`, why: /spec\.gateway\.image\.name/ },
  {
    what: 'its port',
    patch: ofContainer({ ports: [{ containerPort: 2525, name: 'x' }] }),
    path: `${containerPath}.ports[containerPort=2525]`,
    why: /listen/,
  },
  {
    what: 'its mount of the policy',
    patch: ofContainer({ volumeMounts: [{ mountPath: '/etc/postscreen', name: 'other' }] }),
    path: `${containerPath}.volumeMounts[mountPath=/etc/postscreen]`,
    why: /other paths/,
  },
  {
    what: 'the end of its mounts',
    patch: ofContainer({ volumeMounts: [{ $patch: 'replace' }] }),
    path: `${containerPath}.volumeMounts[mountPath=/etc/postscreen]`,
    why: /must/,
  },
  { what: 'how it stops', patch: ofContainer({ lifecycle: null }), path: `${containerPath}.lifecycle`, why: /spec\.gateway\.drain/ },
  {
    what: 'the request of a probe',
    patch: ofContainer({ readinessProbe: { httpGet: { path: '/healthz' } } }),
    path: `${containerPath}.readinessProbe.httpGet`,
    why: /times of the probe/,
  },
  {
    what: 'the end of a probe',
    patch: ofContainer({ livenessProbe: null }),
    path: `${containerPath}.livenessProbe`,
    why: /must not be removed/,
  },
  {
    what: 'the time for its last sessions',
    patch: ofPod({ terminationGracePeriodSeconds: 1 }),
    path: `${podPath}.terminationGracePeriodSeconds`,
    why: /spec\.gateway\.drain/,
  },
  {
    what: 'the end of the gateway',
    patch: ofPod({ containers: [{ name: 'gateway', $patch: 'delete' }] }),
    path: containerPath,
    why: /must not be removed/,
  },
  { what: 'the end of all containers', patch: ofPod({ containers: null }), path: `${podPath}.containers`, why: /must not be removed/ },
  {
    what: 'the end of the pod',
    patch: { deployment: { spec: { template: null } } },
    path: 'deployment.spec.template',
    why: /must not be removed/,
  },
  {
    what: 'the volume with the policy',
    patch: ofPod({ volumes: [{ name: 'policy', projected: { defaultMode: 0o777 } }] }),
    path: `${podPath}.volumes[name=policy]`,
    why: /other names/,
  },
  {
    what: 'the end of the data directory',
    patch: ofPod({ volumes: [{ name: 'data', $patch: 'delete' }] }),
    path: `${podPath}.volumes[name=data]`,
    why: /must not/,
  },
  {
    what: 'the type of the Service',
    patch: { service: { spec: { type: 'ExternalName' } } },
    path: 'service.spec.type',
    why: /spec\.gateway\.service\.type/,
  },
  {
    what: 'its selector',
    patch: { service: { spec: { selector: { app: 'x' } } } },
    path: 'service.spec.selector',
    why: /cannot be changed/,
  },
  {
    what: 'where its port leads to',
    patch: { service: { spec: { ports: [{ port: 25, targetPort: 'admin' }] } } },
    path: 'service.spec.ports[port=25]',
    why: /spec\.gateway\.service\.port/,
  },
  {
    what: 'the pods of the disruption budget',
    patch: { podDisruptionBudget: { spec: { selector: null } } },
    path: 'podDisruptionBudget.spec.selector',
    why: /cannot be changed/,
  },
  {
    what: 'the pods of the NetworkPolicy',
    patch: { networkPolicy: { spec: { podSelector: { $patch: 'replace' } } } },
    path: 'networkPolicy.spec.podSelector',
    why: /cannot be changed/,
  },
  {
    what: 'what the autoscaler scales',
    patch: { horizontalPodAutoscaler: { spec: { scaleTargetRef: { name: 'x' } } } },
    path: 'horizontalPodAutoscaler.spec.scaleTargetRef',
    why: /the gateway/,
  },
  {
    what: 'how far it scales',
    patch: { horizontalPodAutoscaler: { spec: { maxReplicas: 99 } } },
    path: 'horizontalPodAutoscaler.spec.maxReplicas',
    why: /spec\.gateway\.autoscaling\.maxReplicas/,
  },
  { what: 'a value of the wrong type', patch: ofPod({ containers: 'gateway' }), path: `${podPath}.containers`, why: /must be a list/ },
]

describe('a patch must not change', () => {
  for (const { what, patch, path, why } of refused) {
    test(what, () => {
      const problem = problemsOf(patch).find((one) => one.path === `spec.gateway.patch.${path}`)
      assert.match(problem?.why ?? `no such problem: ${JSON.stringify(problemsOf(patch))}`, why)
    })
  }

  test('anything of these, but may repeat the values of the operator', () => {
    assert.deepEqual(
      problemsOf({ deployment: { kind: 'Deployment', metadata: { name: 'mx-gateway' } }, service: { spec: { type: 'LoadBalancer' } } }),
      [],
    )
  })

  test('and what it removes is one problem, not one for everything in it', () => {
    assert.deepEqual(
      problemsOf(ofPod({ containers: null })).map(({ path }) => path),
      [`spec.gateway.patch.${podPath}.containers`],
    )
  })
})
