// Which Secrets a policy names. The operator only mounts them into the gateway's pods; it has no right to read one.

/** One key of a Secret, which the gateway finds at `secrets/SECRET/KEY` beside its policy. */
export interface SecretFile {
  readonly secret: string
  readonly key: string
}

/** What a Secret of a certificate holds; ca.crt may be missing, as may any other: the gateway says what it lacks. */
const certificateKeys = ['tls.crt', 'tls.key', 'ca.crt'] as const

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function filesOf(field: string, value: unknown): readonly SecretFile[] {
  if (field === 'secretName' && typeof value === 'string' && value !== '') return certificateKeys.map((key) => ({ secret: value, key }))
  if (!field.endsWith('Secret') || !isObject(value)) return []
  const { name, key } = value
  return typeof name === 'string' && typeof key === 'string' ? [{ secret: name, key }] : []
}

function* secretsIn(value: unknown): Generator<SecretFile> {
  if (Array.isArray(value)) for (const entry of value) yield* secretsIn(entry)
  if (!isObject(value)) return
  for (const [field, inner] of Object.entries(value)) {
    yield* filesOf(field, inner)
    yield* secretsIn(inner)
  }
}

/**
 * Every key of a Secret that a checked spec names, each once, in a fixed order. All such fields are called `…Secret: {name, key}`, or `secretName`
 * for a certificate: a test of the schema holds them to it.
 */
export function secretFiles(spec: object): readonly SecretFile[] {
  const found = new Map([...secretsIn(spec)].map((file) => [`${file.secret}/${file.key}`, file]))
  return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` < `${b.secret}/${b.key}` ? -1 : 1))
}
