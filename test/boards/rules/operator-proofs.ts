// Proofs of the alerts about policies as the operator sees them, and about the operator itself.
import type { Proof, Proofs } from './proof.ts'
import { condition, counter, during, from, type Line, level, missing, operator, operatorPlace, type Scene } from './series.ts'

const policy = { namespace: 'mail', name: 'mx' }
const pod = `${operatorPlace.name}-0`
const queue = 'name="postscreenpolicy"'
const controller = 'controller="postscreenpolicy"'

/** The condition is not True from minute 30 until `to`. */
const notTrue = (type: string, status: string, to = Number.POSITIVE_INFINITY): Scene => ({
  ...condition(type, 'True', during(30, to, level(0), level(1))),
  ...condition(type, status, during(30, to, level(1), level(0))),
})

const ofCondition = (type: string, minutes: number): Proof => ({
  faults: ['False', 'Unknown'].map((status) => ({
    what: `${type} is ${status}`,
    minutes: 31 + minutes,
    notYet: 29 + minutes,
    series: notTrue(type, status),
    labels: policy,
  })),
  nearMisses: [
    { what: `for ${minutes - 1} minutes`, minutes: 90, series: notTrue(type, 'False', 29 + minutes) },
    { what: 'the policy is deleted', minutes: 90, series: { ...condition(type, 'True', from(30, missing, level(1))) } },
  ],
})

const leading = (line: Line): Scene => operator('leader_election_master_status', line)
const passes = (good: number, bad: number, to = Number.POSITIVE_INFINITY): Scene => ({
  ...operator('controller_runtime_reconcile_total', counter(during(30, to, level(good), level(6))), `${controller},result="success"`),
  ...operator('controller_runtime_reconcile_total', counter(during(30, to, level(bad), level(0))), `${controller},result="error"`),
  ...operator('controller_runtime_reconcile_errors_total', counter(during(30, to, level(bad), level(0))), controller),
})
const heard = (line: Line): Scene => operator('postscreen_watch_last_event_timestamp_seconds', line, 'resource="pods"')
const silentSince =
  (start: number, to: number): Line =>
  (minute) =>
    60 * (minute < start || minute >= to ? minute : start)

export const operatorProofs: Proofs = {
  PostscreenPolicyNotReady: ofCondition('Ready', 15),
  PostscreenPolicyNotProgrammed: ofCondition('Programmed', 15),
  PostscreenPolicyStalled: {
    faults: [
      {
        what: 'the policy waits for its owner',
        minutes: 36,
        notYet: 34,
        series: condition('Stalled', 'True', from(30, level(1), level(0))),
        labels: policy,
      },
    ],
    nearMisses: [{ what: 'for four minutes', minutes: 60, series: condition('Stalled', 'True', during(30, 34, level(1), level(0))) }],
  },
  PostscreenTwoOperators: {
    faults: [
      {
        what: 'another operator manages a policy',
        minutes: 46,
        notYet: 44,
        series: operator('postscreen_policy_other_operator', from(30, level(1), missing), 'name="mx",operator="mail/other"'),
        labels: { operator: 'mail/other' },
        value: '1',
      },
    ],
    nearMisses: [
      {
        what: 'during an upgrade of ten minutes',
        minutes: 90,
        series: operator('postscreen_policy_other_operator', during(30, 40, level(1), missing), 'name="mx",operator="mail/other"'),
      },
    ],
  },
  PostscreenCRDOutdated: {
    faults: [
      {
        what: 'a field of the status is omitted',
        minutes: 46,
        notYet: 44,
        series: operator('postscreen_status_fields_omitted', from(30, level(1), level(0))),
        labels: {},
      },
    ],
    nearMisses: [
      {
        what: 'until the CRD is upgraded ten minutes later',
        minutes: 90,
        series: operator('postscreen_status_fields_omitted', during(30, 40, level(3), level(0))),
      },
    ],
  },
  PostscreenOperatorNoLeader: {
    faults: [
      { what: 'the operator waits for the Lease', minutes: 36, notYet: 34, series: leading(from(30, level(0), level(1))), labels: {} },
      {
        what: 'there is no operator',
        minutes: 41,
        notYet: 34,
        series: leading(from(30, missing, level(1))),
        labels: { namespace: operatorPlace.namespace },
      },
    ],
    nearMisses: [
      { what: 'another one leads after four minutes', minutes: 90, series: leading(during(30, 34, level(0), level(1))) },
      {
        what: 'one of two leads',
        minutes: 60,
        series: { 'leader_election_master_status{namespace="postscreen-system",pod="postscreen-operator-1"}': level(0) },
      },
    ],
  },
  PostscreenOperatorErrors: {
    faults: [{ what: 'one pass of three fails', minutes: 60, notYet: 44, series: passes(4, 2), labels: {} }],
    nearMisses: [
      { what: 'one pass of twenty', minutes: 120, series: passes(9.5, 0.5) },
      { what: 'all passes for a minute', minutes: 120, series: passes(0, 2, 31) },
      { what: 'there are no passes', minutes: 120, series: passes(0, 0) },
    ],
  },
  PostscreenOperatorBehind: {
    faults: [
      {
        what: 'fifty policies wait',
        minutes: 46,
        notYet: 44,
        series: operator('workqueue_depth', from(30, level(50), level(0)), queue),
        labels: { pod, name: 'postscreenpolicy' },
        value: '50',
      },
    ],
    nearMisses: [
      { what: 'twenty policies wait', minutes: 90, series: operator('workqueue_depth', from(30, level(20), level(0)), queue) },
      {
        what: 'five hundred, for ten minutes after a start',
        minutes: 90,
        series: operator('workqueue_depth', during(30, 40, level(500), level(0)), queue),
      },
    ],
  },
  PostscreenWatchStale: {
    faults: [
      {
        what: 'the leader hears nothing of pods',
        minutes: 56,
        notYet: 54,
        series: heard(silentSince(30, Number.POSITIVE_INFINITY)),
        labels: { pod, resource: 'pods' },
      },
    ],
    nearMisses: [
      { what: 'for 19 minutes', minutes: 90, series: heard(silentSince(30, 49)) },
      {
        what: 'an operator that does not lead',
        minutes: 120,
        series: {
          'leader_election_master_status{namespace="postscreen-system",pod="postscreen-operator-1"}': level(0),
          'postscreen_watch_last_event_timestamp_seconds{namespace="postscreen-system",pod="postscreen-operator-1",resource="pods"}':
            level(0),
        },
      },
    ],
  },
}
