// metav1.MicroTime, as Leases and Events have it.

/** RFC 3339 in UTC with six digits after the second, of milliseconds since 1970. */
export function microTime(epochMs: number): string {
  return new Date(epochMs).toISOString().replace('Z', '000Z')
}
