// Pods of gateways ask for the user of the image, and for none where the cluster assigns users as OpenShift does.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { V1PodSecurityContext } from '@kubernetes/client-node'
import { pino } from 'pino'
import { connectKube } from '../../operator/kube/kube-client.ts'
import { type PodUsers, usersAreAssigned } from '../../operator/pod-users.ts'
import { compile } from '../../operator/compile/compile.ts'
import { desired } from '../../operator/desired/desired.ts'
import { ownerOf } from '../../operator/desired/names.ts'
import { fieldsOf } from '../../crds/is-object.ts'
import { type Arrival, ScriptedApiServer } from './kube/scripted-api-server.ts'
import { settings } from './observed.ts'
import { policyWith } from './policy-object.ts'

type Answer = (arrival: Arrival) => void
const served: Answer = (arrival) => arrival.json(200, { kind: 'APIGroup', apiVersion: 'v1', name: 'security.openshift.io' })
const absent: Answer = (arrival) => arrival.refuse(404, 'NotFound')
const forbidden: Answer = (arrival) => arrival.refuse(403, 'Forbidden')
const broken: Answer = (arrival) => arrival.refuse(500, 'InternalError')

interface Case {
  readonly what: string
  readonly users: PodUsers
  /** One after the other. */
  readonly answers: readonly Answer[]
  readonly assigned: boolean
}

const cases: readonly Case[] = [
  { what: 'on OpenShift, users are assigned', users: 'auto', answers: [served], assigned: true },
  { what: 'elsewhere, they are fixed', users: 'auto', answers: [absent], assigned: false },
  { what: 'without the permission to ask, they are fixed', users: 'auto', answers: [forbidden], assigned: false },
  { what: 'an API server that has an error is asked again', users: 'auto', answers: [broken, served], assigned: true },
  { what: 'fixed is not asked', users: 'fixed', answers: [], assigned: false },
  { what: 'assigned is not asked', users: 'assigned', answers: [], assigned: true },
]

for (const { what, users, answers, assigned } of cases) {
  test(what, async (t) => {
    const server = await ScriptedApiServer.start()
    t.after(() => server.close())
    const asked: string[] = []
    server.answer = (arrival) => {
      answers[Math.min(asked.push(`${arrival.method} ${arrival.path}`), answers.length) - 1]?.(arrival)
    }
    const client = connectKube({ kubeconfig: server.kubeconfig, userAgent: 'test' })
    t.after(() => client.close())
    const found = await usersAreAssigned(users, { client, log: pino({ level: 'silent' }), over: new AbortController().signal })
    assert.equal(found, assigned)
    assert.ok(asked.length >= answers.length)
    assert.deepEqual([...new Set(asked)], answers.length === 0 ? [] : ['GET /apis/security.openshift.io'])
  })
}

test('an operator that stops does not wait for the answer', async (t) => {
  const server = await ScriptedApiServer.start()
  t.after(() => server.close())
  const over = new AbortController()
  server.answer = () => over.abort()
  const client = connectKube({ kubeconfig: server.kubeconfig, userAgent: 'test' })
  t.after(() => client.close())
  assert.equal(await usersAreAssigned('auto', { client, log: pino({ level: 'silent' }), over: over.signal }), undefined)
})

function contextOf(kind: 'DaemonSet' | 'Deployment', areAssigned: boolean, more: object = {}): V1PodSecurityContext {
  const policy = policyWith({ gateway: { kind, ...more } })
  const made = compile(policy, new Map())
  if ('problems' in made) throw new Error(JSON.stringify(made.problems))
  const found = desired(ownerOf(policy), made.compiled, { ...settings, usersAreAssigned: areAssigned }).find((one) => one.kind === kind)
  return fieldsOf(fieldsOf(fieldsOf(fieldsOf(found?.['spec'])['template'])['spec'])['securityContext'])
}

const restricted = { runAsNonRoot: true, seccompProfile: { type: 'RuntimeDefault' } }

for (const kind of ['Deployment', 'DaemonSet'] as const) {
  test(`the pods of a ${kind} ask for no user where the cluster assigns it, and stay restricted`, () => {
    assert.deepEqual(contextOf(kind, true), restricted)
    assert.equal(contextOf(kind, false).runAsUser, 65_532)
    assert.equal(contextOf(kind, false).fsGroup, 65_532)
  })
}

test('a patch can still ask for a group', () => {
  const patch = { deployment: { spec: { template: { spec: { securityContext: { fsGroup: 2000 } } } } } }
  assert.deepEqual(contextOf('Deployment', true, { patch }), { ...restricted, fsGroup: 2000 })
})
