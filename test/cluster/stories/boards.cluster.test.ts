// Story: a real Prometheus scrapes gateways and operators of a cluster: the dashboard shows the clients that came, no alert fires without its
// fault, and those about mail servers and a missing operator do when it is brought about.
// Runs alone: it ends the operators.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { shownPanels } from '../../boards/dashboard.ts'
import { expectedOf } from '../../boards/expected.ts'
import { countedOf, queryOf } from '../../boards/panel-query.ts'
import { Prometheus, type Scraped } from '../../boards/prometheus.ts'
import { quickRules } from '../../boards/site.ts'
import { unless } from '../../peers/require.ts'
import { leave } from './support/alarms.ts'
import { apply, eventually, kubectl, list, namespace } from './support/kubectl.ts'
import { endOperator, restoreOperators } from './support/operator-pod.ts'
import { balancerAddress, gateway, policy, ready } from './support/policies.ts'
import { installed, system } from './support/release.ts'
import { deliver, visit, wasQueued } from './support/smtp-client.ts'

const home = 'story-boards'
const crowd = { zombies: 4, senders: 6 }
const patience = 300_000
const zombie = 'EHLO zombie\r\nMAIL FROM:<x@example.net>\r\nRCPT TO:<you@example.com>\r\nQUIT\r\n'

/** Panels about what this policy does not have: DNS lists, SPF, Audit mode, TLS; and those that need a day. */
const mayBeEmpty = (title: string, at: number): boolean => {
  const expected = expectedOf[title]?.[at]
  return expected?.is === 'none' || expected?.query === 'none' || title === 'DNS list replies'
}

describe('a real Prometheus in a cluster', { skip: unless('prometheus') }, () => {
  let prometheus: Prometheus

  const value = async (expr: string): Promise<number> => (await prometheus.query(expr))[0]?.value ?? 0
  const firing = async (): Promise<readonly string[]> =>
    (await prometheus.alerts()).filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? '')

  async function targets(): Promise<readonly Scraped[]> {
    const gateways = await list('pods', home, '-l', 'postscreen.dev/policy=mx')
    const operators = await list('pods', system, '-l', 'app.kubernetes.io/component=operator')
    return [
      ...gateways.map(({ metadata, status }) => ({
        address: `${status.podIP}:2580`,
        labels: { namespace: home, policy: 'mx', pod: metadata.name },
      })),
      ...operators.map(({ metadata, status }) => ({ address: `${status.podIP}:8080`, labels: { namespace: system, pod: metadata.name } })),
    ]
  }

  before(async () => {
    await installed()
    await restoreOperators()
    await namespace(home, {})
    await apply(policy(home, 'mx', { gateway: gateway() }))
    await ready(home, 'mx')
    prometheus = await Prometheus.start(await targets(), quickRules())
    await eventually('all pods are scraped', async () => (await value('min(count_over_time(up[1h]) * up)')) >= 3, patience)
  })
  after(async () => {
    await prometheus?.stop()
    await restoreOperators()
    await leave(home)
  })

  test('it counts the clients that came', async () => {
    const host = await balancerAddress(home, 'mx')
    const zombies = Array.from({ length: crowd.zombies }, (_, at) => visit({ host, client: 900 + at, early: zombie }))
    const senders = Array.from({ length: crowd.senders }, (_, at) => deliver({ host, client: 920 + at }))
    await Promise.all(zombies)
    assert.deepEqual(
      (await Promise.all(senders)).map(wasQueued),
      Array.from({ length: crowd.senders }, () => true),
    )
    const panel = shownPanels.find(({ title }) => title === 'Sessions by outcome')?.targets?.[0]?.expr ?? assert.fail()
    await eventually(
      'the crowd is counted',
      async () => {
        const samples = await prometheus.query(countedOf(panel, home))
        const of = (outcome: string): number | undefined => samples.find(({ metric }) => metric['outcome'] === outcome)?.value
        return of('pregreet') === crowd.zombies && of('new') === crowd.senders
      },
      patience,
    )
  })

  test('every query of the dashboard has an answer', async () => {
    for (const { title, targets: queries = [] } of shownPanels) {
      for (const [at, { expr }] of queries.entries()) {
        // A rate needs two samples of a counter that has just begun.
        const hasAnswer = async () => (await prometheus.query(queryOf(expr, home))).length > 0 || mayBeEmpty(title, at)
        await eventually(`${title}: ${expr}`, hasAnswer, patience)
      }
    }
  })

  test('no alert fires without its fault', async () => {
    await eventually('no alert fires', async () => (await firing()).length === 0, patience)
  })

  test('mail servers that cannot be reached: the alerts about them and about the policy', async () => {
    const backend = { service: null, addresses: ['192.0.2.1:10025'] }
    await kubectl('patch', 'psc', 'mx', '-n', home, '--type=merge', '-p', JSON.stringify({ spec: { backend } }))
    const wanted = ['PostscreenMailServersDown', 'PostscreenPolicyNotReady']
    await eventually(
      'both fire',
      async () => {
        const now = await firing()
        return wanted.every((name) => now.includes(name))
      },
      patience,
    )
  })

  test('operators that are gone', async () => {
    await endOperator()
    await eventually('the alert fires', async () => (await firing()).includes('PostscreenOperatorNoLeader'), patience)
  })
})
