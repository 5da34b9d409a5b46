// Host names and domains, which several fields of the policy have. The run time checks them in detail (values/host.ts).
// The API server checks the same rules in CEL.
import { hostNameProblem } from '../values/host.ts'
import { celMatches, text } from './field.ts'

/** One label. */
const label = '[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?'
/** A pattern for names whose labels have up to 63 characters. */
export const nameForm = `${label}([.]${label})*`

/** Why a text is not a host name or domain. @param what with an example: `a host name such as mx.example.com` */
export function nameProblem(what: string): (name: string) => string | undefined {
  return (name) => {
    const problem = hostNameProblem(name)
    return problem === undefined ? undefined : `must be ${what}: ${problem}`
  }
}

interface NameOptions {
  /** With an example: `a host name such as mx.example.com`. */
  readonly what: string
  readonly max: number
  readonly mayBeEmpty: boolean
}

/** A host name or domain without a default. */
export function hostName({ what, max, mayBeEmpty }: NameOptions) {
  const why = `must be ${what}`
  const problem = nameProblem(what)
  const form = celMatches(mayBeEmpty ? `^(${nameForm})?$` : `^${nameForm}$`)
  return text({
    ...(mayBeEmpty ? {} : { min: 1 }),
    max,
    pattern: `^[A-Za-z0-9._-]${mayBeEmpty ? '*' : '+'}$`,
    why,
    rules: [
      { rule: `self.size() <= ${max}`, message: `must have at most ${max} characters` },
      { rule: `${form} && !${celMatches('^[0-9.]+$')}`, message: why },
    ],
    problem: (name) => (mayBeEmpty && name === '' ? undefined : problem(name)),
  })
}
