// How a pod finds its own cluster.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import type { RequestOptions } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { KubeConfig } from '@kubernetes/client-node'
import { inClusterConfig } from '../../../operator/kube/in-cluster-config.ts'

let folder: string
const environment = { KUBERNETES_SERVICE_HOST: '10.96.0.1', KUBERNETES_SERVICE_PORT: '443' }

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'service-account-'))
  writeFileSync(join(folder, 'token'), 'first\n')
  writeFileSync(join(folder, 'ca.crt'), 'certificate')
})

after(() => rmSync(folder, { recursive: true }))

async function options(): Promise<RequestOptions> {
  const made: RequestOptions = {}
  await inClusterConfig(environment, folder)?.applyToHTTPSOptions(made)
  return made
}

test('the server comes from the environment', () => {
  assert.equal(inClusterConfig(environment, folder)?.getCurrentCluster()?.server, 'https://10.96.0.1:443')
})

test('an IPv6 address is put in brackets', () => {
  const config = inClusterConfig({ ...environment, KUBERNETES_SERVICE_HOST: 'fd00::1' }, folder)
  assert.equal(config?.getCurrentCluster()?.server, 'https://[fd00::1]:443')
})

test('outside of a pod there is none', () => {
  assert.equal(inClusterConfig({}, folder), undefined)
  assert.equal(inClusterConfig(environment, join(folder, 'nowhere')), undefined)
})

test('a token that was rotated is the next one to be sent', async () => {
  assert.deepEqual((await options()).headers, { Authorization: 'Bearer first' })
  writeFileSync(join(folder, 'token'), 'second')
  assert.deepEqual((await options()).headers, { Authorization: 'Bearer second' })
})

test('the certificate authority is the mounted one', async () => {
  assert.equal(String((await options()).ca), 'certificate')
})

test('KubeConfig has the two methods that are used, so that either will do', () => {
  const config = new KubeConfig()
  assert.equal(typeof config.getCurrentCluster, 'function')
  assert.equal(typeof config.applyToHTTPSOptions, 'function')
})
