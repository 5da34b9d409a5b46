// What the client sends for each verb, what it makes of answers, and that no server can keep it waiting or fill its memory.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import type { KubeClient } from '../../../operator/kube/kube-client.ts'
import { resources } from '../../../operator/kube/resource.ts'
import { policy } from './objects.ts'
import { type Arrival, ScriptedApiServer } from './scripted-api-server.ts'
import { until } from './virtual-clock.ts'
import { failure, withClient } from './with-client.ts'

const { PostscreenPolicy, ConfigMap, Pod } = resources
let server: ScriptedApiServer
before(async () => {
  server = await ScriptedApiServer.start()
})
after(() => server.close())

const one = policy('mx', '7')
const all = '/apis/postscreen.dev/v1alpha1/namespaces/mail/postscreenpolicies'

interface VerbCase {
  readonly what: string
  readonly call: (client: KubeClient) => Promise<unknown>
  readonly sends: string
  readonly type?: string
  readonly body?: object
}

const verbs: readonly VerbCase[] = [
  { what: 'get', call: (client) => client.get(PostscreenPolicy, 'mail', 'mx'), sends: `GET ${all}/mx` },
  {
    what: 'apply',
    call: (client) => client.apply(one, { fieldManager: 'postscreen-operator', force: true }),
    sends: `PATCH ${all}/mx?fieldManager=postscreen-operator&force=true`,
    type: 'application/apply-patch+yaml',
    body: one,
  },
  {
    what: 'a rehearsed apply of the status',
    call: (client) => client.apply(one, { fieldManager: 'me & you', subresource: 'status', dryRun: true }),
    sends: `PATCH ${all}/mx/status?fieldManager=me+%26+you&dryRun=All`,
    type: 'application/apply-patch+yaml',
    body: one,
  },
  { what: 'create', call: (client) => client.create(one), sends: `POST ${all}`, type: 'application/json', body: one },
  { what: 'replace', call: (client) => client.replace(one), sends: `PUT ${all}/mx`, type: 'application/json', body: one },
  {
    what: 'patch',
    call: (client) => client.patch(PostscreenPolicy, 'mail', 'mx', { metadata: { labels: { a: null } } }),
    sends: `PATCH ${all}/mx`,
    type: 'application/merge-patch+json',
    body: { metadata: { labels: { a: null } } },
  },
  {
    what: 'delete',
    call: (client) => client.delete(PostscreenPolicy, 'mail', 'mx'),
    sends: `DELETE ${all}/mx`,
    type: 'application/json',
    body: { kind: 'DeleteOptions', apiVersion: 'v1' },
  },
  {
    what: 'delete of one with a uid',
    call: (client) => client.delete(PostscreenPolicy, 'mail', 'mx', { uid: 'u-1', propagationPolicy: 'Background' }),
    sends: `DELETE ${all}/mx`,
    type: 'application/json',
    body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'u-1' }, propagationPolicy: 'Background' },
  },
]

function sentBy({ method, path, query }: Arrival): string {
  return `${method} ${path}${query.size === 0 ? '' : `?${query.toString()}`}`
}

for (const { what, call, sends, type, body } of verbs) {
  test(`${what} is sent as the API server wants it`, () =>
    withClient(server, async (client) => {
      const result = call(client)
      const arrival = await server.next()
      assert.equal(sentBy(arrival), sends)
      assert.equal(arrival.headers['content-type'], type)
      assert.equal(arrival.headers.authorization, 'Bearer a-token')
      assert.equal(arrival.headers['user-agent'], 'test/1')
      assert.deepEqual(arrival.body === '' ? undefined : JSON.parse(arrival.body), body)
      arrival.json(200, one)
      assert.deepEqual(await result, arrival.method === 'DELETE' ? undefined : one)
    }))
}

test('an object that does not exist is undefined, and may be deleted', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => arrival.refuse(404, 'NotFound', 'policies "mx" not found')
    assert.equal(await client.get(PostscreenPolicy, 'mail', 'mx'), undefined)
    await client.delete(PostscreenPolicy, 'mail', 'mx')
    assert.equal((await failure(client.patch(PostscreenPolicy, 'mail', 'mx', {}))).status, 404)
    assert.equal((await failure(client.replace(one))).status, 404)
  }))

test('a 404 that is not the API server’s word does not mean that an object is gone', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => {
      arrival.begin(404)
      arrival.raw('404 page not found\n')
      arrival.end()
    }
    assert.equal((await failure(client.get(PostscreenPolicy, 'mail', 'mx'))).status, 404)
    assert.equal((await failure(client.delete(PostscreenPolicy, 'mail', 'mx'))).status, 404)
  }))

test('a list has its items named after the kind that was asked for', () =>
  withClient(server, async (client) => {
    const result = client.list(Pod, { namespace: 'mail', labelSelector: 'a in (b,c)', fieldSelector: 'status.phase=Running', limit: 2 })
    const arrival = await server.next()
    assert.equal(arrival.path, '/api/v1/namespaces/mail/pods')
    assert.deepEqual(Object.fromEntries(arrival.query), { labelSelector: 'a in (b,c)', fieldSelector: 'status.phase=Running', limit: '2' })
    arrival.json(200, {
      kind: 'PodList',
      apiVersion: 'v1',
      metadata: { resourceVersion: '9', continue: 'n' },
      items: [{ metadata: { name: 'a' } }],
    })
    assert.deepEqual(await result, {
      items: [{ apiVersion: 'v1', kind: 'Pod', metadata: { name: 'a' } }],
      resourceVersion: '9',
      continue: 'n',
    })
  }))

test('the next page of a list is asked for by its token', () =>
  withClient(server, async (client) => {
    const result = client.list(Pod, { continue: 'n=&', resourceVersion: '0' })
    const arrival = await server.next()
    assert.deepEqual(Object.fromEntries(arrival.query), { continue: 'n=&', resourceVersion: '0' })
    arrival.json(200, { metadata: { resourceVersion: '9' }, items: null })
    assert.deepEqual(await result, { items: [], resourceVersion: '9' })
  }))

test('a list of metadata only asks for that, and gives objects of the kind', () =>
  withClient(server, async (client) => {
    const result = client.list(ConfigMap, { metadataOnly: true })
    const arrival = await server.next()
    assert.equal(arrival.headers.accept, 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1')
    const item = { kind: 'PartialObjectMetadata', apiVersion: 'meta.k8s.io/v1', metadata: { name: 'a' } }
    arrival.json(200, { kind: 'PartialObjectMetadataList', metadata: { resourceVersion: '9' }, items: [item] })
    assert.deepEqual((await result).items, [{ kind: 'ConfigMap', apiVersion: 'v1', metadata: { name: 'a' } }])
  }))

const nonsense: readonly [what: string, body: string][] = [
  ['no JSON', '{"metadata": {"name": "secret-word'],
  ['nothing', ''],
  ['null', 'null'],
  ['a number', '5'],
  ['a list without a version', '{"metadata":{},"items":[]}'],
  ['a list whose version is a number', '{"metadata":{"resourceVersion":5},"items":[]}'],
  ['a list whose items are not a list', '{"metadata":{"resourceVersion":"5"},"items":{}}'],
  ['a list of an item without a name', '{"metadata":{"resourceVersion":"5"},"items":[{"metadata":{}}]}'],
  ['a list of another kind', '{"metadata":{"resourceVersion":"5"},"items":[{"kind":"Secret","apiVersion":"v1","metadata":{"name":"a"}}]}'],
]

for (const [what, body] of nonsense) {
  test(`an answer that is ${what} is a bad answer, and is not quoted`, () =>
    withClient(server, async (client) => {
      server.answer = (arrival) => {
        arrival.begin()
        arrival.raw(`${body} `)
        arrival.end()
      }
      const error = await failure(client.list(Pod))
      assert.equal(error.reason, 'BadAnswer')
      assert.equal(error.status, 0)
      assert.ok(!error.message.includes('secret-word'))
      assert.equal((await failure(client.get(Pod, 'mail', 'a'))).reason, 'BadAnswer')
    }))
}

test('a refusal has its reason, and the time to wait', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => arrival.refuse(429, 'TooManyRequests', 'slow down', { 'retry-after': '2' })
    const error = await failure(client.list(Pod))
    assert.deepEqual([error.status, error.reason, error.retryAfterMs], [429, 'TooManyRequests', 2000])
    assert.equal(error.message, 'list v1/pods: 429 TooManyRequests: slow down')
  }))

test('a refusal that never ends is cut off', () =>
  withClient(server, async (client) => {
    server.answer = (arrival) => {
      arrival.begin(500)
      arrival.raw('x'.repeat(200_000))
    }
    assert.equal((await failure(client.list(Pod))).message, 'list v1/pods: 500')
  }))

test('an answer that is too long is cut off', () =>
  withClient(
    server,
    async (client) => {
      server.answer = (arrival) => {
        arrival.begin()
        arrival.raw(' '.repeat(5000))
      }
      assert.equal((await failure(client.list(Pod))).reason, 'TooLarge')
      assert.equal((await failure(client.get(Pod, 'mail', 'mx'))).reason, 'TooLarge')
      await until(() => server.arrivals.every((arrival) => arrival.isAbandoned || arrival.path !== '/api/v1/pods'), 'hanging up')
    },
    { limits: { list: 4000, object: 3000 } },
  ))
