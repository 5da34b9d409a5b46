// Series for promtool: the value of each as a function of the minute.

/** The value in a minute; undefined: the series is missing there. */
export type Line = (minute: number) => number | undefined

/** By the name of the series with its labels. */
export type Scene = Readonly<Record<string, Line>>

export const level =
  (value: number): Line =>
  () =>
    value

/** `inside` from minute `from` until before minute `to`, otherwise `outside`. */
export const during =
  (from: number, to: number, inside: Line, outside: Line): Line =>
  (minute) =>
    (minute >= from && minute < to ? inside : outside)(minute)

export const from = (start: number, then: Line, before: Line): Line => during(start, Number.POSITIVE_INFINITY, then, before)

export const missing: Line = () => undefined

/** A counter that grows by `rate` in each minute. */
export function counter(rate: Line): Line {
  const sums = [0]
  return (minute) => {
    for (let at = sums.length; at <= minute; at++) sums.push((sums[at - 1] ?? 0) + (rate(at) ?? 0))
    return sums[minute]
  }
}

/** A counter of a process that starts again at this minute, after having been away for some minutes. */
export const restarted = (start: number, away: number, rate: number): Line => {
  const before = counter(level(rate))
  return (minute) => (minute < start - away ? before(minute) : minute < start ? undefined : rate * (minute - start))
}

const labelled = (metric: string, labels: readonly string[]): string => `${metric}{${labels.filter((one) => one !== '').join(',')}}`

export const gatewayLabels = { namespace: 'mail', policy: 'mx' }
export const operatorPlace = { namespace: 'postscreen-system', name: 'postscreen-operator' }
export const pods = ['mx-gateway-a', 'mx-gateway-b'] as const

/** The series of a metric for one gateway. */
export const gateway = (pod: string, metric: string, labels = ''): string =>
  labelled(metric, [`namespace="${gatewayLabels.namespace}"`, `policy="${gatewayLabels.policy}"`, `pod="${pod}"`, labels])

/** The same line for both gateways. */
export const gateways = (metric: string, line: Line, labels = ''): Scene =>
  Object.fromEntries(pods.map((pod) => [gateway(pod, metric, labels), line]))

/** The same line for the first gateway only. */
export const oneGateway = (metric: string, line: Line, labels = ''): Scene => ({ [gateway(pods[0], metric, labels)]: line })

export const operator = (metric: string, line: Line, labels = ''): Scene => ({
  [labelled(metric, [`namespace="${operatorPlace.namespace}"`, `pod="${operatorPlace.name}-0"`, labels])]: line,
})

/** A condition of the policy mail/mx. */
export const condition = (type: string, status: string, line: Line): Scene => ({
  [labelled('postscreen_policy_condition', ['namespace="mail"', 'name="mx"', `condition="${type}"`, `status="${status}"`])]: line,
})

/** Everything as in a quiet hour: two gateways of a policy and one operator. */
export function quiet(): Scene {
  const each = (metric: string, rate: number, labels = ''): Scene => gateways(metric, counter(level(rate)), labels)
  const at = (metric: string, value: number, labels = ''): Scene => gateways(metric, level(value), labels)
  return {
    ...each('postscreen_connections_total', 100),
    ...each('postscreen_passes_total', 3, 'type="new"'),
    ...each('postscreen_passes_total', 27, 'type="old"'),
    ...each('postscreen_rejects_total', 20, 'code="550",reason="dnsbl",mode="enforce"'),
    ...each('postscreen_backend_connect_seconds_count', 30),
    ...each('postscreen_backend_errors_total', 0, 'reason="connect"'),
    ...each('postscreen_client_connections_refused_total', 0),
    ...each('postscreen_dnsbl_queries_total', 78, 'zone_id="list.example",outcome="clean"'),
    ...each('postscreen_dnsbl_queries_total', 20, 'zone_id="list.example",outcome="listed"'),
    ...each('postscreen_dnsbl_queries_total', 2, 'zone_id="list.example",outcome="timeout"'),
    ...each('postscreen_policy_apply_errors_total', 0),
    ...each('postscreen_starttls_total', 10, 'result="established"'),
    ...each('postscreen_starttls_total', 0.5, 'result="failed"'),
    ...at('postscreen_backends', 2, 'state="working"'),
    ...at('postscreen_backends', 0, 'state="misconfigured"'),
    ...at('process_open_fds', 300),
    ...at('process_max_fds', 1000),
    ...at('postscreen_allowlist_store_up', 1),
    ...at('postscreen_allowlist_pending_writes', 0),
    ...at('postscreen_client_addresses_lost', 0, 'reason="PrivateAddresses"'),
    ...at('postscreen_dnsbl_list_failing', 0, 'zone_id="list.example"'),
    ...at('postscreen_policy_parts_left_out', 0),
    ...at('postscreen_policy_from_data_directory', 0),
    ...at('postscreen_stress_mode', 0),
    ...at('postscreen_event_loop_lag_seconds', 0.02),
    ...quietOperator(),
  }
}

function quietOperator(): Scene {
  const good = ['Ready', 'Programmed'].flatMap((type) =>
    ['True', 'False', 'Unknown'].map((status) => condition(type, status, level(status === 'True' ? 1 : 0))),
  )
  return {
    ...Object.assign({}, ...good),
    ...condition('Stalled', 'True', level(0)),
    ...condition('Stalled', 'False', level(1)),
    ...operator('postscreen_status_fields_omitted', level(0)),
    ...operator('leader_election_master_status', level(1)),
    ...operator('controller_runtime_reconcile_total', counter(level(6)), 'controller="postscreenpolicy",result="success"'),
    ...operator('controller_runtime_reconcile_total', counter(level(0)), 'controller="postscreenpolicy",result="error"'),
    ...operator('controller_runtime_reconcile_errors_total', counter(level(0)), 'controller="postscreenpolicy"'),
    ...operator('workqueue_depth', level(1), 'name="postscreenpolicy"'),
    // An event every five minutes; time begins at 0.
    ...operator('postscreen_watch_last_event_timestamp_seconds', (minute) => 60 * (minute - (minute % 5)), 'resource="pods"'),
  }
}
