// Elapsed times as PREGREET and HANGUP lines show them.

/**
 * Seconds with at most two significant digits and two decimals, trailing zeros dropped (postscreen:
 * psc_format_delta_time, format_tv with SIG_DIGS 2 and delay_logging_resolution_limit 2). A clock that ran backwards
 * gives `0`.
 * @param ms elapsed milliseconds
 */
export function formatElapsed(ms: number): string {
  const elapsed = Math.max(0, ms)
  const step = elapsed < 1000 ? 10 : elapsed < 10_000 ? 100 : 1000
  return String((Math.floor((elapsed + step / 2) / step) * step) / 1000)
}
