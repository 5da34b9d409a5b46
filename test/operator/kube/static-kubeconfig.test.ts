// Our reader of kubeconfigs gives what KubeConfig of @kubernetes/client-node gives, and refuses what only that can do.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import { dump } from 'js-yaml'
import type { ClusterConfig } from '../../../operator/kube/in-cluster-config.ts'
import { staticKubeconfig } from '../../../operator/kube/static-kubeconfig.ts'

let folder: string
const server = 'https://api.example.com:6443'
const base64 = (text: string): string => Buffer.from(text).toString('base64')

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'kubeconfig-'))
  for (const name of ['ca.crt', 'tls.crt', 'tls.key', 'token']) writeFileSync(join(folder, name), `content of ${name}`)
})

after(() => rmSync(folder, { recursive: true }))

interface Written {
  readonly cluster?: object
  readonly user?: object
}

function write({ cluster = {}, user = {} }: Written, name = 'config'): string {
  const file = join(folder, name)
  const contexts = [
    { name: 'other', context: { cluster: 'b', user: 'b' } },
    { name: 'mine', context: { cluster: 'a', user: 'a' } },
  ]
  const clusters = [
    { name: 'a', cluster: { server, ...cluster } },
    { name: 'b', cluster: { server: 'https://b' } },
  ]
  const users = [
    { name: 'b', user: { token: 'b' } },
    { name: 'a', user },
  ]
  writeFileSync(file, dump({ apiVersion: 'v1', kind: 'Config', 'current-context': 'mine', clusters, users, contexts }))
  return file
}

/** What is used of a configuration, without what is undefined. */
async function used(config: ClusterConfig): Promise<unknown> {
  const options: RequestOptions = {}
  await config.applyToHTTPSOptions(options)
  const { ca, cert, key, auth, headers = {}, rejectUnauthorized, servername } = options
  const plain = { ca, cert, key, auth, headers, rejectUnauthorized, servername, cluster: config.getCurrentCluster() }
  return JSON.parse(JSON.stringify(plain))
}

async function library(file: string): Promise<unknown> {
  const config = new KubeConfig()
  config.loadFromFile(file)
  return used(config)
}

const cases: Readonly<Record<string, Written>> = {
  'a token': { user: { token: 'secret' } },
  'client certificate and authority as base64': {
    cluster: { 'certificate-authority-data': base64('ca') },
    user: { 'client-certificate-data': base64('cert'), 'client-key-data': base64('key') },
  },
  'client certificate and authority in files': {
    cluster: { 'certificate-authority': 'ca.crt' },
    user: { 'client-certificate': 'tls.crt', 'client-key': './tls.key' },
  },
  'user name and password': { user: { username: 'ann', password: 'secret' } },
  'another user to act as': { user: { token: 'secret', as: 'bob' } },
  'no verification of the server': { cluster: { 'insecure-skip-tls-verify': true } },
  'another name of the server, a proxy, a path': {
    cluster: { server: `${server}/k8s/`, 'tls-server-name': 'kubernetes', 'proxy-url': 'http://proxy:3128' },
  },
}

describe('a kubeconfig is read as KubeConfig reads it, with', () => {
  for (const [name, written] of Object.entries(cases)) {
    test(name, async () => {
      const file = write(written)
      assert.deepEqual(await used(staticKubeconfig(file)), await library(file))
    })
  }
})

describe('a kubeconfig', () => {
  test('can name a file with the token, which is read each time', async () => {
    const config = staticKubeconfig(write({ user: { tokenFile: 'token' } }))
    const options: RequestOptions = {}
    await config.applyToHTTPSOptions(options)
    assert.deepEqual(options.headers, { Authorization: 'Bearer content of token' })
  })

  test('of several files takes each name from the first file that has it', () => {
    const first = write({ cluster: { server: 'https://first' } }, 'first')
    const second = write({ cluster: { server: 'https://second' } }, 'second')
    const config = staticKubeconfig(undefined, { environment: { KUBECONFIG: `${first}:${second}` } })
    assert.equal(config.getCurrentCluster()?.server, 'https://first')
  })

  test('without a current cluster has none', () => {
    const file = join(folder, 'empty')
    writeFileSync(file, 'kind: Config')
    assert.equal(staticKubeconfig(file).getCurrentCluster(), null)
  })

  for (const field of ['exec', 'auth-provider']) {
    test(`that gets its credentials with ${field} is refused, with what to do`, () => {
      const file = write({ user: { [field]: { command: 'aws', name: 'oidc' } } })
      assert.throws(() => staticKubeconfig(file), new RegExp(`gets its credentials with ${field}.*run the command from a checkout`))
    })
  }
})
