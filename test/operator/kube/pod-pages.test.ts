// Pages and logs of pods through the API server, and the context of a kubeconfig.
import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { connectKube } from '../../../operator/kube/kube-client.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import { kubeconfigNamespace, staticKubeconfig } from '../../../operator/kube/static-kubeconfig.ts'
import { ScriptedApiServer } from './scripted-api-server.ts'

let server: ScriptedApiServer
before(async () => {
  server = await ScriptedApiServer.start()
})
after(() => server.close())

const connect = () => connectKube({ kubeconfig: server.kubeconfig, userAgent: 'test/1' })
const log = '/api/v1/namespaces/mail/pods/mx-a/log'

describe('a log', () => {
  test('comes in pieces as the pod writes it, and ends with it', async () => {
    const client = connect()
    const pieces: string[] = []
    const reading = (async () => {
      const wanted = { container: 'gateway', follow: true, tailLines: 5, sinceSeconds: 60 }
      for await (const piece of client.podLog('mail', 'mx-a', wanted, new AbortController().signal))
        pieces.push(Buffer.from(piece).toString())
    })()
    const arrival = await server.next()
    assert.equal(`${arrival.path}?${String(arrival.query)}`, `${log}?container=gateway&tailLines=5&sinceSeconds=60&follow=true`)
    arrival.begin()
    arrival.raw('one\ntw')
    arrival.raw('o\n')
    arrival.end()
    await reading
    assert.equal(pieces.join(''), 'one\ntwo\n')
    await client.close()
  })

  test('ends with a KubeError when it is given up', async () => {
    const client = connect()
    const stop = new AbortController()
    const reading = (async () => {
      for await (const _ of client.podLog('mail', 'mx-a', { container: 'gateway', follow: true }, stop.signal)) stop.abort()
    })()
    const arrival = await server.next()
    arrival.begin()
    arrival.raw('one\n')
    await assert.rejects(reading, (error) => error instanceof KubeError && error.reason === 'Aborted')
    await client.close()
  })

  test('that may not be read is a KubeError', async () => {
    const client = connect()
    const reading = (async () => {
      for await (const _ of client.podLog('mail', 'mx-a', { container: 'gateway' }, new AbortController().signal)) assert.fail('a piece')
    })()
    const arrival = await server.next()
    arrival.refuse(403, 'Forbidden')
    await assert.rejects(reading, (error) => error instanceof KubeError && error.status === 403)
    await client.close()
  })
})

test('a page of text comes as it is', async () => {
  const client = connect()
  const asked = client.podText('mail', 'mx-a', 2580, 'metrics')
  const arrival = await server.next()
  assert.equal(arrival.path, '/api/v1/namespaces/mail/pods/mx-a%3A2580/proxy/metrics')
  assert.equal(arrival.headers.accept, '*/*')
  arrival.begin()
  arrival.raw('a 1\n')
  arrival.end()
  assert.equal(await asked, 'a 1\n')
  await client.close()
})

test('a page that a pod refuses is a KubeError with what the pod says', async () => {
  for (const [type, text, said] of [
    [
      'text/plain; charset=utf-8',
      'the policy in force has no bans (spec.bans)\n',
      /: 503: the policy in force has no bans \(spec\.bans\)$/,
    ],
    ['text/html', '<h1>Busy</h1>', /: 503$/],
  ] as const) {
    const client = connect()
    const asked = client.podText('mail', 'mx-a', 2580, 'bans')
    const arrival = await server.next()
    arrival.begin(503, type)
    arrival.raw(text)
    arrival.end()
    await assert.rejects(asked, (error) => error instanceof KubeError && error.status === 503 && said.test(error.message))
    await client.close()
  }
})

describe('a kubeconfig with several contexts', () => {
  const folder = mkdtempSync(join(tmpdir(), 'contexts-'))
  after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'config')
  const cluster = (name: string) => ({ name, cluster: { server: `https://${name}.example` } })
  writeFileSync(
    file,
    JSON.stringify({
      'current-context': 'one',
      contexts: [
        { name: 'one', context: { cluster: 'one', user: 'me', namespace: 'mail' } },
        { name: 'two', context: { cluster: 'two', user: 'me' } },
      ],
      clusters: [cluster('one'), cluster('two')],
      users: [{ name: 'me', user: { exec: { command: 'login' } } }],
    }),
  )
  const withToken = join(folder, 'token')
  writeFileSync(
    withToken,
    JSON.stringify({ contexts: [{ name: 'two', context: { cluster: 'two' } }], clusters: [cluster('two')], 'current-context': '' }),
  )

  test('leads to the cluster of the context that is asked for', () => {
    assert.equal(staticKubeconfig(withToken, { context: 'two' }).getCurrentCluster()?.server, 'https://two.example')
    assert.throws(() => staticKubeconfig(withToken, { context: 'three' }), /the kubeconfig has no context "three"/)
    assert.throws(() => connectKube({ kubeconfig: file, context: 'three', userAgent: 'test/1' }), /has no context "three"/)
  })

  test('has the namespace of the context, also where its credentials need a program', () => {
    assert.equal(kubeconfigNamespace(file), 'mail')
    assert.equal(kubeconfigNamespace(file, { context: 'two' }), undefined)
    assert.equal(kubeconfigNamespace(join(folder, 'missing')), undefined)
  })
})
