// Story: all deep tests are enabled and new clients deliver in their first session, also while the gateways and the mail servers are updated. The time
// that this costs them is measured.
// Runs alone: it replaces the mail servers, and measures.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { leave } from './support/alarms.ts'
import { apply, eventually, kubectl, list, namespace } from './support/kubectl.ts'
import { balancerAddress, gateway, policy, ready } from './support/policies.ts'
import { installed, mailServer, mailServers, system, upgraded } from './support/release.ts'
import { percentile, timedSession } from './support/reply-times.ts'
import { deliver, wasQueued } from './support/smtp-client.ts'
import { type Arrival, inWords, trickle } from './support/trickle.ts'

const home = 'story-same-session'
const deepTests = { pipelining: { enabled: true }, nonSMTPCommand: { enabled: true }, bareNewline: { enabled: true, action: 'Enforce' } }
/** How many new clients are measured for each command; SAME_SESSION_ROUNDS=100 for figures to publish. */
const rounds = Number(process.env['SAME_SESSION_ROUNDS'] ?? 20)
const mailServerSecret = 'story-same-session-tls'
/** Two policies: each client can be new to both. */
const addresses = new Map<string, string>()
let nextClient = 20_000

before(async () => {
  await installed()
  await namespace(home)
  await certificate()
  await upgraded(`--set=postfix.tls.secretName=${mailServerSecret}`)
  await mailServers(2)
  for (const handoff of ['SameSession', 'Reconnect']) {
    const name = handoff.toLowerCase()
    await apply(
      policy(home, name, {
        greet: { action: 'Enforce', wait: '1s' },
        deepTests: { handoff, ...deepTests },
        // A client that comes back must find the gateway that knows it.
        gateway: gateway({ replicas: handoff === 'Reconnect' ? 1 : 2, drain: { delay: '10s', timeout: '30s' } }),
      }),
    )
    await ready(home, name)
    addresses.set(handoff, await balancerAddress(home, name))
  }
})

after(async () => {
  // As many as the chart says, before Helm applies the chart again: another number would be a conflict.
  await kubectl('scale', `statefulset/${mailServer.name}`, '-n', system, '--replicas=1')
  await upgraded('--set=postfix.tls.secretName=')
  await kubectl('delete', 'secret', mailServerSecret, '-n', system, '--ignore-not-found')
  await leave(home)
})

/** A certificate for the mail servers; the gateways have none. */
async function certificate(): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'same-session-'))
  const [cert, key] = [join(folder, 'cert.pem'), join(folder, 'key.pem')]
  const how = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '30', '-subj', '/CN=mx.example.com']
  execFileSync('openssl', ['req', '-x509', ...how, '-keyout', key, '-out', cert], { stdio: 'ignore' })
  await apply({
    apiVersion: 'v1',
    kind: 'Secret',
    type: 'kubernetes.io/tls',
    metadata: { name: mailServerSecret, namespace: system },
    stringData: { 'tls.crt': readFileSync(cert, 'utf8'), 'tls.key': readFileSync(key, 'utf8') },
  })
  rmSync(folder, { recursive: true })
}

const hostOf = (handoff: 'SameSession' | 'Reconnect'): string => addresses.get(handoff) ?? assert.fail(handoff)

test('a new client with all deep tests delivers in one session; with Reconnect it needs a second one', async () => {
  const client = nextClient++
  const visit = await deliver({ host: hostOf('SameSession'), client })
  assert.ok(wasQueued(visit), visit.heard)
  const first = await deliver({ host: hostOf('Reconnect'), client })
  assert.ok(!wasQueued(first))
  assert.match(first.heard, /^450 4\.3\.2 Service currently unavailable/m)
  const second = await deliver({ host: hostOf('Reconnect'), client })
  assert.ok(wasQueued(second), second.heard)
})

test('the time that a new client waits more than a known one, for RCPT and for STARTTLS', async (context) => {
  const host = hostOf('SameSession')
  const begin = [
    'EHLO client.example.net\r\n',
    'MAIL FROM:<sender@example.net>\r\n',
    'RCPT TO:<user@example.com>\r\n',
    'RSET\r\n',
    'QUIT\r\n',
  ]
  await eventually('STARTTLS of the mail servers', async () => {
    const { replies } = await timedSession(host, nextClient++, begin.slice(0, 1))
    return replies[0]?.text.includes('STARTTLS') === true ? true : undefined
  })
  for (const { what, commands, at, code } of [
    { what: 'RCPT', commands: begin, at: 2, code: '250 2.1.5 ' },
    { what: 'STARTTLS', commands: [begin[0] ?? '', 'STARTTLS\r\n'], at: 1, code: '220 ' },
  ]) {
    const waits = { new: [] as number[], known: [] as number[] }
    for (let round = 0; round < rounds; round++) {
      const client = nextClient++
      for (const kind of ['new', 'known'] as const) {
        // A client that was handed off at STARTTLS is known only after a session without TLS.
        if (kind === 'known' && what === 'STARTTLS') await timedSession(host, client, begin)
        const { replies } = await timedSession(host, client, commands)
        assert.ok(replies[at]?.text.startsWith(code) === true, JSON.stringify(replies))
        waits[kind].push(replies[at]?.ms ?? 0)
      }
    }
    const [p50, p99] = [0.5, 0.99].map((share) => [waits.new, waits.known].map((values) => percentile(values, share))) as [
      number[],
      number[],
    ]
    const words = ([ofNew = 0, ofKnown = 0]: readonly number[]): string => `${ofNew.toFixed(1)} ms instead of ${ofKnown.toFixed(1)} ms`
    context.diagnostic(`${what}: p50 ${words(p50)}, p99 ${words(p99)}`)
    // Far more than the way to a mail server takes on any machine, and less than its time limits.
    assert.ok(percentile(waits.new, 0.5) < 15_000, 'a new client waits too long')
  }
})

/** New clients that come before, during and a while after something. Those that are not accepted come again, as mail servers do. */
async function undisturbed(context: { diagnostic(text: string): void }, disturb: () => Promise<unknown>): Promise<void> {
  const host = hostOf('SameSession')
  const clients = trickle({ host, firstClient: nextClient, withinMs: 60_000 })
  const first = nextClient
  let all: readonly Arrival[] = []
  try {
    await sleep(2000)
    await disturb()
    await sleep(3000)
  } finally {
    all = await clients.stop()
    nextClient += all.length
  }
  assert.ok(all.length > 50, `only ${all.length} sessions`)
  const refused = all.filter(({ heard }) => /^5\d\d /m.test(heard))
  assert.equal(refused.length, 0, `refused for good: ${inWords(refused)}`)
  const deferred = all.filter(({ delivered }) => !delivered)
  context.diagnostic(
    `${all.length} sessions, ${deferred.length} deferred, the longest took ${Math.round(Math.max(...all.map(({ tookMs }) => tookMs)))} ms`,
  )
  for (const [at, { delivered }] of all.entries()) {
    if (delivered) continue
    const again = await deliver({ host, client: first + at, withinMs: 60_000 })
    assert.ok(wasQueued(again), again.heard)
  }
  // The gateways hold clients while a mail server is replaced, and each update leaves one of two in place.
  assert.ok(deferred.length <= all.length / 50, inWords(deferred))
}

test('no session fails during a rolling update of the gateways', (context) =>
  undisturbed(context, async () => {
    await kubectl('rollout', 'restart', 'deployment/samesession-gateway', '-n', home)
    await kubectl('rollout', 'status', 'deployment/samesession-gateway', '-n', home, '--timeout=300s')
    await ready(home, 'samesession')
    await eventually('the old pods gone', async () => (await list('pods', home, '-l', 'app.kubernetes.io/component=gateway')).length === 4)
  }))

test('no session fails during a rolling update of the Postfix StatefulSet', (context) =>
  undisturbed(context, async () => {
    await kubectl('rollout', 'restart', `statefulset/${mailServer.name}`, '-n', system)
    await kubectl('rollout', 'status', `statefulset/${mailServer.name}`, '-n', system, '--timeout=300s')
  }))
