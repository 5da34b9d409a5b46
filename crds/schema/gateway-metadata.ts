// The forms of labels, annotations and names that the fields of the gateway share.
import { documented, map, text } from './field.ts'

const qualified = /^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*\/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?$/

/** Why a label or annotation cannot have this name. Users cannot set the operator's own. */
function keyProblem(key: string): string | undefined {
  if (!qualified.test(key) || key.length > 317) return 'must be a name such as example.com/name'
  return /^(app\.kubernetes\.io|postscreen\.dev)\//.test(key) ? 'is set by the operator' : undefined
}

export const anyKeyProblem = (key: string): string | undefined =>
  qualified.test(key) && key.length <= 317 ? undefined : 'must be a name such as kubernetes.io/os'

export const labelValue = () =>
  text({
    max: 63,
    pattern: '^([A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?)?$',
    why: 'must be letters, digits, hyphens, dots and underscores, and must begin and end with a letter or digit',
  })

export const annotations = (of: string) =>
  documented(
    map(
      text({ max: 4096, why: 'must be text (in quotes if it looks like a number)' }),
      50,
      'must be a map of names to texts',
      keyProblem,
    ).default({}),
    {
      doc: `Annotations of ${of}.`,
      tenancy: 'default',
    },
  )

export const labels = (of: string) =>
  documented(map(labelValue(), 50, 'must be a map of names to texts', keyProblem).default({}), {
    doc: `Labels of ${of}, in addition to the labels that the operator sets.`,
    tenancy: 'default',
  })

/** The name of an object, or empty. */
export const optionalName = (why: string) => text({ max: 253, pattern: '^([A-Za-z0-9]([-A-Za-z0-9./]*[A-Za-z0-9])?)?$', why })
