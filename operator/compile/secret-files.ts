// Which Secrets a policy names. The operator only mounts them into the gateway's pods; it has no right to read one.
import { fields } from '../../crds/schema/fields.ts'
import { isObject } from '../../crds/is-object.ts'
import { valuesAt } from '../../crds/values-at.ts'

/** One key of a Secret, which the gateway finds at `secrets/SECRET/KEY` beside its policy. */
export interface SecretFile {
  readonly secret: string
  readonly key: string
}

/** What a Secret of a certificate holds; ca.crt may be missing, as may any other: the gateway says what it lacks. */
const certificateKeys = ['tls.crt', 'tls.key', 'ca.crt'] as const

/**
 * The steps to every field that names a Secret for the gateway to read; `[]` at the end of one means every entry. All such fields are called
 * `…Secret: {name, key}`, or `secretName` for a certificate. Found in the schema and not in the policy: annotations and labels may be called
 * alike, and those are the user's own.
 */
const places: readonly (readonly string[])[] = fields()
  .filter(({ path, type }) => path.endsWith('.secretName') || (path.endsWith('Secret') && type === 'object'))
  .map(({ path }) => path.split('.').slice(1))

function filesOf(value: unknown): readonly SecretFile[] {
  if (typeof value === 'string' && value !== '') return certificateKeys.map((key) => ({ secret: value, key }))
  if (!isObject(value)) return []
  const { name, key } = value
  return typeof name === 'string' && typeof key === 'string' ? [{ secret: name, key }] : []
}

/** Every key of a Secret that a checked spec names, each once, in a fixed order. */
export function secretFiles(spec: object): readonly SecretFile[] {
  const named = places.flatMap((place) => [...valuesAt(spec, place)].flatMap(({ value }) => filesOf(value)))
  const found = new Map(named.map((file) => [`${file.secret}/${file.key}`, file]))
  return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` < `${b.secret}/${b.key}` ? -1 : 1))
}
