// Records of the temporary allowlist of all shapes, for properties.
import fc from 'fast-check'

const stamp = () =>
  fc.oneof(fc.constantFrom(0, 1, 2, 1_700_000_000, Number.MAX_SAFE_INTEGER), fc.nat(), fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }))

/** As encodeRecord writes them. */
export const arbitraryRecord = (): fc.Arbitrary<string> =>
  fc.tuple(stamp(), stamp(), stamp(), stamp(), stamp()).map((stamps) => stamps.join(';'))
