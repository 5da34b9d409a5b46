// `postscreen status`: what it shows at both widths, what it says where something is wrong, and which rights it needs.
import assert from 'node:assert/strict'
import { after, before, beforeEach, describe, test } from 'node:test'
import { load } from 'js-yaml'
import { look } from '../../../cli/status/look.ts'
import { openCluster } from '../../../cli/cluster/cluster.ts'
import { attentionOf, verdictOf } from '../../../operator/overview/attention.ts'
import { policyView } from '../../../operator/overview/policy-view.ts'
import { statusLines, type StatusQuestion } from '../../../cli/status/status-text.ts'
import type { Style } from '../../../cli/terminal/style.ts'
import { FakeCluster } from './fake-cluster.ts'
import { assertGolden } from './golden.ts'
import { runCommand } from './run-command.ts'
import { now, podObject, pods, policies, policyObject, statusPageOf, statusPages } from './scene.ts'

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
})
after(() => fake.close())
beforeEach(() => {
  fake.policies = policies
  fake.pods = pods
  fake.denied.clear()
  fake.pages.clear()
  fake.server.arrivals.length = 0
  for (const [pod, json] of Object.entries(statusPages)) fake.pages.set(`${pod}/status`, { json })
})

const plain = (width: number): Style => ({ width, hasColour: false, hasUtf8: true })

async function shown(
  style: Style,
  more: Partial<StatusQuestion> & { readonly name?: string; readonly namespace?: string } = {},
): Promise<string> {
  const place = more.namespace === undefined ? { 'all-namespaces': true } : { namespace: more.namespace }
  const cluster = openCluster({ ...place, kubeconfig: fake.kubeconfig }, 'status')
  try {
    const looked = await look(cluster, more.name)
    const question = { ...looked, now, isWide: false, isOne: more.name !== undefined, ...more }
    return statusLines(question, style)
      .map((line) => `${line}\n`)
      .join('')
  } finally {
    await cluster.close()
  }
}

const widest = (text: string): number => Math.max(...text.split('\n').map((line) => line.length))

describe('what is shown', () => {
  test('at 80 columns', async () => {
    const text = await shown(plain(80))
    assertGolden('status-80.txt', text)
    const commands = /^ {2}(Look|Correct it|Test them|To go on): /
    assert.ok(
      widest(
        text
          .split('\n')
          .filter((line) => !commands.test(line))
          .join('\n'),
      ) <= 80,
    )
  })

  test('at 160 columns', async () => {
    const text = await shown(plain(160), { isWide: true })
    assertGolden('status-160.txt', text)
    assert.ok(widest(text) <= 160)
  })

  test('of a single policy, at 80 columns', async () => {
    assertGolden('status-one-80.txt', await shown(plain(80), { namespace: 'lists', name: 'inbound' }))
  })

  test('without UTF-8: the same in ASCII', async () => {
    const text = await shown({ ...plain(80), hasUtf8: false })
    assert.match(text, /^[\x20-\x7e\n]*$/)
    assert.match(text, /shop\/mx +Enforce +X Unreachable/)
  })

  test('with colours: the same text, and every colour is ended', async () => {
    const text = await shown({ ...plain(80), hasColour: true })
    assert.match(text, /\u001b\[31m✗ Unreachable\u001b\[39m/)
    const withoutColours = text.replaceAll(/\u001b\[\d+m/g, '')
    assert.equal(withoutColours, await shown(plain(80)))
    assert.equal([...text.matchAll(/\u001b\[39m/g)].length * 2, [...text.matchAll(/\u001b\[\d+m/g)].length)
  })
})

describe('as a command', () => {
  test('it prints one table without colours into a pipe, and exits with 1 where something needs attention', async () => {
    const { code, stdout, stderr } = await runCommand(['status', '-A'], fake)
    assert.equal(code, 1, stderr)
    assert.match(stdout, /^POLICY .*\n(edge|lab|lists|mail|shop)\//)
    assert.doesNotMatch(stdout, /\u001b/)
    assert.deepEqual(fake.uses, ['GET pods', 'GET pods/proxy', 'GET postscreenpolicies'])
  })

  test('it exits with 0 where all policies are ready', async () => {
    const { code, stdout } = await runCommand(['status', '-n', 'lab'], fake)
    assert.equal(code, 0)
    assert.match(stdout, /\nAll is well\.\n$/)
  })

  test('-o json and -o yaml have everything, and are the same', async () => {
    const json = JSON.parse((await runCommand(['status', '-n', 'shop', '-o', 'json'], fake)).stdout) as {
      policies: { conditions: unknown[]; state: object; gateways: { page: object }[]; attention: { tone: string }[] }[]
    }
    const [policy] = json.policies
    assert.equal(policy?.conditions.length, 7)
    assert.deepEqual(policy?.state, { tone: 'bad', word: 'Unreachable' })
    assert.equal(policy?.gateways.length, 2)
    assert.equal(policy?.attention[0]?.tone, 'bad')
    const yaml = load((await runCommand(['status', '-n', 'shop', '-o', 'yaml'], fake)).stdout) as typeof json
    assert.deepEqual(yaml.policies[0]?.conditions, policy?.conditions)
  })

  const wrong: readonly (readonly [args: readonly string[], code: number, message: RegExp])[] = [
    [['status', '-A', '-n', 'mail'], 2, /expected one of --namespace and --all-namespaces/],
    [['status', '-A', 'mx'], 2, /a POLICY is in one namespace/],
    [['status', 'a', 'b'], 2, /at most one POLICY/],
    [['status', '-o', 'xml'], 2, /--output must be one of wide, json, yaml/],
    [['status', '-w', '-o', 'json'], 2, /--watch can be used only with text/],
    [['status', '-n', 'mail', 'none'], 3, /there is no PostscreenPolicy none in the namespace mail/],
    [['status', '--context', 'other'], 3, /the kubeconfig has no context "other"/],
  ]
  for (const [args, code, message] of wrong)
    test(`${args.join(' ')}: ${String(message)}`, async () => {
      const ran = await runCommand(args, fake)
      assert.match(ran.stderr, message)
      assert.equal(ran.code, code)
      assert.equal(ran.stdout, '')
    })
})

describe('without a right', () => {
  test('to list policies: the right is named, and the exit code is 3', async () => {
    fake.denied.add('postscreenpolicies')
    const { code, stderr } = await runCommand(['status', '-n', 'mail'], fake)
    assert.equal(code, 3)
    assert.match(stderr, /it needs the verb list on postscreenpolicies\.postscreen\.dev in the namespace mail\n$/)
    assert.match((await runCommand(['status', '-A'], fake)).stderr, /in all namespaces; to see a single one, add -n NAMESPACE\n$/)
  })

  test('to see pods, or to ask them: it shows what the operator has written, and names the right once', async () => {
    fake.denied.add('pods/proxy')
    assert.match(
      await shown(plain(160)),
      /\n○ What the gateways say is not shown: .* it needs the verb get on pods\/proxy in the namespace lab\.\n/,
    )
    fake.denied.add('pods')
    const text = await shown(plain(400))
    assert.equal(text.split('\n').filter((line) => line.startsWith('○')).length, 1)
    assert.match(text, /\n○ The gateways are not shown: .* verb list on pods in all namespaces/)
    assert.match(text, /mail\/mx +Enforce +✓ Ready +42 +3 of 3/)
  })
})

describe('the verdict and what to do:', () => {
  const view = (reason: string, message: string, more: Parameters<typeof policyObject>[2]['conditions'] = {}) =>
    policyView(
      policyObject('mail', 'mx', {
        ...{ generation: 2, created: '2026-11-30T00:00:00Z', gateways: { total: 1, updated: 0, ready: 0 } },
        conditions: { Ready: ['False', reason, message, '2026-12-01T10:00:00Z'], ...more },
      }),
      [],
    )

  const cases: readonly (readonly [reason: string, tone: string, advice: RegExp])[] = [
    ['Invalid', 'warn', /^Correct it: kubectl -n mail edit postscreenpolicy mx$/],
    ['LastGoodPolicy', 'warn', /^Correct it/],
    ['RefusedByTenancy', 'warn', /ask the administrator of the operator/],
    ['Unreachable', 'bad', /^Look: kubectl -n mail get endpointslices -l kubernetes\.io\/service-name=postfix$/],
    ['ScaledToZero', 'bad', /^$/],
    ['Progressing', 'going', /^Look: kubectl -n mail describe deployment mx-gateway$/],
    ['NameConflict', 'warn', /Delete or rename the other object/],
    ['Paused', 'warn', /postscreen\.dev\/pause-$/],
  ]
  for (const [reason, tone, advice] of cases)
    test(reason, () => {
      const found = attentionOf(view(reason, 'why'), now)
      assert.equal(found[0]?.tone, tone)
      assert.equal(found[0]?.sentence, 'why (for 17 min)')
      assert.match(found[0]?.advice ?? '', advice)
    })

  test('Stalled makes of a rollout a fault', () => {
    const stalled = view('Progressing', 'why', { Stalled: ['True', 'ProgressDeadlineExceeded', 'too long'] })
    assert.equal(verdictOf(stalled).tone, 'warn')
  })

  test('no gateway accepts clients: mail is not taken', () => {
    const object = policyObject('mail', 'mx', {
      ...{ generation: 2, created: '2026-11-30T00:00:00Z', gateways: { total: 1, updated: 0, ready: 0 } },
      conditions: { Ready: ['False', 'GatewaysNotReady', 'why'] },
    })
    const gateway = { name: 'mx-a', address: undefined, ready: false, isEnding: false, trouble: 'ImagePullBackOff', startedAt: undefined }
    const [first] = attentionOf(policyView(object, [gateway]), now)
    assert.equal(first?.tone, 'bad')
    assert.equal(first?.advice, 'Look: kubectl -n mail describe pod mx-a')
  })

  test('a policy that no operator has seen, or has not seen in this form, is on its way', () => {
    const [fresh] = attentionOf(
      policyView({ ...policyObject('mail', 'mx', { generation: 1, created: '', conditions: {} }), status: {} }, []),
      now,
    )
    assert.match(fresh?.sentence ?? '', /no operator has seen this policy yet/)
    const changed = policyObject('mail', 'mx', { generation: 1, created: '', conditions: { Ready: ['True', 'Ready', ''] } })
    const [waits] = attentionOf(policyView({ ...changed, metadata: { ...changed.metadata, generation: 2 } }, []), now)
    assert.match(waits?.sentence ?? '', /the operator has not seen generation 2 yet/)
  })

  test('lost addresses of clients need attention, with the setting that the condition names', () => {
    const message = 'Addresses of clients are lost. Service mx-gateway: set spec.gateway.service.externalTrafficPolicy: Local'
    const conditions = {
      Ready: ['True', 'Ready', ''],
      ClientAddressPreserved: ['False', 'ExternalTrafficPolicyCluster', message, '2026-12-01T10:07:00Z'],
    } as const
    const policy = policyObject('mail', 'mx', { generation: 1, created: '2026-11-30T00:00:00Z', conditions })
    assert.deepEqual(attentionOf(policyView(policy, []), now), [{ tone: 'warn', sentence: `${message} (for 10 min)`, advice: '' }])
  })

  test('senders whose SPF records cannot be used need attention, with the reason', () => {
    const message =
      'news.test: NoRecord: news.test has no SPF record; nothing is permitted. "postscreen spf DOMAIN" shows what its record permits'
    const conditions = { Ready: ['True', 'Ready', ''], SPFCurrent: ['False', 'NotCurrent', message, '2026-12-01T10:07:00Z'] } as const
    const policy = policyObject('mail', 'mx', { generation: 1, created: '2026-11-30T00:00:00Z', conditions })
    assert.deepEqual(attentionOf(policyView(policy, []), now), [{ tone: 'warn', sentence: `${message} (for 10 min)`, advice: '' }])
  })

  test('a status that the operator has not confirmed for long may be old', () => {
    const ready = { Ready: ['True', 'Ready', ''] } as const
    const status = { operator: { name: 'postscreen-system/postscreen-operator', checkedAt: '2026-12-01T10:16:30Z', validSeconds: 300 } }
    const policy = policyObject('mail', 'mx', { generation: 1, created: '2026-11-30T00:00:00Z', conditions: ready, status })
    const [first] = attentionOf(policyView(policy, []), now + 4 * 3_600_000)
    assert.match(first?.sentence ?? '', /this may be old: the operator last confirmed it 4 h ago/)
  })
})

test('a gateway that gives no answer, or another program, is named', async () => {
  fake.policies = policies.filter(({ metadata }) => metadata.namespace === 'lab')
  fake.pods = [podObject('lab', 'trial', 'silent'), podObject('lab', 'trial', 'other')]
  fake.pages.set('lab/silent/status', { refused: 503 })
  fake.pages.set('lab/other/status', { json: { hello: 1 } })
  const text = await shown(plain(400))
  assert.match(text, /▲ lab\/trial: gateway silent gives no answer: .*503/)
  assert.match(text, /▲ lab\/trial: gateway other gives no answer: it does not answer like a gateway of this version/)
})

test('texts of a gateway cannot act on the terminal', async () => {
  fake.policies = policies.filter(({ metadata }) => metadata.namespace === 'lab')
  const evil = '\u001b[2Jx\u202e\n'
  const page = statusPageOf(5, [{ label: evil, state: evil, lastError: evil }], { version: evil })
  fake.pages.set('lab/trial-gateway-1a-fffff/status', { json: page })
  for (const isWide of [false, true])
    assert.doesNotMatch(await shown(plain(400), { namespace: 'lab', name: 'trial', isWide }), /[\u001b\u202e]/)
})
