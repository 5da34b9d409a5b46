// Describes what is wrong with a policy: the findings of zod with their path, and a suggestion for misspelt fields.
import * as z from 'zod'
import { editDistance } from './edit-distance.ts'

export interface Problem {
  /** Such as `spec.dnsbl.sites[2].replies`; `manifest` for the whole; `line 3` for a text that is not YAML. */
  readonly path: string
  /** What is allowed there: `must be one of Ignore, Enforce, Drop`. */
  readonly why: string
  /** How many problems this one stands for, where it is not one. */
  readonly standsFor?: number
}

/** A path in its usual notation. Names that are not plain words are quoted in brackets. */
export function formatPath(path: readonly PropertyKey[]): string {
  const steps = path.map((step) => {
    if (typeof step === 'number') return `[${step}]`
    const name = String(step)
    return /^[A-Za-z_][A-Za-z0-9_]*$/.test(name) ? `.${name}` : `[${JSON.stringify(name)}]`
  })
  return steps.join('').replace(/^\./, '') || 'manifest'
}

/**
 * The known name that an unknown name was probably meant to be. A long name may contain more mistakes than a short one.
 */
export function closest(unknown: string, known: readonly string[]): string | undefined {
  if (unknown.length > 64) return undefined
  const ranked = known
    .map((name) => ({ name, distance: editDistance(unknown.toLowerCase(), name.toLowerCase()) }))
    .toSorted((a, b) => a.distance - b.distance)
  const best = ranked[0]
  return best && best.distance <= Math.ceil(Math.max(unknown.length, best.name.length) / 3) ? best.name : undefined
}

/** The schema inside defaults, options and transformations. */
export function unwrap(schema: z.core.$ZodType): z.core.$ZodType {
  if (schema instanceof z.ZodDefault || schema instanceof z.ZodPrefault) return unwrap(schema.def.innerType)
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodExactOptional) return unwrap(schema.def.innerType)
  return schema instanceof z.ZodPipe ? unwrap(schema.def.in) : schema
}

/** The names of the fields that a schema has at a path. */
function fieldNames(schema: z.core.$ZodType, path: readonly PropertyKey[]): readonly string[] {
  const plain = unwrap(schema)
  const [step, ...rest] = path
  if (plain instanceof z.ZodArray) return step === undefined ? [] : fieldNames(plain.def.element, rest)
  if (!(plain instanceof z.ZodObject)) return []
  if (step === undefined) return Object.keys(plain.def.shape)
  const inner = plain.def.shape[String(step)]
  return inner ? fieldNames(inner, rest) : []
}

/** The most unknown fields of one object that are reported by name. The search for similar names takes time. */
const unknownFieldsNamed = 20

/** One problem for each unknown field, the first fields of an object by name, and one problem for anything else. */
export function problemsOf(issue: z.core.$ZodIssue, schema: z.core.$ZodType): readonly Problem[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: formatPath(issue.path), why: issue.message }]
  const known = fieldNames(schema, issue.path)
  const more = issue.keys.length - unknownFieldsNamed
  const named = issue.keys.slice(0, unknownFieldsNamed).map((key): Problem => {
    const meant = closest(key, known)
    return {
      path: formatPath([...issue.path, key]),
      why: meant === undefined ? 'unknown field' : `unknown field; did you mean \`${meant}\`?`,
    }
  })
  return more > 0 ? [...named, { path: formatPath(issue.path), why: `has ${more} more unknown fields` }] : named
}

/** Problems of one policy that are reported. Each becomes a line of a log or of a status. */
const problemsAtMost = 100

/** The first of them; the last one then says how many more there are. */
export function firstProblems(problems: readonly Problem[]): readonly Problem[] {
  if (problems.length <= problemsAtMost) return problems
  const shown = problems.slice(0, problemsAtMost - 1)
  const further = problems.length - shown.length
  return [...shown, { path: 'manifest', why: `has ${further} more problems`, standsFor: further }]
}
