// A normal day and a half of a site: quiet nights, a spam wave, a deployment, an operator that is replaced.
import { counter, gateway, type Line, operator, pods, quiet, type Scene } from './series.ts'

const hour = 60
export const dayMinutes = 36 * hour

/** From 0.2 at four in the morning to 1 in the afternoon. */
const busy = (minute: number): number => 0.6 - 0.4 * Math.cos(((minute - 4 * hour) / (24 * hour)) * 2 * Math.PI)

/** Zombies, ten times as many as usual, for an hour and a half in the second morning. */
const wave = (minute: number): number => (minute >= 31 * hour && minute < 32.5 * hour ? 10 : 1)

/** A pod of a deployment that runs from `start` until `end`; it is counted from 0. */
const running = (start: number, end: number, rate: Line): Line => {
  const grows = counter((minute) => (minute > start ? rate(minute) : 0))
  return (minute) => (minute >= start && minute < end ? Math.floor(grows(minute) ?? 0) : undefined)
}

const lasting =
  (start: number, end: number, line: Line): Line =>
  (minute) =>
    minute >= start && minute < end ? line(minute) : undefined

/** All series of one gateway from `start` until `end`. */
function gatewayOf(pod: string, start: number, end: number): Scene {
  const counted = (metric: string, labels: string, rate: Line): Scene => ({ [gateway(pod, metric, labels)]: running(start, end, rate) })
  const at = (metric: string, labels: string, line: Line): Scene => ({ [gateway(pod, metric, labels)]: lasting(start, end, line) })
  return {
    ...counted('postscreen_connections_total', '', (minute) => 100 * busy(minute) * wave(minute)),
    ...counted('postscreen_passes_total', 'type="new"', (minute) => 4 * busy(minute)),
    ...counted('postscreen_passes_total', 'type="old"', (minute) => 27 * busy(minute)),
    ...counted('postscreen_rejects_total', 'code="550",reason="dnsbl",mode="enforce"', (minute) => 20 * busy(minute) * wave(minute)),
    ...counted('postscreen_backend_connect_seconds_count', '', (minute) => 30 * busy(minute)),
    // One client in two hours finds a mail server that restarts.
    ...counted('postscreen_backend_errors_total', 'reason="connect"', (minute) => Number(minute % (2 * hour) === 0)),
    ...counted('postscreen_client_connections_refused_total', '', () => 0),
    ...counted('postscreen_dnsbl_queries_total', 'zone_id="list.example",outcome="clean"', (minute) => 70 * busy(minute)),
    ...counted('postscreen_dnsbl_queries_total', 'zone_id="list.example",outcome="listed"', (minute) => 25 * busy(minute) * wave(minute)),
    ...counted('postscreen_dnsbl_queries_total', 'zone_id="list.example",outcome="timeout"', (minute) => 3 * busy(minute)),
    ...counted('postscreen_policy_apply_errors_total', '', () => 0),
    ...counted('postscreen_starttls_total', 'result="established"', (minute) => 10 * busy(minute)),
    ...counted('postscreen_starttls_total', 'result="failed"', (minute) => 0.4 * busy(minute)),
    // A new gateway has not checked its mail servers yet.
    ...at('postscreen_backends', 'state="working"', (minute) => (minute === start ? 0 : 2)),
    ...at('postscreen_backends', 'state="misconfigured"', () => 0),
    ...at('process_open_fds', '', (minute) => 100 + 300 * busy(minute)),
    ...at('process_max_fds', '', () => 1000),
    ...at('postscreen_allowlist_store_up', '', (minute) => Number(minute !== 10 * hour)),
    ...at('postscreen_allowlist_pending_writes', '', (minute) => (minute === 10 * hour ? 5 : 0)),
    ...at('postscreen_client_addresses_lost', 'reason="PrivateAddresses"', () => 0),
    ...at('postscreen_dnsbl_list_failing', 'zone_id="list.example"', () => 0),
    ...at('postscreen_policy_parts_left_out', '', () => 0),
    ...at('postscreen_policy_from_data_directory', '', () => 0),
    // The first minutes of the wave.
    ...at('postscreen_stress_mode', '', (minute) => Number(minute >= 31 * hour && minute < 31 * hour + 6)),
    ...at('postscreen_event_loop_lag_seconds', '', (minute) => (minute % 97 === 0 ? 0.7 : 0.03)),
  }
}

/** Two gateways, which are replaced one after the other at ten in the first morning, and the operator, which then starts again too. */
export function aDay(): Scene {
  const deployment = 10 * hour + 20
  const ofGateways = pods.map((pod, index) => ({
    ...gatewayOf(`${pod}-1`, 0, deployment + 2 * index),
    ...gatewayOf(`${pod}-2`, deployment + 2 * index + 1, dayMinutes + 1),
  }))
  const ofOperator = Object.fromEntries(
    Object.entries(quiet())
      .filter(([series]) => !series.includes('policy="mx"'))
      .map(([series, line]): [string, Line] => [
        series,
        (minute) => (minute >= deployment - 3 && minute < deployment ? undefined : line(minute)),
      ]),
  )
  return {
    ...Object.assign({}, ...ofGateways),
    ...ofOperator,
    ...operator('workqueue_depth', (minute) => (minute === deployment ? 40 : 0), 'name="postscreenpolicy"'),
  }
}
