// The client address of each run of a property test: a run is known everywhere by the address of its client.

const firstNetwork = 64

/** Up to four million runs have addresses of their own. */
export const addressOfRun = (run: number): string => `127.${firstNetwork + (run >> 16)}.${(run >> 8) & 255}.${run & 255}`

export function isRunAddress(address: string): boolean {
  const [a, b] = address.split('.').map(Number)
  return a === 127 && b !== undefined && b >= firstNetwork && b < firstNetwork + 64
}

export function runOf(address: string): number {
  const [, b = 0, c = 0, d = 0] = address.split('.').map(Number)
  return ((b - firstNetwork) << 16) + (c << 8) + d
}
