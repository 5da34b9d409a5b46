// Each linter of `npm run lint:manifests` finds a fault that is planted, and finds nothing where there is none.
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { unless } from '../peers/require.ts'
import type { Finding } from './finding.ts'
import type { Role } from './inputs.ts'
import { linters } from './linters.ts'
import { writeCustomSchemas } from './schemas.ts'
import { linterNames, root } from './tools.ts'

const skip = unless('linters')
let scratch: string

before(() => {
  scratch = mkdtempSync(join(tmpdir(), 'lint-test.'))
  writeCustomSchemas(join(scratch, 'own'), join(root, 'crds'))
})
after(() => rmSync(scratch, { recursive: true }))

/** What a linter finds in files with these names and texts. */
async function findings(linter: string, role: Role, texts: ReadonlyMap<string, string>): Promise<readonly Finding[]> {
  const folder = mkdtempSync(join(scratch, 'input-'))
  const found = linters.find((one) => one.name === linter)
  assert.ok(found?.roles.includes(role) === true, `${linter} does not read ${role}`)
  const inputs = [...texts].map(([name, text]) => {
    const file = join(folder, name)
    mkdirSync(dirname(file), { recursive: true })
    writeFileSync(file, text)
    return { name, role, file }
  })
  if (found === undefined) throw new Error(`there is no linter ${linter}`)
  return await found.lint(inputs, join(scratch, 'own'))
}

const policy = `apiVersion: postscreen.dev/v1alpha1
kind: PostscreenPolicy
metadata: {name: mx, namespace: mail}
spec:
  backend: {service: {name: postfix, port: 10025}}
  greet: {action: Enforce}
`

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: mail}
spec:
  replicas: 2
  selector: {matchLabels: {app: a}}
  template:
    metadata: {labels: {app: a}}
    spec:
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532, seccompProfile: {type: RuntimeDefault}}
      topologySpreadConstraints:
        - {maxSkew: 1, topologyKey: kubernetes.io/hostname, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {app: a}}}
      affinity:
        podAntiAffinity:
          requiredDuringSchedulingIgnoredDuringExecution: [{topologyKey: kubernetes.io/hostname, labelSelector: {matchLabels: {app: a}}}]
      containers:
        - name: a
          image: registry.example.com/a@sha256:${'a'.repeat(64)}
          imagePullPolicy: Always
          ports: [{containerPort: 8080}]
          resources:
            requests: {cpu: 50m, memory: 64Mi, ephemeral-storage: 1Mi}
            limits: {cpu: 50m, memory: 64Mi, ephemeral-storage: 1Mi}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, privileged: false, capabilities: {drop: [ALL]}}
          livenessProbe: {httpGet: {path: /healthz, port: 8080}}
          readinessProbe: {httpGet: {path: /readyz, port: 8080}}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: a, namespace: mail}
spec: {minAvailable: 1, selector: {matchLabels: {app: a}}}
---
apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: a, namespace: mail}
spec: {podSelector: {matchLabels: {app: a}}, policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]}
`

const monitor = `apiVersion: monitoring.coreos.com/v1
kind: ServiceMonitor
metadata: {name: a, namespace: mail}
spec: {selector: {matchLabels: {app: a}}, endpoints: [{port: metrics}]}
`

const workflow = 'name: a\non: push\npermissions: {}\njobs: {a: {runs-on: ubuntu-24.04, steps: [{run: make}]}}\n'
const rules = "groups:\n  - name: a\n    rules:\n      - {alert: A, expr: 'up == 0', labels: {severity: warning}}\n"
const dockerfile = 'FROM debian:12-slim\nHEALTHCHECK CMD ["true"]\nUSER 65532\n'

interface Case {
  readonly linter: string
  readonly role: Role
  readonly name: string
  readonly good: string
  /** A fault: what it is, what is replaced by what, and the rule that finds it. */
  readonly faults: readonly (readonly [string, string, string, string])[]
}

const cases: readonly Case[] = [
  {
    linter: 'kubeconform',
    role: 'objects',
    name: 'a.yaml',
    good: deployment,
    faults: [
      ['an unknown field', 'replicas: 2', 'replica: 2', 'invalid'],
      ['a wrong type', 'replicas: 2', 'replicas: two', 'invalid'],
      ['a missing field', '  selector: {matchLabels: {app: a}}\n  template', '  template', 'invalid'],
      ['a kind that Kubernetes does not have', 'kind: PodDisruptionBudget', 'kind: PodDisruptionBudgt', 'no-schema'],
    ],
  },
  {
    linter: 'kubeconform',
    role: 'objects',
    name: 'a.yaml',
    good: policy,
    faults: [
      ['a misspelt field of a policy', 'action:', 'actoin:', 'invalid'],
      ['a choice that a policy does not have', 'Enforce', 'Refuse', 'invalid'],
    ],
  },
  {
    linter: 'kubeconform',
    role: 'objects',
    name: 'a.yaml',
    good: monitor,
    faults: [['a misspelt field of a ServiceMonitor', 'endpoints', 'endpoint', 'invalid']],
  },
  {
    linter: 'kubectl-validate',
    role: 'snippets',
    name: 'a.yaml',
    good: deployment,
    faults: [
      ['an unknown field', 'replicas: 2', 'replica: 2', 'FieldValueInvalid'],
      ['a wrong type', 'replicas: 2', 'replicas: two', 'FieldValueTypeInvalid'],
    ],
  },
  {
    linter: 'kubectl-validate',
    role: 'objects',
    name: 'a.yaml',
    good: policy,
    faults: [
      ['a misspelt field of a policy', 'action:', 'actoin:', 'FieldValueInvalid'],
      ['a policy with two kinds of mail servers', 'backend: {', "backend: {addresses: ['192.0.2.1:25'], ", 'FieldValueInvalid'],
    ],
  },
  {
    linter: 'kube-score',
    role: 'objects',
    name: 'a.yaml',
    good: deployment,
    faults: [
      [
        'no memory limit',
        'memory: 64Mi, ephemeral-storage: 1Mi}\n          security',
        'ephemeral-storage: 1Mi}\n          security',
        'container-resources',
      ],
      ['a tag that moves', `@sha256:${'a'.repeat(64)}`, ':latest', 'container-image-tag'],
      [
        'a budget for other pods',
        'minAvailable: 1, selector: {matchLabels: {app: a}}',
        'minAvailable: 1, selector: {matchLabels: {app: b}}',
        'deployment-has-poddisruptionbudget',
      ],
    ],
  },
  {
    linter: 'checkov',
    role: 'objects',
    name: 'a.yaml',
    good: deployment,
    faults: [['a privileged container', 'privileged: false', 'privileged: true', 'CKV_K8S_16']],
  },
  {
    linter: 'checkov',
    role: 'dockerfile',
    name: 'a.dockerfile',
    good: dockerfile,
    faults: [['an image that runs as root', 'USER 65532', 'USER root', 'CKV_DOCKER_8']],
  },
  {
    linter: 'checkov',
    role: 'yaml',
    name: '.github/workflows/a.yaml',
    good: workflow,
    faults: [['a workflow that may write everything', 'permissions: {}', 'permissions: write-all', 'CKV2_GHA_1']],
  },
  {
    linter: 'yamllint',
    role: 'yaml',
    name: 'a.yaml',
    good: 'a: 1\nb: [1, 2]\n',
    faults: [
      ['the same key twice', 'b:', 'a:', 'key-duplicates'],
      ['blanks at the end of a line', 'a: 1', 'a: 1 ', 'trailing-spaces'],
      ['text that is not YAML', 'b: [', 'b: ]', 'syntax'],
    ],
  },
  {
    linter: 'promtool',
    role: 'rules',
    name: 'a.yaml',
    good: rules,
    faults: [
      ['an expression that Prometheus cannot parse', 'up == 0', 'up === 0', 'rules'],
      ['no rules', 'rules:', 'rulez:', 'rules'],
    ],
  },
  {
    linter: 'hadolint',
    role: 'dockerfile',
    name: 'a.dockerfile',
    good: dockerfile,
    faults: [
      ['an image without tag', 'debian:12-slim', 'debian', 'DL3006'],
      ['a directory that is not absolute', 'USER 65532', 'WORKDIR app', 'DL3000'],
    ],
  },
  {
    linter: 'shellcheck',
    role: 'script',
    name: 'a.sh',
    good: '#!/bin/sh\necho "$1"\n',
    faults: [['a variable without quotes', '"$1"', '$1', 'SC2086']],
  },
]

test('every linter has a case, and is looked for', () => {
  const names = linters.map(({ name }) => name)
  assert.deepEqual(new Set(cases.map(({ linter }) => linter)), new Set(names))
  assert.deepEqual(names.toSorted(), linterNames.toSorted())
})

/** The files of a case, by what is in them: `good`, or a fault. */
const fileOf = ({ name }: Case, at: number): string => name.replace('a', () => (at < 0 ? 'good' : `fault-${at}`))

for (const one of cases)
  describe(`${one.linter}, ${one.name}`, { skip }, () => {
    const { linter, role, good, faults } = one
    /** Of all files of the case at once: checkov takes seconds to start. */
    let found: readonly Finding[]

    before(async () => {
      for (const [, from] of faults) assert.ok(good.includes(from), from)
      const wrong = faults.map(([, from, to], at): [string, string] => [fileOf(one, at), good.replace(from, to)])
      found = await findings(linter, role, new Map([[fileOf(one, -1), good], ...wrong]))
    })

    test('finds nothing where there is no fault', () => {
      assert.deepEqual(
        found.filter(({ input }) => input === fileOf(one, -1)),
        [],
      )
    })

    for (const [at, [what, , , rule]] of faults.entries())
      test(`finds ${what}`, () => {
        const here = found.filter(({ input }) => input === fileOf(one, at))
        assert.ok(
          here.some((finding) => finding.linter === linter && finding.rule === rule),
          JSON.stringify(here),
        )
      })
  })

test('a linter that cannot run rejects, and does not find nothing', { skip }, async () => {
  const file = join(scratch, 'nowhere', 'a.yaml')
  for (const linter of linters)
    for (const role of linter.roles.filter((one) => one !== 'snippets')) {
      // checkov reads workflows only, of all YAML.
      const name = role === 'yaml' ? '.github/workflows/a.yaml' : 'a'
      const result = linter.lint([{ name, role, file }], join(scratch, 'own'))
      await result.then(
        (found) => assert.notDeepEqual(found, [], `${linter.name} ${role}`),
        (error: unknown) => assert.ok(error instanceof Error),
      )
    }
})

test('the schemas are those of the version of Kubernetes in the test cluster', { skip }, async () => {
  const pod = 'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {hostnameOverride: a, containers: [{name: a, image: a}]}\n'
  // hostnameOverride exists since Kubernetes 1.34.
  for (const linter of ['kubeconform', 'kubectl-validate'])
    assert.deepEqual(await findings(linter, 'objects', new Map([['pod.yaml', pod]])), [])
})

test('CI builds the linters before the tests, which need them, and runs them', () => {
  const steps = readFileSync(join(root, '.ci/run'), 'utf8')
  assert.match(steps, /^step test\/lint\/build\nstep npm test\nstep npm run lint:manifests$/m)
})
