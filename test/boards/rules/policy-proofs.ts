// Proofs of the alerts about DNS lists and about what a gateway has of its policy.
import type { Case, Proof, Proofs } from './proof.ts'
import { counter, during, from, gateways, gatewayLabels, type Line, level, missing, oneGateway, pods, type Scene } from './series.ts'

const policy = gatewayLabels
const list = { ...policy, zone_id: 'list.example' }

const queries = (outcome: string, rate: Line): Scene =>
  gateways('postscreen_dnsbl_queries_total', counter(rate), `zone_id="list.example",outcome="${outcome}"`)
const timeouts = (rate: number, to = Number.POSITIVE_INFINITY): Scene => ({
  ...queries('timeout', during(30, to, level(rate), level(2))),
  ...queries('clean', during(30, to, level(100 - rate), level(78))),
  ...queries('listed', during(30, to, level(0), level(20))),
})
const failing = (line: Line): Scene => oneGateway('postscreen_dnsbl_list_failing', line, 'zone_id="list.example"')
const unhealthy = (line: Line): Scene =>
  oneGateway('postscreen_dnsbl_list_unhealthy', line, 'zone_id="list.example",reason="ListsEverything"')

const sender = { ...policy, domain: 'sender.example' }
const ofSender = (metric: string, line: Line, labels = ''): Scene => oneGateway(metric, line, `domain="sender.example"${labels}`)
const spfProblem = (reason: string, line: Line): Scene => ofSender('postscreen_spf_problem', line, `,reason="${reason}"`)
const spfAge = (line: Line): Scene => ofSender('postscreen_spf_age_seconds', line)
const spfNetworks = (line: Line): Scene => ofSender('postscreen_spf_networks', line)

interface Level {
  readonly metric: string
  readonly minutes: number
  readonly value?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly extra?: string
}

/** The proof of an alert that fires when a value of one gateway is 1 (or `value`) for some minutes. */
function ofLevel({ metric, minutes, value, labels, extra = '' }: Level): Proof {
  const high = level(Number(value ?? 1))
  const scene = (line: Line): Scene => oneGateway(metric, line, extra)
  const short: Case = {
    what: `for ${minutes - 1} minutes`,
    minutes: 90,
    series: scene(during(30, 30 + minutes - 1, high, level(0))),
  }
  return {
    faults: [
      {
        what: 'the value rises at one gateway',
        minutes: 31 + minutes,
        notYet: 29 + minutes,
        series: scene(from(30, high, level(0))),
        labels: { ...policy, ...labels },
        ...(value === undefined ? {} : { value }),
      },
    ],
    nearMisses: [
      short,
      {
        what: 'and the gateway is then replaced',
        minutes: 90,
        series: scene((minute) => (minute < 30 || minute >= 30 + minutes - 2 ? undefined : 1)),
      },
    ],
  }
}

export const policyProofs: Proofs = {
  PostscreenDNSListUnhealthy: {
    faults: [
      {
        what: 'a test has found that a list lists everything',
        minutes: 46,
        notYet: 44,
        series: unhealthy(from(30, level(1), () => undefined)),
        labels: { ...list, reason: 'ListsEverything' },
      },
    ],
    nearMisses: [{ what: 'for 14 minutes', minutes: 90, series: unhealthy(during(30, 44, level(1), () => undefined)) }],
  },
  PostscreenDNSListFails: {
    faults: [
      { what: 'four of five queries time out', minutes: 90, notYet: 60, series: timeouts(80), labels: list },
      { what: 'a list without its key is not asked', minutes: 61, notYet: 59, series: failing(from(30, level(1), level(0))), labels: list },
    ],
    nearMisses: [
      { what: 'two of five queries time out', minutes: 180, series: timeouts(40) },
      { what: 'for 20 minutes, four of five', minutes: 180, series: timeouts(80, 50) },
      { what: 'for 29 minutes, the list is not asked', minutes: 120, series: failing(during(30, 59, level(1), level(0))) },
      {
        what: 'there are no queries',
        minutes: 120,
        series: { ...queries('timeout', level(0)), ...queries('clean', level(0)), ...queries('listed', level(0)) },
      },
    ],
  },
  PostscreenSPFNotCurrent: {
    faults: [
      {
        what: 'a record permits everyone',
        minutes: 91,
        notYet: 89,
        series: spfProblem('PermitsAll', from(30, level(1), missing)),
        labels: sender,
      },
      {
        what: 'a record was not read for a day',
        minutes: 91,
        notYet: 89,
        series: spfAge(from(30, level(86_460), level(60))),
        labels: sender,
      },
      {
        what: 'a record permits nothing any more',
        minutes: 91,
        notYet: 89,
        series: spfNetworks(from(30, level(0), level(9))),
        labels: sender,
      },
    ],
    nearMisses: [
      { what: 'for 59 minutes, a record has an error', minutes: 180, series: spfProblem('SyntaxError', during(30, 89, level(1), missing)) },
      { what: 'DNS does not answer, and the last result is in use', minutes: 180, series: spfProblem('DNSError', level(1)) },
      { what: 'a record is read every six hours', minutes: 180, series: spfAge((minute) => 60 * minute) },
    ],
  },
  PostscreenPartsLeftOut: ofLevel({ metric: 'postscreen_policy_parts_left_out', minutes: 15, value: '2' }),
  PostscreenServesLastGoodPolicy: ofLevel({ metric: 'postscreen_policy_from_data_directory', minutes: 5, labels: { pod: pods[0] } }),
  PostscreenAccessTableLinesSkipped: ofLevel({
    metric: 'postscreen_access_table_skipped_lines',
    minutes: 15,
    value: '12',
    labels: { table: 'senders' },
    extra: 'table="senders"',
  }),
  PostscreenPolicyRefused: {
    faults: [
      {
        what: 'one gateway refuses one policy',
        minutes: 31,
        notYet: 29,
        series: oneGateway('postscreen_policy_apply_errors_total', counter(during(30, 31, level(1), level(0)))),
        labels: policy,
      },
    ],
    nearMisses: [
      {
        what: 'a gateway that has refused two starts again',
        minutes: 90,
        series: oneGateway('postscreen_policy_apply_errors_total', (minute) => (minute < 37 ? 2 : minute < 40 ? undefined : 0)),
      },
    ],
  },
}
