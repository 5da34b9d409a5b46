// Whether a value of a manifest is an object with fields: neither a list nor null.
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
