// Tests whether a value of a manifest or a response is an object with fields, and returns its fields.

/** Lists and null are not objects. */
export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/** The value if it is an object; otherwise an object without fields. */
export const fieldsOf = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {})
