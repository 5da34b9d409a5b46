// Proofs of the alerts about clients: deliveries, refusals, the temporary allowlist, addresses and TLS.
import type { Proofs } from './proof.ts'
import { counter, during, from, gateways, gatewayLabels, type Line, level, missing, oneGateway, type Scene } from './series.ts'

const policy = gatewayLabels
const rejects = 'code="550",reason="dnsbl",mode="enforce"'
const fresh = 'type="new"'
const known = 'type="old"'
const hour = 60
const day = 24 * hour

const handOffs = (rate: Line): Scene => gateways('postscreen_backend_connect_seconds_count', counter(rate))
const connections = (rate: Line): Scene => gateways('postscreen_connections_total', counter(rate))
const passes = (fresh_: Line, known_: Line): Scene => ({
  ...gateways('postscreen_passes_total', counter(fresh_), fresh),
  ...gateways('postscreen_passes_total', counter(known_), known),
})
const refusals = (rate: Line): Scene => gateways('postscreen_rejects_total', counter(rate), rejects)
const change = (before: number, then: number, at = day + hour): Line => from(at, level(then), level(before))

/** Only from this minute on: the gateways are new. */
const since = (start: number, scene: Scene): Scene =>
  Object.fromEntries(
    Object.entries(scene).map(([series, line]) => [series, (minute: number) => (minute < start ? undefined : line(minute))]),
  )

const starttls = (established: Line, failed: Line): Scene => ({
  ...gateways('postscreen_starttls_total', counter(established), 'result="established"'),
  ...gateways('postscreen_starttls_total', counter(failed), 'result="failed"'),
})

const lost = (line: Line, reason = 'OneAddress'): Scene => oneGateway('postscreen_client_addresses_lost', line, `reason="${reason}"`)

const store = (up: Line, waiting: Line): Scene => ({
  ...oneGateway('postscreen_allowlist_store_up', up),
  ...oneGateway('postscreen_allowlist_pending_writes', waiting),
})

export const clientProofs: Proofs = {
  PostscreenNoDeliveries: {
    faults: [
      {
        what: 'clients come, and none has reached a mail server for six hours',
        minutes: 7 * hour + 11,
        notYet: 7 * hour - 2,
        series: handOffs(during(0, hour, level(30), level(0))),
        labels: policy,
      },
    ],
    nearMisses: [
      {
        what: 'less than 100 clients come in six hours',
        minutes: 8 * hour,
        series: { ...handOffs(level(0)), ...connections((minute) => (minute % 8 === 0 ? 1 : 0)) },
      },
      {
        what: 'one client reaches a mail server every five hours',
        minutes: 16 * hour,
        series: handOffs((minute) => (minute % 300 === 0 ? 1 : 0)),
      },
      { what: 'no client comes at all', minutes: 8 * hour, series: { ...handOffs(level(0)), ...connections(level(0)) } },
      {
        what: 'gateways that are an hour old have met zombies only',
        minutes: 3 * hour,
        series: since(2 * hour, { ...handOffs(level(0)), ...connections(level(100)) }),
      },
    ],
  },
  PostscreenMostClientsRefused: {
    faults: [
      {
        what: 'five times as many are refused as a day ago, and a third passes',
        minutes: day + hour + 50,
        notYet: day + hour + 10,
        series: { ...refusals(change(20, 100)), ...passes(change(3, 1), change(27, 9)) },
        labels: policy,
      },
    ],
    nearMisses: [
      { what: 'a wave of spam: as many pass as before', minutes: day + 3 * hour, series: refusals(change(20, 200)) },
      { what: 'a holiday: few pass, and no more are refused', minutes: day + 3 * hour, series: passes(change(3, 1), change(27, 5)) },
      {
        what: 'three times as many are refused, and a third passes',
        minutes: day + 3 * hour,
        series: { ...refusals(change(20, 60)), ...passes(change(3, 1), change(27, 9)) },
      },
      {
        what: 'a small site: one refusal every two minutes instead of none',
        minutes: day + 3 * hour,
        series: { ...refusals(change(0, 0.25)), ...passes(change(0.1, 0.01), change(1, 0.1)) },
      },
      {
        what: 'gateways without a yesterday',
        minutes: day + 3 * hour,
        series: since(day, { ...refusals(level(200)), ...passes(level(1), level(2)) }),
      },
    ],
  },
  PostscreenAllowlistLost: {
    faults: [
      {
        what: 'three of five clients that pass are new, instead of one of ten',
        minutes: day + hour + 31,
        notYet: day + hour + 10,
        series: passes(change(3, 18), change(27, 12)),
        labels: policy,
        value: '60%',
      },
    ],
    nearMisses: [
      { what: 'one of four is new', minutes: day + 3 * hour, series: passes(change(3, 7.5), change(27, 22.5)) },
      { what: 'two of five are new, at a site with one of five', minutes: day + 3 * hour, series: passes(change(6, 12), change(24, 18)) },
      { what: 'a small site: two of three are new', minutes: day + 3 * hour, series: passes(change(0.1, 1), change(1, 0.5)) },
      { what: 'for ten minutes', minutes: day + 3 * hour, series: passes(during(day, day + 6, level(18), level(3)), level(27)) },
      { what: 'the first hours of a site: all are new', minutes: 4 * hour, series: since(hour, passes(level(30), level(1))) },
    ],
  },
  PostscreenAllowlistNotWritten: {
    faults: [
      {
        what: 'records wait at one gateway, which cannot write them',
        minutes: 41,
        notYet: 39,
        series: store(from(30, level(0), level(1)), from(30, level(7), level(0))),
        labels: policy,
      },
    ],
    nearMisses: [
      { what: 'the store is away, and nothing waits', minutes: 90, series: store(from(30, level(0), level(1)), level(0)) },
      { what: 'records wait for a store that works', minutes: 90, series: store(level(1), level(7)) },
      { what: 'for nine minutes', minutes: 90, series: store(during(30, 39, level(0), level(1)), during(30, 39, level(7), level(0))) },
    ],
  },
  PostscreenClientAddressesLost: {
    faults: [
      {
        what: 'one gateway sees one address only',
        minutes: 36,
        notYet: 34,
        series: lost(from(30, level(1), level(0))),
        labels: { ...policy, reason: 'OneAddress' },
      },
    ],
    nearMisses: [
      { what: 'for four minutes', minutes: 90, series: lost(during(30, 34, level(1), level(0))) },
      { what: 'the reason is no longer there', minutes: 90, series: lost(during(30, 34, level(1), missing)) },
    ],
  },
  PostscreenSTARTTLSFails: {
    faults: [
      {
        what: 'one handshake of three fails',
        minutes: 70,
        notYet: 59,
        series: starttls(change(10, 10, 30), change(0.5, 5, 30)),
        labels: policy,
      },
    ],
    nearMisses: [
      { what: 'one handshake of eleven', minutes: 150, series: starttls(level(10), level(1)) },
      { what: 'nine handshakes in half an hour, all of which fail', minutes: 150, series: starttls(level(0), level(0.15)) },
      { what: 'for ten minutes, one of three', minutes: 150, series: starttls(level(10), during(30, 32, level(5), level(0.5))) },
      { what: 'no client uses STARTTLS', minutes: 90, series: starttls(level(0), level(0)) },
    ],
  },
}
