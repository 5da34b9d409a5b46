// Which Secrets a policy names. The operator only mounts them into the gateway's pods; it has no right to read one.
import { fields } from '../../crds/schema/fields.ts'
import { fieldsOf } from '../../crds/is-object.ts'
import type { SecretKind } from '../../crds/schema/field.ts'
import { valuesAt } from '../../crds/values-at.ts'

/** One key of a Secret, which the gateway finds at `secrets/SECRET/KEY` beside its policy. */
export interface SecretFile {
  readonly secret: string
  readonly key: string
}

/**
 * The keys of a Secret with a certificate. ca.crt may be missing. If another key is missing, the gateway reports it.
 */
const certificateKeys = ['tls.crt', 'tls.key', 'ca.crt'] as const

/**
 * The steps to every field that names a Secret for the gateway; `[]` at the end of a step means every entry. The schema
 * marks these fields.
 */
const places = fields().flatMap(({ path, secret }) => (secret === undefined ? [] : [{ steps: path.split('.').slice(1), secret }]))

function filesOf(value: unknown, secret: SecretKind): readonly SecretFile[] {
  if (secret === 'certificate')
    return typeof value === 'string' && value !== '' ? certificateKeys.map((key) => ({ secret: value, key })) : []
  const { name, key } = fieldsOf(value)
  return typeof name === 'string' && typeof key === 'string' ? [{ secret: name, key }] : []
}

/** Every key of a Secret that a checked spec names, each once, in a fixed order. */
export function secretFiles(spec: object): readonly SecretFile[] {
  const named = places.flatMap(({ steps, secret }) => [...valuesAt(spec, steps)].flatMap(({ value }) => filesOf(value, secret)))
  const found = new Map(named.map((file) => [`${file.secret}/${file.key}`, file]))
  return [...found.values()].toSorted((a, b) => (`${a.secret}/${a.key}` < `${b.secret}/${b.key}` ? -1 : 1))
}
