// Proofs of the alerts about mail servers, connections and the process.
import type { Proofs } from './proof.ts'
import { counter, during, from, gateways, gatewayLabels, level, missing, oneGateway, pods, restarted } from './series.ts'

const policy = gatewayLabels
const pod = { ...policy, pod: pods[0] }
const connect = 'reason="connect"'
const working = 'state="working"'

/** Both gateways start again at minute 40, after three minutes. */
const rollout = {
  ...gateways('postscreen_backend_connect_seconds_count', restarted(40, 3, 30)),
  ...gateways('postscreen_backend_errors_total', restarted(40, 3, 0), connect),
  ...gateways('postscreen_backends', during(37, 40, missing, level(2)), working),
}

const errors = (rate: number, handedOff: number, to = Number.POSITIVE_INFINITY) => ({
  ...gateways('postscreen_backend_errors_total', counter(during(30, to, level(rate), level(0))), connect),
  ...gateways('postscreen_backend_connect_seconds_count', counter(during(30, to, level(handedOff), level(30)))),
})

export const backendProofs: Proofs = {
  PostscreenNoMailServer: {
    faults: [{ what: 'four of five clean clients find no mail server', minutes: 42, notYet: 35, series: errors(40, 10), labels: policy }],
    nearMisses: [
      { what: 'two of five clean clients find none', minutes: 120, series: errors(20, 30) },
      { what: 'for two minutes, four of five find none', minutes: 90, series: errors(40, 10, 32) },
      { what: 'the gateways start again', minutes: 90, series: rollout },
      { what: 'there are no clients at all', minutes: 90, series: errors(0, 0) },
    ],
  },
  PostscreenMailServersDown: {
    faults: [
      {
        what: 'both gateways find every mail server failing',
        minutes: 32,
        notYet: 30,
        series: gateways('postscreen_backends', from(30, level(0), level(2)), working),
        labels: policy,
      },
    ],
    nearMisses: [
      {
        what: 'only one gateway finds them failing',
        minutes: 90,
        series: oneGateway('postscreen_backends', from(30, level(0), level(2)), working),
      },
      {
        what: 'they fail in a single scrape',
        minutes: 60,
        series: gateways('postscreen_backends', during(30, 31, level(0), level(2)), working),
      },
      { what: 'one mail server of two fails', minutes: 60, series: gateways('postscreen_backends', from(30, level(1), level(2)), working) },
      { what: 'the gateways start again', minutes: 90, series: rollout },
    ],
  },
  PostscreenMailServerMisconfigured: {
    faults: [
      {
        what: 'one gateway finds one mail server that does not read the PROXY header',
        minutes: 32,
        notYet: 30,
        series: oneGateway('postscreen_backends', from(30, level(1), level(0)), 'state="misconfigured"'),
        labels: policy,
        value: '1',
      },
    ],
    nearMisses: [
      {
        what: 'in a single scrape, while Postfix starts',
        minutes: 60,
        series: gateways('postscreen_backends', during(30, 31, level(1), level(0)), 'state="misconfigured"'),
      },
    ],
  },
  PostscreenBackendErrors: {
    faults: [
      {
        what: 'one client in five minutes finds no mail server',
        minutes: 60,
        notYet: 44,
        series: gateways(
          'postscreen_backend_errors_total',
          counter((minute) => (minute >= 30 && minute % 5 === 0 ? 1 : 0)),
          connect,
        ),
        labels: { ...policy, reason: 'connect' },
        value: '6',
      },
    ],
    nearMisses: [
      {
        what: 'a single client',
        minutes: 90,
        series: gateways('postscreen_backend_errors_total', counter(during(30, 31, level(1), level(0))), connect),
      },
      { what: 'the gateways start again', minutes: 90, series: rollout },
    ],
  },
  PostscreenConnectionsFull: {
    faults: [
      {
        what: 'one gateway refuses clients all the time',
        minutes: 40,
        notYet: 34,
        series: oneGateway('postscreen_client_connections_refused_total', counter(from(30, level(10), level(0)))),
        labels: policy,
        value: '50',
      },
    ],
    nearMisses: [
      {
        what: 'a burst of a minute',
        minutes: 90,
        series: gateways('postscreen_client_connections_refused_total', counter(during(30, 31, level(500), level(0)))),
      },
      {
        what: 'a gateway that has refused clients starts again',
        minutes: 90,
        series: oneGateway('postscreen_client_connections_refused_total', (minute) => (minute < 37 ? 500 : minute < 40 ? undefined : 0)),
      },
    ],
  },
  PostscreenOpenFiles: {
    faults: [
      {
        what: 'one gateway has 95 % of its files open',
        minutes: 36,
        notYet: 34,
        series: oneGateway('process_open_fds', from(30, level(950), level(300))),
        labels: pod,
      },
    ],
    nearMisses: [
      { what: '90 % of them', minutes: 90, series: gateways('process_open_fds', from(30, level(900), level(300))) },
      { what: '95 % for four minutes', minutes: 90, series: gateways('process_open_fds', during(30, 34, level(950), level(300))) },
      {
        what: 'the limit is not known',
        minutes: 60,
        series: { ...gateways('process_open_fds', level(950)), ...gateways('process_max_fds', missing) },
      },
    ],
  },
  PostscreenGatewaySlow: {
    faults: [
      {
        what: 'the event loop of one gateway is blocked in every scrape',
        minutes: 46,
        notYet: 43,
        series: oneGateway('postscreen_event_loop_lag_seconds', from(30, level(0.8), level(0.02))),
        labels: pod,
        value: '800ms',
      },
    ],
    nearMisses: [
      { what: 'half a second', minutes: 90, series: gateways('postscreen_event_loop_lag_seconds', from(30, level(0.5), level(0.02))) },
      {
        what: 'in nine scrapes of ten',
        minutes: 120,
        series: gateways('postscreen_event_loop_lag_seconds', (minute) => (minute % 10 === 0 ? 0.1 : 2)),
      },
      {
        what: 'for twelve minutes',
        minutes: 90,
        series: gateways('postscreen_event_loop_lag_seconds', during(30, 42, level(0.8), level(0.02))),
      },
      {
        what: 'in the first scrape after a start',
        minutes: 90,
        series: gateways('postscreen_event_loop_lag_seconds', (minute) => (minute < 30 ? undefined : minute === 30 ? 3 : 0.02)),
      },
    ],
  },
  PostscreenStress: {
    faults: [
      {
        what: 'one gateway is in stress mode',
        minutes: 46,
        notYet: 44,
        series: oneGateway('postscreen_stress_mode', from(30, level(1), level(0))),
        labels: pod,
      },
    ],
    nearMisses: [
      { what: 'for 14 minutes', minutes: 90, series: gateways('postscreen_stress_mode', during(30, 44, level(1), level(0))) },
      {
        what: 'again and again for ten minutes',
        minutes: 120,
        series: gateways('postscreen_stress_mode', (minute) => Number(minute % 20 < 10)),
      },
    ],
  },
}
