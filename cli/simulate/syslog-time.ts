// The times of syslog: RFC 5424 and RFC 3339 have a zone; RFC 3164 has neither year nor zone.

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const dayMs = 86_400_000
let lastStamp = ''
let lastTime: number | undefined

/**
 * Epoch milliseconds of `Nov 23 06:12:04` (local time) or `2026-11-23T06:12:04.118Z`. Undefined for another text.
 * @param now a time without a year is the last one of that name that is not more than a day after this
 */
export function syslogTime(stamp: string, now: number): number | undefined {
  // Most lines have the time of the line before.
  if (stamp === lastStamp) return lastTime
  lastStamp = stamp
  lastTime = /^\d/.test(stamp) ? isoTime(stamp) : shortTime(stamp, now)
  return lastTime
}

function isoTime(stamp: string): number | undefined {
  // journalctl -o short-full: with the name of the local time zone, or UTC.
  const [, day, clock, zone] = /^(\S+) (\S+) (\S+)$/.exec(stamp) ?? []
  if (zone !== undefined) return isoTime(`${day}T${clock}${zone === 'UTC' ? 'Z' : /^[+-]/.test(zone) ? `${zone}:00` : ''}`)
  const time = Date.parse(stamp.replace(/([+-]\d\d)(\d\d)$/, '$1:$2').replace(/(\.\d{3})\d+/, '$1'))
  return Number.isNaN(time) ? undefined : time
}

function shortTime(stamp: string, now: number): number | undefined {
  const month = months.indexOf(stamp.slice(0, 3))
  const [day = 0, hour = 0, minute = 0, second = 0] = stamp.slice(4).trim().split(/[ :]+/).map(Number)
  if (month < 0) return undefined
  const year = new Date(now).getFullYear()
  for (const candidate of [year + 1, year]) {
    const time = new Date(candidate, month, day, hour, minute, second).getTime()
    if (time <= now + dayMs) return time
  }
  // 29 February exists only in some years.
  return new Date(year - 1, month, day, hour, minute, second).getTime()
}
