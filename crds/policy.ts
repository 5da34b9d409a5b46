// Reads a policy manifest and returns the parsed policy, or all its problems.
import { load, YAMLException } from 'js-yaml'
import * as z from 'zod'
import { apiVersion, kind, type PostscreenPolicy, policySpec } from './schema/policy.schema.ts'
import { policyNameMaxLength, policyNamePattern, policyNameWhy } from './values/policy-name.ts'
import { firstProblems, formatPath, type Problem, problemsOf, unwrap } from './problems.ts'
import { brokenRules } from './schema/rules.ts'
import { choice, record, text } from './schema/field.ts'

export type { Problem } from './problems.ts'

export type PolicyResult =
  | { readonly policy: PostscreenPolicy }
  /** `generation`: the generation in the manifest, if it has one, even if the rest is not valid. */
  | { readonly problems: readonly Problem[]; readonly generation?: number }

/**
 * A policy must fit into an etcd object or a ConfigMap, about 1 MiB as JSON. YAML with comments may be somewhat longer.
 */
const textAtMost = 4 * 1024 * 1024

/**
 * The most values in a manifest. Each alias of YAML counts as all the values that it stands for. A text of 4 MiB has
 * fewer values unless nested aliases multiply them. All later steps take time in proportion to this limit.
 */
const valuesAtMost = 500_000

/** Whether a manifest has more values than the limit. Stops at the limit, because aliases in YAML can make loops. */
export function hasTooManyValues(manifest: unknown, most = valuesAtMost): boolean {
  const open: unknown[] = [manifest]
  let count = 1
  for (let value = open.pop(); count <= most && (value !== undefined || open.length > 0); value = open.pop()) {
    if (typeof value !== 'object' || value === null) continue
    const inner: readonly unknown[] = Object.values(value)
    count += inner.length
    if (count <= most) for (const one of inner) open.push(one)
  }
  return count > most
}

const policyName = text({
  min: 1,
  max: 253,
  pattern: policyNamePattern,
  why: policyNameWhy,
  problem: (name) => (name.length > policyNameMaxLength ? policyNameWhy : undefined),
})

const namespaceName = text({
  min: 1,
  max: 63,
  pattern: '^[a-z0-9]([-a-z0-9]*[a-z0-9])?$',
  why: 'must be a name of lower-case letters, digits and hyphens',
})

const texts = z.record(z.string(), z.string({ error: 'must be text' }), { error: 'must be a map of names to texts' })

/** Only the metadata that is used is checked. Kubernetes adds more. */
const metadata = z.looseObject(
  {
    name: policyName,
    namespace: namespaceName.exactOptional(),
    generation: z.int({ error: 'must be a whole number' }).exactOptional(),
    resourceVersion: z.string({ error: 'must be text' }).exactOptional(),
    uid: z.string({ error: 'must be text' }).exactOptional(),
    labels: texts.exactOptional(),
    annotations: texts.exactOptional(),
  },
  { error: (issue) => (issue.input === undefined ? 'is required: must have at least a name' : 'must be an object with fields') },
)

const manifestSchema = record({
  apiVersion: choice([apiVersion]),
  kind: choice([kind]),
  metadata,
  spec: policySpec,
  status: z.unknown().optional(),
})

/**
 * Omits fields with a null value, as the API server does before it fills in defaults. Unknown fields and entries of
 * lists stay unchanged, so that they are refused. Goes no deeper than the schema, because aliases in YAML can make
 * loops.
 */
function withoutNulls(value: unknown, schema: z.core.$ZodType): unknown {
  const plain = unwrap(schema)
  if (Array.isArray(value)) return plain instanceof z.ZodArray ? value.map((entry) => withoutNulls(entry, plain.def.element)) : value
  if (typeof value !== 'object' || value === null || !(plain instanceof z.ZodObject || plain instanceof z.ZodRecord)) return value
  // In a patch, null removes a field.
  if (plain instanceof z.ZodRecord && plain.def.valueType instanceof z.ZodUnknown) return value
  const inner = (name: string) =>
    plain instanceof z.ZodRecord ? plain.def.valueType : Object.hasOwn(plain.shape, name) && plain.shape[name]
  return Object.fromEntries(
    Object.entries(value).flatMap(([name, entry]) => {
      const field = inner(name)
      if (!field) return [[name, entry]]
      return entry === null || entry === undefined ? [] : [[name, withoutNulls(entry, field)]]
    }),
  )
}

/**
 * Checks a manifest (the loaded YAML or JSON, or an object from the API server) and fills in every default.
 * In the resulting policy, times are whole seconds. Never throws: `problems` contains all problems at once.
 */
export function parsePolicy(manifest: unknown): PolicyResult {
  if (hasTooManyValues(manifest)) {
    const why = `must have at most ${valuesAtMost} values, counting the values of each YAML alias again; move long lists to a table (access[].table)`
    return { problems: [{ path: 'manifest', why }] }
  }
  const written = withoutNulls(manifest, manifestSchema)
  const parsed = manifestSchema.safeParse(written)
  const found = [
    ...(parsed.error?.issues ?? []).flatMap((issue) => problemsOf(issue, manifestSchema)),
    ...[...brokenRules(written)].map(({ path, message }) => ({ path: formatPath(path), why: message })),
  ]
  if (found.length > 0 || !parsed.success) return { problems: firstProblems(distinct(found)), ...generationOf(written) }
  const { apiVersion: version, kind: what, metadata: about, spec } = parsed.data
  return { policy: { apiVersion: version, kind: what, metadata: about, spec } }
}

function generationOf(manifest: unknown): { readonly generation?: number } {
  const read = z.object({ metadata: z.object({ generation: z.int() }) }).safeParse(manifest)
  return read.success ? { generation: read.data.metadata.generation } : {}
}

const distinct = (problems: readonly Problem[]): readonly Problem[] => [
  ...new Map(problems.map((problem) => [`${problem.path}\n${problem.why}`, problem])).values(),
]

/**
 * Loads a manifest from YAML text (JSON is YAML too) and checks it. A text that is not YAML is one problem, with the
 * line as its path.
 */
export function readPolicyText(yamlText: string): PolicyResult {
  if (yamlText.length > textAtMost) return { problems: [{ path: 'manifest', why: `must have at most ${textAtMost} characters` }] }
  try {
    return parsePolicy(load(yamlText))
  } catch (error) {
    if (!(error instanceof YAMLException)) throw error
    const line = error.mark === undefined || error.mark === null ? 'manifest' : `line ${error.mark.line + 1}`
    return { problems: [{ path: line, why: `is not valid YAML: ${error.reason}` }] }
  }
}
