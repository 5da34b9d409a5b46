// The building blocks of the policy schema. Each makes a zod schema that checks a written value, says in words for a person what is allowed,
// and carries what the CRD, the reference and the importers need to know about the field.
import { z } from 'zod'
import {
  celIsTime,
  celSeconds,
  durationMaxLength,
  durationPattern,
  parseDuration,
  positiveDurationPattern,
  type TimeUnit,
  timeUnits,
} from '../values/duration.ts'

/** How an importer turns the text of a Postfix parameter or Zimbra attribute into the field's value. The last few need code of their own. */
export type Conversion =
  | { readonly as: 'duration'; readonly bareUnit: TimeUnit }
  /** The time that a stress-dependent parameter has under stress. */
  | { readonly as: 'stressDuration'; readonly bareUnit: TimeUnit }
  | { readonly as: 'action' | 'boolean' | 'notBoolean' | 'integer' | 'text' | 'template' | 'words' }
  | { readonly as: 'proxyProtocol' | 'tlsLevel' | 'tlsSetting' | 'dnsblSites' | 'replyMap' | 'accessList' | 'addressMatchList' }
  | { readonly as: 'keywordMaps' | 'footerMaps' | 'commandFilter' | 'forbiddenCommands' }

/** The Postfix parameters of a field, in the order in which they decide. */
export interface PostfixNames {
  readonly own?: string
  /** Earlier names, which count through the default of the own one. */
  readonly old?: readonly string[]
  /** The parameter whose value is the own one's default. */
  readonly inherits?: string
}

/**
 * What an operator with `--tenancy restricted` allows in a field, by how far the effect of the field reaches; tenancy.ts applies it.
 * A number, a time, a switch or a word of a list cannot name anything: outside spec.gateway these need no note. All other fields do.
 */
export type Tenancy =
  /** Any value: the effect ends at the policy's own gateway. */
  | 'own'
  /** The default only: the effect reaches nodes, other pods, or servers that the policy does not show. */
  | 'default'
  /** The name of a Secret or ConfigMap: it must begin with the operator's prefix. */
  | 'prefixedName'
  /** A namespace: that of the policy only. */
  | 'ownNamespace'
  /** Servers: Services of the policy's namespace, and what the operator's list has. */
  | 'listedHosts'
  /** Some of the words of a choice. */
  | { readonly values: readonly string[] }
  /** Some names of a map. */
  | { readonly keys: readonly string[] }

/** What is known about a field besides its type, bounds and default, which are the zod schema's. */
export interface FieldDoc {
  readonly doc: string
  /** Of the parsed value. */
  readonly unit?: string
  readonly postfix?: PostfixNames
  readonly zimbra?: readonly string[]
  readonly convert?: Conversion
  /** In words, for a field whose default is worked out when the policy is read. */
  readonly computedDefault?: string
  /** What is different from Postfix, when something is. */
  readonly differs?: string
  /** `default` for an object or a list of objects counts for all fields inside. */
  readonly tenancy?: Tenancy
}

/** The names under which the notes travel through zod into JSON schema; structural.ts takes them out again. */
export const docKey = 'x-doc'
export const kindKey = 'x-kind'
export const boundsKey = 'x-bounds'
export const formKey = 'x-form'

/** What the API server checks of one text, and what it answers: CEL over `self`. */
export interface FormRule {
  readonly rule: string
  /** The words of the run time. */
  readonly message: string
}

/** CEL for a pattern. A `pattern` of the CRD would be shown to a person as the only answer. */
export const celMatches = (pattern: string): string => `self.matches(${pattern.includes('\\') ? 'r' : ''}'${pattern}')`

/** Says what is allowed, and that it is required when it is missing altogether. */
const error = (why: string) => (issue: { readonly input?: unknown }) => (issue.input === undefined ? `is required: ${why}` : why)

/** Attaches what is known about a field to its finished schema. */
export function documented<T extends z.ZodType>(schema: T, doc: FieldDoc): T {
  return schema.meta({ [docKey]: doc })
}

/** The form of an amount that is written as text, for RE2 and JavaScript alike. */
export const quantityPattern = '^[0-9]{1,15}([.][0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$'

const oneOf = (values: readonly string[]): string => `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`

/** One of a few words. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, { error: error(oneOf(values)) })

export const actions = ['Ignore', 'Enforce', 'Drop'] as const

/** What a failed test leads to, with its default. */
export const action = (fallback: (typeof actions)[number], doc: FieldDoc) =>
  documented(choice(actions).default(fallback), { convert: { as: 'action' }, ...doc })

/** A switch, with its default. */
export const flag = (fallback: boolean, doc: FieldDoc) =>
  documented(z.boolean({ error: error('must be true or false') }).default(fallback), { convert: { as: 'boolean' }, ...doc })

interface WholeBounds {
  readonly min: number
  readonly max: number
}

/** A whole number without a default. */
export function whole({ min, max }: WholeBounds) {
  const why = error(`must be a whole number from ${min} to ${max}`)
  return z.int({ error: why }).min(min, { error: why }).max(max, { error: why })
}

/** A whole number with its default. */
export const count = (fallback: number, bounds: WholeBounds, doc: FieldDoc) =>
  documented(whole(bounds).default(fallback), { convert: { as: 'integer' }, ...doc })

interface TimeBounds {
  /** `1s` where left out; `0s` allows zero. */
  readonly min?: '0s' | '1s'
  readonly max: string
}

/** A written time, which parses to seconds; without a default. */
export function time({ min = '1s', max }: TimeBounds) {
  const most = parseDuration(max) ?? 0
  const message = `must be a time such as ${min === '0s' ? '0s, ' : ''}6s, 5m, 12h or 30d, from ${min} to ${max}`
  const why = error(message)
  const pattern = min === '0s' ? durationPattern : positiveDurationPattern
  return z
    .string({ error: why })
    .max(durationMaxLength, { error: why })
    .regex(new RegExp(pattern), { error: why })
    .refine((written) => (parseDuration(written) ?? 0) <= most, { error: why })
    .transform((written) => parseDuration(written) ?? 0)
    .meta({
      [kindKey]: 'duration',
      [boundsKey]: { min, max },
      [formKey]: [{ rule: `${celIsTime('self', pattern)} && ${celSeconds('self')} <= ${most}`, message }],
    })
}

/** A written time with its default; in Postfix a bare number has the unit of the parameter's default. */
export function duration(fallback: `${number}${TimeUnit}`, bounds: TimeBounds, doc: FieldDoc) {
  const bareUnit = timeUnits.find((unit) => fallback.endsWith(unit)) ?? 's'
  return documented(time(bounds).prefault(fallback), { unit: 'seconds', convert: { as: 'duration', bareUnit }, ...doc })
}

interface TextForm {
  readonly max: number
  readonly min?: number
  /** RE2 and JavaScript alike. It may let pass what `problem` refuses, never the other way round. */
  readonly pattern?: string
  /** What the API server checks instead of the pattern. The same holds. Rules without bounds on their cost are left to the run time: []. */
  readonly rules?: readonly FormRule[]
  /** Where a text that is too long is just not of the form. */
  readonly tooLong?: string
  /** What to write, for a person: `must be …`. */
  readonly why: string
  /** Why a text that fits the pattern is refused all the same, if it is. */
  readonly problem?: (text: string) => string | undefined
}

/** A text without a default. No check aborts: zod would then pass over the checks of the list around it. */
export function text({ max, min = 0, pattern, why, problem, rules, tooLong = `must have at most ${max} characters` }: TextForm) {
  let schema = z.string({ error: error(why) }).max(max, { error: tooLong })
  if (min > 0) schema = schema.min(min, { error: error(why) })
  const form = new RegExp(pattern ?? '')
  if (pattern !== undefined) schema = schema.regex(form, { error: error(why) })
  return schema
    .superRefine((value, context) => {
      const refused = form.test(value) && value.length <= max ? problem?.(value) : undefined
      if (refused !== undefined) context.addIssue({ code: 'custom', message: refused })
    })
    .meta({ [formKey]: rules ?? textRules(max, tooLong, pattern, why) })
}

/** The checks of a text for the API server. A pattern refuses an empty text where one must not be, which a test shows. */
const textRules = (max: number, tooLong: string, pattern: string | undefined, why: string): readonly FormRule[] => [
  { rule: `self.size() <= ${max}`, message: tooLong },
  ...(pattern === undefined ? [] : [{ rule: celMatches(pattern), message: why }]),
]

/** How much of a resource, as Kubernetes writes it (resource.Quantity): `500m`, `128Mi`; a plain number may stand without quotes. Parses to text. */
export function quantity() {
  const message = 'must be an amount such as 500m, 2 or 128Mi'
  const why = error(message)
  // CEL does not know how long such a text may be: by its estimate a pattern would cost too much. In the order of texts, signs are before digits.
  const rule = "type(self) == int ? self >= 0 : isQuantity(self) && self >= '0'"
  const form = z.string({ error: why }).max(30, { error: why }).regex(new RegExp(quantityPattern), { error: why })
  return z
    .union([z.int().nonnegative(), form], { error: why })
    .transform(String)
    .meta({ [kindKey]: 'quantity', [formKey]: [{ rule, message }] })
}

interface ListForm {
  readonly max: number
  readonly min?: number
  /** `set`: nothing twice. */
  readonly type?: 'set' | 'atomic'
  /** For a set whose texts can be written in several ways: one text for all of them. The API server compares the texts as they are. */
  readonly canonical?: (text: string) => string
}

/** The checks of lists run on what is there even when an entry is wrong: all problems at once. */
const always = { when: () => true }

/** A list without a default. */
export function list<T extends z.ZodType>(item: T, { max, min = 0, type = 'atomic', canonical = String }: ListForm) {
  const why = error(min > 0 ? 'must be a list with at least one entry' : 'must be a list')
  let schema = z.array(item, { error: why }).max(max, { error: `must have at most ${max} entries` })
  if (min > 0) schema = schema.min(min, { error: why })
  if (type === 'set') schema = schema.superRefine((entries, context) => addDuplicates(entries, canonical, context), always)
  return schema.meta({ 'x-kubernetes-list-type': type })
}

function addDuplicates(entries: unknown, canonical: (text: string) => string, context: z.core.$RefinementCtx): void {
  const seen = new Set<string>()
  for (const [at, entry] of Array.isArray(entries) ? entries.entries() : []) {
    if (typeof entry !== 'string') continue
    const plain = canonical(entry)
    if (seen.has(plain)) context.addIssue({ code: 'custom', path: [at], message: 'is in the list already' })
    seen.add(plain)
  }
}

/** Names of one kind with a text each. Keys are checked here only: CEL could not bound its cost over keys of any length. */
export function map<T extends z.ZodType>(value: T, max: number, why: string, keyProblem: (key: string) => string | undefined) {
  return z
    .record(z.string(), value, { error: error(why) })
    .superRefine((entries, context) => {
      if (typeof entries !== 'object' || entries === null) return
      const keys = Object.keys(entries)
      if (keys.length > max) context.addIssue({ code: 'custom', message: `must have at most ${max} entries` })
      for (const key of keys) {
        const message = keyProblem(key)
        if (message !== undefined) context.addIssue({ code: 'custom', path: [key], message: `the name before the colon ${message}` })
      }
    }, always)
    .meta({ maxProperties: max })
}

/** Fields under one name, as an entry of a list or as something optional. */
export const record = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, { error: error('must be a set of fields') })

/** Fields under one name that may be left out as a whole: each field has a default or is optional, which a test of the smallest policy shows. */
export function group<T extends z.ZodRawShape>(shape: T, doc: FieldDoc) {
  const schema = record(shape)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- TypeScript cannot see that no field is required
  return documented(schema.prefault({} as z.input<typeof schema>), doc)
}
