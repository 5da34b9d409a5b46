// metav1.MicroTime, which Leases and Events use.

/** Milliseconds since 1970 as RFC 3339 in UTC, with six digits after the second. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}
