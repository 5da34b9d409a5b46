// Values that cannot work are refused before anything is sent to the cluster, and what is said names them.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { unless } from '../peers/require.ts'
import { render } from './render.ts'

const backend = { service: { name: 'postfix', port: 10025 } }
const policy = (spec: object, rest: object = {}) => ({ policy: { create: true, spec: { backend, ...spec }, ...rest } })
const wrongDigest = { image: { digest: 'sha256:123' } }

/** What is wrong, the values, and words that the refusal must have, whichever Helm says it. */
const refused: readonly (readonly [string, object, ...RegExp[]])[] = [
  ['a misspelt value', { replicas: 2 }, /replicas/],
  ['a misspelt value inside', { image: { repo: 'x' } }, /image/, /repo/],
  ['a number as text', { replicaCount: 'two' }, /replicaCount/, /integer/],
  ['a negative number', { replicaCount: -1 }, /replicaCount/, /minimum|greater than or equal/i],
  ['half a pod', { replicaCount: 1.5 }, /replicaCount/, /integer/],
  ['a tag that YAML made a number', { image: { tag: 1.5 } }, /tag/, /string/],
  ['a tag with a blank', { image: { tag: 'a b' } }, /tag/, /pattern/],
  ['no repository', { image: { repository: '' } }, /repository/],
  ['a digest that is not valid', wrongDigest, /digest/, /pattern/],
  ['an unknown pull policy', { image: { pullPolicy: 'Sometimes' } }, /pullPolicy/, /IfNotPresent/],
  ['pull secrets as names', { imagePullSecrets: ['registry'] }, /imagePullSecrets/, /object/],
  ['a flag as text', { crds: { enabled: 'yes' } }, /crds/, /boolean/],
  ['an unknown log level', { logLevel: 'verbose' }, /logLevel/, /debug/],
  ['a namespace in capitals', { watchNamespaces: ['Mail'] }, /watchNamespaces/, /pattern/],
  ['namespaces as text', { watchNamespaces: 'mail' }, /watchNamespaces/, /array/],
  ['a time without unit', { resync: '10' }, /resync/, /pattern/],
  ['a lease with a slash', { leaderElection: { leaseName: 'a/b' } }, /leaseName/, /pattern/],
  ['arguments as text', { extraArgs: '--workers=1' }, /extraArgs/, /array/],
  ['a variable without name', { extraEnv: [{ value: 'x' }] }, /extraEnv/, /name/],
  ['a variable that is a number', { extraEnv: [{ name: 'A', value: 1 }] }, /extraEnv/, /string/],
  ['memory in an unknown unit', { resources: { limits: { memory: '128MB' } } }, /memory/, /pattern/],
  ['an annotation that is a number', { podAnnotations: { a: 1 } }, /podAnnotations/, /string/],
  ['a label with a blank', { commonLabels: { team: 'the mail team' } }, /commonLabels/, /pattern/],
  ['more pods away than there are', { podDisruptionBudget: { maxUnavailable: '200%' } }, /maxUnavailable/, /pattern/],
  ['a port out of range', { metrics: { service: { port: 70_000 } } }, /port/, /65,?535/],
  ['no port of the API server', { networkPolicy: { apiServerPorts: [] } }, /apiServerPorts/, /minItems|at least 1/],
  ['an unknown IP family', { ipFamilies: ['IPv5'] }, /ipFamilies/, /IPv4/],
  ['an unknown IP family policy', { ipFamilyPolicy: 'DualStack' }, /ipFamilyPolicy/, /RequireDualStack/],
  ['an unknown render mode', { serviceMonitor: { renderMode: 'always' } }, /renderMode/, /skipIfMissing/],
  ['an interval without unit', { podMonitor: { interval: '30' } }, /interval/, /pattern/],
  ['an alert that is not ours', { prometheusRule: { disabledAlerts: ['KubePodCrashLooping'] } }, /disabledAlerts/, /pattern/],
  ['a name of a policy that is too long', policy({}, { name: 'x'.repeat(53) }), /name/, /52/],
  ['a name of a policy with a dot', policy({}, { name: 'mx.example' }), /name/, /pattern/],
  ['a field of the policy that there is not', policy({ threshold: 3 }), /spec/, /threshold/],
  ['a misspelt field deep in the policy', policy({ greet: { actoin: 'Drop' } }), /greet/, /actoin/],
  ['a wrong type in the policy', policy({ dnsbl: { threshold: 'three' } }), /threshold/, /integer/],
  ['a choice of the policy that there is not', policy({ mode: 'enforce' }), /mode/, /Audit/],
  ['a backend without port', policy({ backend: { service: { name: 'postfix' } } }), /service/, /port/],
  ['a policy without mail servers', { policy: { create: true } }, /policy\.spec\.backend/, /postfix\.enabled/],
  ['a policy in a namespace that is not watched', { ...policy({}), watchNamespaces: ['partners'] }, /add "mail" to watchNamespaces/],
  ['two operators that do not agree on one', { leaderElection: { enabled: false } }, /leaderElection\.enabled/],
  [
    'a monitor without what it watches',
    { serviceMonitor: { enabled: true, renderMode: 'alwaysRender' }, metrics: { service: { enabled: false } } },
    /metrics\.service\.enabled/,
  ],
  ['a monitor that the cluster does not know', { podMonitor: { enabled: true, renderMode: 'failIfMissing' } }, /podMonitor\.renderMode/],
]

for (const [what, values, ...words] of refused) {
  test(`${what} is refused`, { skip: unless('helm') }, async () => {
    const said = await render({ values }).then(
      () => 'nothing: it was rendered',
      (error: Error) => error.message,
    )
    for (const word of words) assert.match(said, word)
  })
}
