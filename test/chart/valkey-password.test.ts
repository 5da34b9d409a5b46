// The password of the chart's Valkey stays the same: it is in a Secret of your own, or in one that an upgrade finds in the cluster. Helm 3 and Helm 4.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import type { KubeObject } from '../../operator/kube/object.ts'
import { type Arrival, ScriptedApiServer } from '../operator/kube/scripted-api-server.ts'
import { helm3Program, helmProgram } from '../peers/helm.ts'
import { unless } from '../peers/require.ts'
import { chartFolder } from './render.ts'

const helms = [
  { name: 'Helm 4', path: helmProgram, skip: unless('helm') },
  { name: 'Helm 3', path: helm3Program, skip: process.arch === 'x64' ? unless('helm3') : 'there is a Helm 3 to fetch for x86-64 only' },
]

const encoded = (text: string): string => Buffer.from(text).toString('base64')
const secretOf = (password: string): object => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name: 'postscreen-valkey',
    namespace: 'mail',
    labels: { 'app.kubernetes.io/managed-by': 'Helm' },
    annotations: { 'meta.helm.sh/release-name': 'postscreen', 'meta.helm.sh/release-namespace': 'mail' },
  },
  data: { password: encoded(password) },
})
const namespaceOf = (name: string): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } })

/** What the objects of the chart are, as an API server lists it: Helm looks up each kind. */
const kinds: Readonly<Record<string, readonly string[]>> = {
  v1: ['Namespace', 'Secret', 'Service', 'ServiceAccount', 'ConfigMap'],
  'apps/v1': ['Deployment', 'StatefulSet'],
  'coordination.k8s.io/v1': ['Lease'],
  'policy/v1': ['PodDisruptionBudget'],
  'networking.k8s.io/v1': ['NetworkPolicy'],
  'rbac.authorization.k8s.io/v1': ['Role', 'RoleBinding', 'ClusterRole', 'ClusterRoleBinding'],
  'apiextensions.k8s.io/v1': ['CustomResourceDefinition'],
  'admissionregistration.k8s.io/v1': ['ValidatingAdmissionPolicy', 'ValidatingAdmissionPolicyBinding'],
}
const plural = (kind: string): string => kind.toLowerCase().replace(/y$/, 'ie') + 's'
const isClusterScoped = (kind: string): boolean => /^(Namespace|Cluster.*|Custom.*|Validating.*)$/.test(kind)
const resourceList = (groupVersion: string): object => ({
  kind: 'APIResourceList',
  groupVersion,
  resources: (kinds[groupVersion] ?? []).map((kind) => ({ name: plural(kind), kind, namespaced: !isClusterScoped(kind), verbs: ['get'] })),
})
const groups = Object.keys(kinds).filter((groupVersion) => groupVersion !== 'v1')

const discovery: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '36', gitVersion: 'v1.36.3' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': {
    kind: 'APIGroupList',
    apiVersion: 'v1',
    groups: groups.map((groupVersion) => {
      const [name, version] = groupVersion.split('/')
      return { name, versions: [{ groupVersion, version }], preferredVersion: { groupVersion, version } }
    }),
  },
  '/api/v1': resourceList('v1'),
  ...Object.fromEntries(groups.map((groupVersion) => [`/apis/${groupVersion}`, resourceList(groupVersion)])),
}

let server: ScriptedApiServer
/** What the cluster has, by path. */
let objects: Readonly<Record<string, object>> = {}
let asked: string[] = []

before(async () => {
  server = await ScriptedApiServer.start()
  server.answer = (arrival: Arrival): void => {
    asked.push(arrival.path)
    const found = discovery[arrival.path] ?? objects[arrival.path]
    if (found === undefined) arrival.refuse(404, 'NotFound')
    else arrival.json(200, found)
  }
})
after(() => server.close())

interface Secret extends KubeObject {
  readonly data: Readonly<Record<string, string>>
}

for (const { name, path, skip } of helms)
  describe(name, { skip }, () => {
    /** Renders a release with a Valkey; rejects with what Helm says. */
    async function rendered(args: readonly string[]): Promise<readonly KubeObject[]> {
      const all = ['template', 'postscreen', chartFolder, '--namespace', 'mail', '--set', 'valkey.enabled=true', ...args]
      const { stdout } = await promisify(execFile)(path() ?? '', all, { maxBuffer: 64 << 20 })
      return loadAll(stdout).filter((object) => object !== null && object !== undefined) as KubeObject[]
    }

    /** The Secret of a rendering with access to a cluster that has these objects. */
    async function secretIn(found: Readonly<Record<string, object>>): Promise<Secret | undefined> {
      objects = found
      asked = []
      const all = await rendered(['--dry-run=server', '--disable-openapi-validation', '--kubeconfig', server.kubeconfig])
      return all.find(({ kind }) => kind === 'Secret') as Secret | undefined
    }

    test('a rendering without a cluster, as of Argo CD, is refused with a sentence that names existingSecret', async () => {
      await assert.rejects(rendered([]), ({ stderr }: { readonly stderr: string }) => {
        assert.match(stderr, /valkey\.auth\.existingSecret is required where the chart is rendered without access to the cluster/)
        assert.match(stderr, /Create a Secret with the key password, and set valkey\.auth\.existingSecret to its name/)
        return true
      })
    })

    test('it is refused too when the tool tells the APIs of the cluster, and for an upgrade', async () => {
      for (const args of [['--api-versions', 'apiregistration.k8s.io/v1', '--kube-version', '1.36.3'], ['--is-upgrade']])
        await assert.rejects(rendered(args), ({ stderr }: { readonly stderr: string }) =>
          /valkey\.auth\.existingSecret is required/.test(stderr),
        )
    })

    test('with existingSecret, and without a password, two renderings without a cluster are the same', async () => {
      for (const set of ['valkey.auth.existingSecret=own', 'valkey.auth.enabled=false']) {
        const first = await rendered(['--set', set])
        assert.deepEqual(await rendered(['--set', set]), first)
        assert.equal(
          first.find(({ kind }) => kind === 'Secret'),
          undefined,
        )
        assert.ok(first.some(({ kind, metadata }) => kind === 'StatefulSet' && metadata.name === 'postscreen-valkey'))
      }
    })

    test('an upgrade keeps the password that is in the cluster', async () => {
      const secret = await secretIn({ '/api/v1/namespaces/mail/secrets/postscreen-valkey': secretOf('kept') })
      assert.equal(secret?.data['password'], encoded('kept'))
      assert.equal(secret?.data['url'], encoded('redis://:kept@postscreen-valkey.mail.svc:6379/0'))
    })

    test('an installation makes a random password, and its URL has the same', async () => {
      const found = { '/api/v1/namespaces/mail': namespaceOf('mail') }
      const [first, second] = [await secretIn(found), await secretIn(found)]
      const password = Buffer.from(first?.data['password'] ?? '', 'base64').toString()
      assert.match(password, /^[A-Za-z0-9]{32}$/)
      assert.equal(first?.data['url'], encoded(`redis://:${password}@postscreen-valkey.mail.svc:6379/0`))
      assert.notEqual(second?.data['password'], first?.data['password'])
    })

    test('a user with rights in one namespace needs no other one', async () => {
      await secretIn({ '/api/v1/namespaces/mail': namespaceOf('mail') })
      assert.ok(asked.includes('/api/v1/namespaces/mail'))
      assert.ok(!asked.includes('/api/v1/namespaces/default'))
    })

    test('an installation with --create-namespace, whose namespace is not there yet', async () => {
      const secret = await secretIn({ '/api/v1/namespaces/default': namespaceOf('default') })
      assert.match(Buffer.from(secret?.data['password'] ?? '', 'base64').toString(), /^[A-Za-z0-9]{32}$/)
    })
  })

/** Where templates make a value that is another one in the next rendering. */
test('no other value of the chart is random or generated', { skip: unless('helm') }, async () => {
  const { stdout } = await promisify(execFile)('grep', [
    '-rnE',
    String.raw`\b(rand[A-Z]\w*|uuidv4|now|htmlDate|gen[A-Z]\w*|derivePassword|bcrypt|htpasswd|encryptAES|shuffle|lookup)\b`,
    `${chartFolder}/templates`,
  ])
  for (const line of stdout.trim().split('\n')) assert.match(line, /templates\/valkey\/secret\.yaml:/)
})
