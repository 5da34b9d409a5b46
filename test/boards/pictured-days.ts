// Three days of a site that is made up: the third one has an attack. The picture of the dashboard shows the second and the third.
import { counter, gateways, type Line, type Scene } from './rules/series.ts'

export const hour = 60
export const day = 24 * hour
export const attack = { from: 2 * day + 10 * hour, to: 2 * day + 13 * hour } as const

/** From 0.25 at four in the morning to 1 in the afternoon, with the small unevenness of real traffic. */
const busy = (minute: number): number =>
  0.625 - 0.375 * Math.cos(((minute - 4 * hour) / day) * 2 * Math.PI) + 0.05 * Math.sin(minute / 17) + 0.04 * Math.sin(minute / 5.3)

/** How many times as many zombies come as usual. */
function wave(minute: number): number {
  if (minute < attack.from || minute >= attack.to) return 1
  const rising = Math.min(1, (minute - attack.from) / 20, (attack.to - minute) / 25)
  return 1 + rising * (11 + 2 * Math.sin(minute / 11))
}

/** Sessions in a minute at one gateway. */
const rates: Readonly<Record<string, Line>> = {
  known: (minute) => 30 * busy(minute),
  new: (minute) => 3 * busy(minute),
  comeBack: (minute) => 2 * busy(minute),
  hangup: (minute) => 6 * busy(minute) * wave(minute) ** 0.5,
  dnsbl: (minute) => 14 * busy(minute) * wave(minute),
  pregreet: (minute) => 8 * busy(minute) * wave(minute) ** 1.1,
  deepTests: (minute) => 2 * busy(minute) * wave(minute) ** 0.6,
  noBackend: () => 0,
}
const rate = (outcome: string): Line => rates[outcome] ?? (() => 0)
const sum = (...outcomes: readonly string[]): Line => {
  const lines = outcomes.map(rate)
  return (minute) => lines.reduce((total, line) => total + (line(minute) ?? 0), 0)
}
const refused = ['dnsbl', 'pregreet', 'deepTests']
const underTest = sum(...refused, 'new', 'comeBack', 'hangup')

/** What the gateways of this site count. */
export const picturedDays = (): Scene => ({
  ...Object.assign(
    {},
    ...Object.entries(rates).map(([outcome, line]) =>
      gateways('postscreen_sessions_total', counter(line), `outcome="${outcome}",mode="enforce"`),
    ),
  ),
  ...gateways('postscreen_connections_total', counter(sum(...Object.keys(rates)))),
  ...gateways('postscreen_backend_connect_seconds_count', counter(sum('known', 'new'))),
  ...gateways('postscreen_rejects_total', counter(sum(...refused)), 'code="550",reason="rcpt",mode="enforce"'),
  ...gateways('postscreen_tests_total', counter(rate('dnsbl')), 'test="dnsbl",verdict="fail",action="Enforce",mode="enforce"'),
  ...gateways('postscreen_tests_total', counter(rate('pregreet')), 'test="pregreet",verdict="fail",action="Enforce",mode="enforce"'),
  ...gateways('postscreen_tests_total', counter(rate('deepTests')), 'test="pipelining",verdict="fail",action="Enforce",mode="enforce"'),
  // A test before the greeting takes six seconds, a session at a mail server half a minute.
  ...gateways('postscreen_active_sessions', (minute) => Math.round((underTest(minute) ?? 0) / 10), 'phase="early"'),
  ...gateways('postscreen_active_sessions', (minute) => Math.round((sum(...refused)(minute) ?? 0) / 15), 'phase="smtp"'),
  ...gateways('postscreen_active_sessions', (minute) => Math.round((sum('known', 'new')(minute) ?? 0) / 2), 'phase="relay"'),
})
