// A client of the scripted API server, with a virtual clock, that must leave nothing behind.

import assert from 'node:assert/strict'
import { type ConnectOptions, connectKube, type KubeClient } from '../../../operator/kube/kube-client.ts'
import { KubeError } from '../../../operator/kube/kube-error.ts'
import type { ScriptedApiServer } from './scripted-api-server.ts'
import { until, VirtualClock } from './virtual-clock.ts'

/** Runs `use` with a client and a clock of its own; then no timer and no connection may be left. */
export async function withClient(
  server: ScriptedApiServer,
  use: (client: KubeClient, clock: VirtualClock) => Promise<void>,
  options: Partial<ConnectOptions> = {},
): Promise<void> {
  const clock = new VirtualClock()
  const client = connectKube({ kubeconfig: server.kubeconfig, userAgent: 'test/1', clock, ...options })
  try {
    await use(client, clock)
  } finally {
    await client.close()
    server.answer = undefined
  }
  assert.equal(clock.pending, 0, 'timers are left')
  await until(() => server.connections === 0, 'the end of all connections')
}

/** What the promise rejects with, which must be a KubeError. */
export async function failure(promise: Promise<unknown>): Promise<KubeError> {
  const error = await promise.then(
    () => assert.fail('it should have failed'),
    (caught: unknown) => caught,
  )
  assert.ok(error instanceof KubeError, String(error))
  return error
}
