// What people are told of a policy: what has changed, and nothing at a pass that changes nothing.
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { describe, test } from 'node:test'
import { pino } from 'pino'
import type { Applied } from '../../operator/apply.ts'
import type { KubeObject } from '../../operator/kube/object.ts'
import { type Events, EventReporter } from '../../operator/event-reporter.ts'
import { OperatorMetrics } from '../../operator/operator-metrics.ts'
import { PolicyMemories } from '../../operator/policy-memory.ts'
import { readReport } from '../../operator/gateways/report.ts'
import { findingsOf } from '../../operator/status/findings.ts'
import type { Observation } from '../../operator/status/observation.ts'
import { statusOf } from '../../operator/status/status.ts'
import { atRest, deploymentWith } from './observed.ts'

import { conditionTypes } from '../../operator/status/findings.ts'

const rest = atRest()
const object: KubeObject = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'mx-gateway', namespace: 'mail' } }

/** A policy with a sender, and what its one gateway says of it. */
function sending(problem: string | undefined, state = problem === undefined ? 'Current' : 'Failing'): Observation {
  const gateway = { gateway: {}, backend: { service: { name: 'postfix', port: 25 } } }
  const base = atRest({ ...gateway, access: [{ action: 'Permit', spf: ['a.test'] }] })
  const sender = { domain: 'a.test', state, networks: 4, problem: problem && { reason: problem, why: 'a.test is wrong' }, held: null }
  return { ...base, pods: base.pods.map((pod) => ({ ...pod, report: readReport({ spf: [sender] }) })) }
}

class Scene {
  readonly events: string[] = []
  readonly log: Readonly<Record<string, unknown>>[] = []
  readonly metrics = new OperatorMetrics('1.0', {
    workers: 1,
    depth: () => 0,
    progress: () => ({ active: 0, sinceMs: [] }),
    leading: () => true,
    lastHeard: () => [],
  })
  readonly #reporter: EventReporter

  constructor() {
    const events: Events = { record: (_, { type, reason, note }) => this.events.push(`${type} ${reason}: ${note}`) }
    const lines = new Writable({
      write: (chunk, _, done) => {
        this.log.push(JSON.parse(String(chunk)))
        done()
      },
    })
    this.#reporter = new EventReporter(events, this.metrics, pino({ base: null, timestamp: false }, lines), new PolicyMemories())
  }

  /** A pass over a policy that another operator manages. */
  leave(operator: string): this {
    this.#reporter.otherOperator(rest.policy, operator)
    return this
  }

  omit(fields: readonly string[]): this {
    this.#reporter.statusFieldsOmitted(fields)
    return this
  }

  /** A pass that found this of a policy, whose status was of an earlier observation. */
  pass(seen: Observation, before?: Observation): this {
    const status = before === undefined ? undefined : statusOf(before, findingsOf(before), new Date(0))
    this.#reporter.report({ policy: { ...seen.policy, status }, applied: seen.applied, findings: findingsOf(seen) })
    this.#reporter.statusWritten(seen.policy)
    return this
  }
}

const applied = (is: 'created' | 'changed' | 'removed' | 'unchanged'): Applied => ({ is, object })
const unreachable = (count: number): Observation => ({
  ...rest,
  pods: rest.pods.map((pod, at) =>
    at >= count
      ? pod
      : {
          ...pod,
          report: { hash: rest.compiled.hash, refused: undefined, backends: [{ name: 'postfix', reachable: false, why: 'refused' }] },
        },
  ),
})
const onItsWay: Observation = { ...rest, pods: rest.pods.slice(1) }
const invalid = (why: string): Observation => ({ ...rest, compiled: undefined, problems: [{ path: 'spec.mode', why }] })

const cases: readonly {
  readonly what: string
  readonly seen: Observation
  readonly before?: Observation
  readonly want: readonly string[]
  /** How many lines the log has, if not one for each event. */
  readonly lines?: number
}[] = [
  { what: 'nothing when nothing has changed', seen: rest, before: rest, want: [] },
  { what: 'nothing of objects that were there as wanted', seen: { ...rest, applied: [applied('unchanged')] }, before: rest, want: [] },
  {
    what: 'what was made, in one event',
    seen: { ...rest, applied: [applied('created'), applied('unchanged'), applied('created')] },
    before: rest,
    want: ['Normal Created: Created Service mx-gateway, Service mx-gateway'],
    lines: 2,
  },
  {
    what: 'each object that was made, changed or removed, in one event',
    seen: { ...rest, applied: [applied('changed'), applied('created'), applied('removed')] },
    before: rest,
    want: ['Normal Updated: Created Service mx-gateway; updated Service mx-gateway; removed Service mx-gateway'],
    lines: 3,
  },
  { what: 'nothing of what passes by itself', seen: { ...onItsWay, pods: [], workload: deploymentWith(2) }, before: rest, want: [] },
  {
    what: 'that a policy is taken, and that all gateways have it',
    seen: rest,
    want: [
      'Normal Accepted: The policy is valid',
      'Normal Programmed: 2 of 2 gateways run generation 3',
      'Normal Reachable: All 2 gateways reach a mail server of postfix.mail.svc:10025',
    ],
  },
  { what: 'that a change has arrived', seen: rest, before: onItsWay, want: ['Normal Programmed: 2 of 2 gateways run generation 3'] },
  { what: 'that it is not valid', seen: invalid('is not a mode'), before: rest, want: ['Warning Invalid: spec.mode: is not a mode'] },
  { what: 'nothing of that a second time', seen: invalid('is not a mode'), before: invalid('is not a mode'), want: [] },
  {
    what: 'that it is still not valid, in another way',
    seen: invalid('is not a word'),
    before: invalid('is not a mode'),
    want: ['Warning Invalid: spec.mode: is not a word'],
  },
  {
    what: 'that mail servers cannot be reached, and again when more gateways are cut off',
    seen: unreachable(2),
    before: unreachable(1),
    want: ['Warning Unreachable: 2 of 2 gateways reach no mail server of postfix: refused'],
  },
  {
    what: 'that they can be reached again',
    seen: rest,
    before: unreachable(1),
    want: ['Normal Reachable: All 2 gateways reach a mail server of postfix.mail.svc:10025'],
  },
  {
    what: 'that a name is taken, once',
    seen: { ...rest, applied: [{ is: 'conflict', object, why: 'Service mx-gateway exists', passes: false }] },
    before: rest,
    want: ['Warning NameConflict: Service mx-gateway exists'],
  },
  {
    what: 'what the API server refuses, once',
    seen: { ...rest, applied: [{ is: 'refused', object, why: '403 Forbidden' }] },
    before: { ...rest, applied: [{ is: 'refused', object, why: '403 Forbidden' }] },
    want: [],
  },
]

describe('people are told', () => {
  for (const { what, seen, before, want, lines = want.length } of cases) {
    test(what, () => {
      const { events, log } = new Scene().pass(seen, before)
      assert.deepEqual(events, want)
      assert.equal(log.length, lines, 'the log has a line for each object and each finding')
    })
  }

  test('in the log of which policy, in which generation, at a level that fits', () => {
    const { log } = new Scene().pass(invalid('is not a mode'), rest)
    assert.deepEqual(log, [
      {
        level: 40,
        policy: 'mail/mx',
        generation: 3,
        condition: 'Accepted',
        status: 'False',
        reason: 'Invalid',
        msg: 'spec.mode: is not a mode',
      },
    ])
  })
})

describe('a policy that another operator manages', () => {
  const other = 'postscreen-system/postscreen-operator'

  test('is told of once, with the operator that manages it', async () => {
    const scene = new Scene().leave(other).leave(other)
    assert.equal(scene.events.length, 1)
    assert.match(
      scene.events[0] ?? '',
      /^Warning ManagedByOtherOperator: .* managed by the operator postscreen-system\/postscreen-operator/,
    )
    assert.deepEqual(
      scene.log.map(({ level, policy, operator }) => [level, policy, operator]),
      [[40, 'mail/mx', other]],
    )
    const { text } = await scene.metrics.text()
    assert.match(
      text,
      /^postscreen_policy_other_operator\{namespace="mail",name="mx",operator="postscreen-system\/postscreen-operator"\} 1$/m,
    )
  })

  test('has no conditions in our metrics, and is counted again when we manage it', async () => {
    const scene = new Scene().pass(rest).leave(other)
    assert.doesNotMatch((await scene.metrics.text()).text, /postscreen_policy_condition\{/)
    scene.pass(rest)
    assert.doesNotMatch((await scene.metrics.text()).text, /postscreen_policy_other_operator\{/)
    scene.leave(other)
    assert.equal(scene.events.filter((event) => event.includes('ManagedByOtherOperator')).length, 2)
  })
})

test('a CRD that is older than the operator is in the log once, in an event of each policy, and in a metric', async () => {
  const scene = new Scene().omit(['effective']).pass(rest, rest).pass(rest, rest)
  const note = 'The CRD postscreenpolicies.postscreen.dev is older than the operator, so the status omits effective.'
  assert.deepEqual(
    scene.events.filter((event) => event.includes('CRDOutdated')).map((event) => event.startsWith(`Warning CRDOutdated: ${note}`)),
    [true],
  )
  assert.equal(scene.log.filter(({ msg }) => String(msg).startsWith(note)).length, 1)
  assert.match((await scene.metrics.text()).text, /^postscreen_status_fields_omitted 1$/m)
  scene.omit(['effective', 'operator']).pass(rest, rest)
  assert.match(scene.events.at(-1) ?? '', /^Warning CRDOutdated: .* omits effective, operator\./)
  scene.omit([])
  assert.match((await scene.metrics.text()).text, /^postscreen_status_fields_omitted 0$/m)
})

describe('the event about the SPF records of senders', () => {
  const after = (before: Observation | undefined, seen: Observation): readonly string[] =>
    new Scene().pass(seen, before).events.filter((event) => /SPF|a\.test/.test(event))
  const fault =
    'Warning NotCurrent: a.test: NoRecord: a.test is wrong; the last result stays permitted. "postscreen spf DOMAIN" shows what its record permits'
  const news = 'Normal Current: The SPF records of all senders are current on 2 of 2 gateways'

  test('comes when one cannot be used, once, and when all are current again', () => {
    assert.deepEqual(after(sending(undefined), sending('NoRecord')), [fault])
    assert.deepEqual(after(sending('NoRecord'), sending('NoRecord')), [])
    assert.deepEqual(after(sending('NoRecord'), sending(undefined)), [news])
  })

  test('does not come for records that are current from the beginning, are not read yet, or are no longer in the policy', () => {
    assert.deepEqual(after(undefined, sending(undefined)), [])
    assert.deepEqual(after(sending('NoRecord'), sending(undefined, 'Waiting')), [])
    assert.deepEqual(after(sending('NoRecord'), rest), [])
  })
})

describe('the metrics', () => {
  const lines = async ({ metrics }: Scene, name: string): Promise<string[]> =>
    (await metrics.text()).text.split('\n').filter((line) => line.startsWith(`${name}{`) && !line.endsWith(' 0'))

  test('count what was done', async () => {
    const scene = new Scene()
    for (const is of ['created', 'changed', 'changed', 'unchanged'] as const) scene.pass({ ...rest, applied: [applied(is)] }, rest)
    assert.deepEqual(await lines(scene, 'postscreen_operator_changes_total'), [
      'postscreen_operator_changes_total{kind="Service",change="created"} 1',
      'postscreen_operator_changes_total{kind="Service",change="changed"} 2',
    ])
  })

  test('have each condition in the one status that it has, until the policy is gone', async () => {
    const scene = new Scene().pass(rest).pass(unreachable(1))
    const conditions = await lines(scene, 'postscreen_policy_condition')
    assert.equal(conditions.length, conditionTypes.length - 1, 'all but SPFCurrent: the policy has no senders')
    assert.ok(conditions.includes('postscreen_policy_condition{namespace="mail",name="mx",condition="BackendReachable",status="False"} 1'))
    scene.metrics.forget('mail', 'mx')
    assert.doesNotMatch((await scene.metrics.text()).text, /name="mx"/)
  })

  test('have SPFCurrent only while the policy has senders', async () => {
    const isShown = async (scene: Scene) => (await scene.metrics.text()).text.includes('condition="SPFCurrent"')
    const scene = new Scene().pass(rest)
    assert.equal(await isShown(scene), false)
    assert.equal(await isShown(scene.pass(sending('NoRecord'))), true)
    assert.equal(await isShown(scene.pass(rest, sending('NoRecord'))), false)
  })
})
