// Story: a part of the control plane exits, as kube-scheduler does when the API server has been away for a minute. It is started again, and is-up says so.
// Runs alone: it ends parts of the control plane.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, test } from 'node:test'
import { leave } from './support/alarms.ts'
import { attempt, eventually, get, kubectl, namespace, run } from './support/kubectl.ts'
import { control, image, unlessOwnCluster } from './support/surroundings.ts'

const home = 'story-control-plane'
const skip = unlessOwnCluster('ends its scheduler')
const cluster = (...args: readonly string[]) => attempt(control() ?? '', args)
const scheduler = (): string => readFileSync(`${process.env['POSTSCREEN_CLUSTER_STATE']}/run/kube-scheduler.pid`, 'utf8').trim()

before(async () => {
  if (skip === false) await namespace(home)
})
after(async () => {
  if (skip === false) await leave(home)
})

test('pods are placed again after the scheduler has exited', { skip }, async () => {
  assert.equal((await cluster('is-up')).code, 0)
  const first = scheduler()
  await run('kill', ['-KILL', first])
  const { code, stderr } = await cluster('is-up')
  if (scheduler() === first) {
    assert.notEqual(code, 0)
    assert.match(stderr, /kube-scheduler is not/)
  }
  await eventually('everything works again', async () => (await cluster('is-up')).code === 0)
  assert.notEqual(scheduler(), first)
  await kubectl('run', 'placed', '-n', home, `--image=${image()}`, '--image-pull-policy=Never', '--', 'version')
  await eventually('the pod has a node', async () => (await get('pod', home, 'placed'))?.spec?.nodeName)
})
