// What no story may cause by the way: an alarm about DNS lists or about the addresses of clients.
import assert from 'node:assert/strict'
import { attempt, kubectl } from './kubectl.ts'

const watched = ['DNSBLHealthy', 'ClientAddressPreserved', 'SPFCurrent']
/** Reasons of events that say the same. A condition may be true again by now; its event stays. */
const said = /DNS list|addresses of clients are lost|shows what its record permits/i

interface Found {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly note?: string
    readonly type?: string
    readonly status?: { readonly conditions?: readonly Readonly<Record<string, string>>[] }
  }[]
}

async function listed(kind: string, namespace: string): Promise<Found['items']> {
  const { code, stdout } = await attempt('kubectl', ['get', kind, '-n', namespace, '-o', 'json'])
  return code === 0 ? (JSON.parse(stdout) as Found).items : []
}

/** Alarms of the policies in a namespace, in the words of the conditions and events. */
export async function alarmsIn(namespace: string): Promise<readonly string[]> {
  const policies = await listed('postscreenpolicies.postscreen.dev', namespace)
  const conditions = policies.flatMap(({ metadata: { name }, status }) =>
    (status?.conditions ?? [])
      .filter(({ type = '', status: is }) => watched.includes(type) && is === 'False')
      .map(({ type, reason, message }) => `${name}: ${type}: ${reason}: ${message}`),
  )
  const events = (await listed('events.events.k8s.io', namespace)).filter(({ type, note = '' }) => type === 'Warning' && said.test(note))
  return [...conditions, ...events.map(({ note = '' }) => note)]
}

/** The story is over: there was no such alarm, and its namespace goes. */
export async function leave(namespace: string): Promise<void> {
  const alarms = await alarmsIn(namespace)
  await kubectl('delete', 'namespace', namespace, '--ignore-not-found', '--wait=false')
  assert.deepEqual(alarms, [], 'false alarms')
}
