// The building blocks of the policy schema. Each function returns a zod schema that validates a written value, with an
// error message that says what is allowed. The schema also carries what the CRD, the reference page and the importers
// need to know about the field.
import * as z from 'zod'
import {
  celIsTime,
  celSeconds,
  durationMaxLength,
  durationPattern,
  parseDuration,
  seconds,
  positiveDurationPattern,
  type TimeUnit,
  timeUnits,
} from '../values/duration.ts'
import type { Read } from '../values/read.ts'

// Before the first schema. Otherwise zod compiles a function for each object when it reads the first policy. That takes
// 12 ms, and then saves less than 0.1 ms for each policy.
z.config({ jitless: true })

/**
 * How an importer turns the text of a Postfix parameter or Zimbra attribute into the value of the field. The last few
 * have code of their own.
 */
export type Conversion =
  | { readonly as: 'duration'; readonly bareUnit: TimeUnit }
  /** The value of a stress-dependent parameter under stress. */
  | { readonly as: 'stressDuration'; readonly bareUnit: TimeUnit }
  | { readonly as: 'action' | 'boolean' | 'notBoolean' | 'integer' | 'text' | 'template' | 'words' }
  | { readonly as: 'proxyProtocol' | 'tlsLevel' | 'tlsSetting' | 'dnsblSites' | 'replyMap' | 'accessList' | 'addressMatchList' }
  | { readonly as: 'keywordMaps' | 'footerMaps' | 'commandFilter' | 'forbiddenCommands' }

/** The Postfix parameters of a field, in order of precedence. */
export interface PostfixNames {
  readonly own?: string
  /** Earlier names. Their values are the default of the own parameter. */
  readonly old?: readonly string[]
  /** The parameter whose value is the default of the own parameter. */
  readonly inherits?: string
}

/**
 * What an operator with `--tenancy restricted` allows in a field, depending on how far the effect of the field reaches;
 * tenancy.ts applies it. A number, a time, a boolean or a word of a choice cannot name anything: outside spec.gateway
 * these need no note. All other fields do.
 */
export type Tenancy =
  /** Any value. The effect is limited to the policy's own gateway. */
  | 'own'
  /** The default only. The effect reaches nodes, other pods, or servers that the policy does not show. */
  | 'default'
  /** The name of a Secret or ConfigMap. It must begin with the operator's prefix. */
  | 'prefixedName'
  /** A namespace. Only the namespace of the policy is allowed. */
  | 'ownNamespace'
  /** Servers. Services of the policy's namespace are allowed, and the hosts in the operator's list. */
  | 'listedHosts'
  /** Some words of a choice. */
  | { readonly values: readonly string[] }
  /** Some keys of a map. */
  | { readonly keys: readonly string[] }

/** One key of a Secret, or the Secret of a certificate. */
export type SecretKind = 'key' | 'certificate'

/** What is known about a field in addition to its type, bounds and default, which the zod schema has. */
export interface FieldDoc {
  readonly doc: string
  /** The unit of the parsed value. */
  readonly unit?: string
  readonly postfix?: PostfixNames
  readonly zimbra?: readonly string[]
  readonly convert?: Conversion
  /** The default in words, for a field whose default is computed when the policy is read. */
  readonly computedDefault?: string
  /** How the field differs from Postfix, if it does. */
  readonly differs?: string
  /** `default` for an object or a list of objects applies to all fields inside. */
  readonly tenancy?: Tenancy
  /** The field names a Secret that the gateway reads; see secret-ref.ts. */
  readonly secret?: SecretKind
}

/** The names under which the notes travel through zod into JSON schema. structural.ts removes them. */
export const docKey = 'x-doc'
export const kindKey = 'x-kind'
export const boundsKey = 'x-bounds'
export const formKey = 'x-form'

/** A check of one text by the API server, as CEL over `self`, and its error message. */
export interface FormRule {
  readonly rule: string
  /** The same message as at run time. */
  readonly message: string
}

/** CEL for a pattern. With a `pattern` in the CRD, the error message would be the regular expression. */
export const celMatches = (pattern: string): string => `self.matches(${pattern.includes('\\') ? 'r' : ''}'${pattern}')`

/** An error message that says what is allowed, and that the field is required if it is missing. */
const error = (why: string) => (issue: { readonly input?: unknown }) => (issue.input === undefined ? `is required: ${why}` : why)

/** Attaches the notes about a field to its finished schema. */
export function documented<T extends z.ZodType>(schema: T, doc: FieldDoc): T {
  return schema.meta({ [docKey]: doc })
}

/** The form of an amount that is written as text. Valid for RE2 and JavaScript. */
export const quantityPattern = '^[0-9]{1,15}([.][0-9]{1,9})?(m|k|M|G|T|P|Ki|Mi|Gi|Ti|Pi)?$'

const oneOf = (values: readonly string[]): string => `must be ${values.length > 1 ? 'one of ' : ''}${values.join(', ')}`

/** A choice of words. */
export const choice = <const T extends readonly [string, ...string[]]>(values: T) => z.enum(values, { error: error(oneOf(values)) })

const actions = ['Ignore', 'Enforce', 'Drop'] as const

/** The action for a failed test, with its default. */
export const action = (fallback: (typeof actions)[number], doc: FieldDoc) =>
  documented(choice(actions).default(fallback), { convert: { as: 'action' }, ...doc })

/** A boolean with its default. */
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
  /** The default is `1s`; `0s` allows zero. */
  readonly min?: '0s' | '1s' | '1h'
  readonly max: string
}

/** A written time without a default. It parses to seconds. */
export function time({ min = '1s', max }: TimeBounds) {
  const most = parseDuration(max) ?? 0
  const least = parseDuration(min) ?? 0
  const examples = { '0s': '0s, 6s, 5m, 12h or 30d', '1s': '6s, 5m, 12h or 30d', '1h': '90m, 6h or 1d' }
  const message = `must be a time such as ${examples[min]}, from ${min} to ${max}`
  const why = error(message)
  const pattern = min === '0s' ? durationPattern : positiveDurationPattern
  return z
    .string({ error: why })
    .max(durationMaxLength, { error: why })
    .regex(new RegExp(pattern), { error: why })
    .refine((written) => isWithin(parseDuration(written) ?? 0, least, most), { error: why })
    .transform((written) => parseDuration(written) ?? seconds(0))
    .meta({
      [kindKey]: 'duration',
      [boundsKey]: { min, max },
      [formKey]: [{ rule: celIsWithin(pattern, least, most), message }],
    })
}

const isWithin = (value: number, least: number, most: number): boolean => least <= value && value <= most

/** The pattern excludes what is shorter than a second. */
const celIsWithin = (pattern: string, least: number, most: number): string =>
  `${celIsTime('self', pattern)} && ${celSeconds('self')} <= ${most}${least > 1 ? ` && ${celSeconds('self')} >= ${least}` : ''}`

/** A written time with its default. In Postfix, a bare number has the unit of the parameter's default. */
export function duration(fallback: `${number}${TimeUnit}`, bounds: TimeBounds, doc: FieldDoc) {
  const bareUnit = timeUnits.find((unit) => fallback.endsWith(unit)) ?? 's'
  return documented(time(bounds).prefault(fallback), { unit: 'seconds', convert: { as: 'duration', bareUnit }, ...doc })
}

interface TextForm {
  readonly max: number
  readonly min?: number
  /**
   * Valid for RE2 and JavaScript. It may accept a text that `problem` or the reader refuses, but must not refuse one
   * that they accept.
   */
  readonly pattern?: string
  /**
   * What the API server checks instead of the pattern, under the same condition. Rules whose cost has no bound are left
   * to the run time: [].
   */
  readonly rules?: readonly FormRule[]
  /** The message for a text that is too long, if it should be the same as for a wrong form. */
  readonly tooLong?: string
  /** The error message: `must be …`. */
  readonly why: string
}

/** The checks of the form alone. No check aborts, because zod would then skip the checks of the surrounding list. */
function form({ max, min = 0, pattern, why, tooLong = `must have at most ${max} characters` }: TextForm) {
  let schema = z.string({ error: error(why) }).max(max, { error: tooLong })
  if (min > 0) schema = schema.min(min, { error: error(why) })
  return pattern === undefined ? schema : schema.regex(new RegExp(pattern), { error: error(why) })
}

/** A text without a default, which is its own value. */
export function text(textForm: TextForm & { readonly problem?: (text: string) => string | undefined }) {
  const { max, pattern, problem } = textForm
  const fits = new RegExp(pattern ?? '')
  return form(textForm)
    .superRefine((value, context) => {
      const refused = fits.test(value) && value.length <= max ? problem?.(value) : undefined
      if (refused !== undefined) context.addIssue({ code: 'custom', message: refused })
    })
    .meta({ [formKey]: textRules(textForm) })
}

/** A text without a default that parses to a value. @param read is given texts of the form only */
export function parsed<T>(textForm: TextForm, read: (text: string) => Read<T>) {
  return form(textForm)
    .transform((written, context): T => {
      const result = read(written)
      if ('value' in result) return result.value
      context.issues.push({ code: 'custom', input: written, message: result.why, continue: true })
      return z.NEVER
    })
    .meta({ [formKey]: textRules(textForm) })
}

/**
 * The checks of a text for the API server. A pattern refuses an empty text if it must not be empty; a test verifies
 * this.
 */
const textRules = ({ max, pattern, why, tooLong = `must have at most ${max} characters`, rules }: TextForm): readonly FormRule[] =>
  rules ?? [
    { rule: `self.size() <= ${max}`, message: tooLong },
    ...(pattern === undefined ? [] : [{ rule: celMatches(pattern), message: why }]),
  ]

/**
 * An amount of a resource in the notation of Kubernetes (resource.Quantity): `500m`, `128Mi`. A plain number needs no
 * quotes. Parses to text.
 */
export function quantity() {
  const message = 'must be an amount such as 500m, 2 or 128Mi'
  const why = error(message)
  // CEL has no bound for the length of such a text, so it would estimate too high a cost for a pattern. In the order of
  // texts, signs come before digits.
  const rule = "type(self) == int ? self >= 0 : isQuantity(self) && self >= '0'"
  const written = z.string({ error: why }).max(30, { error: why }).regex(new RegExp(quantityPattern), { error: why })
  return z
    .union([z.int().nonnegative(), written], { error: why })
    .transform(String)
    .meta({ [kindKey]: 'quantity', [formKey]: [{ rule, message }] })
}

interface ListForm<T extends z.ZodType> {
  readonly max: number
  readonly min?: number
  /** `set`: no entry may appear twice. */
  readonly type?: 'set' | 'atomic'
  /**
   * For a set whose entries can be written in several ways: the canonical text of an entry. The API server compares the
   * texts as they are written.
   */
  readonly canonical?: (entry: z.output<T>) => string
}

/** Runs the checks of a list even if an entry is wrong, so that all problems are reported at once. */
const always = { when: () => true }

/** A list without a default. */
export function list<T extends z.ZodType>(item: T, { max, min = 0, type = 'atomic', canonical = String }: ListForm<T>) {
  const why = error(min > 0 ? 'must be a list with at least one entry' : 'must be a list')
  let schema = z.array(item, { error: why }).max(max, { error: `must have at most ${max} entries` })
  if (min > 0) schema = schema.min(min, { error: why })
  if (type === 'set') schema = schema.superRefine((entries, context) => addDuplicates(entries, canonical, context), always)
  return schema.meta({ 'x-kubernetes-list-type': type })
}

/** An entry that is refused for itself is passed over. */
function addDuplicates<T>(entries: readonly T[], canonical: (entry: T) => string, context: z.core.$RefinementCtx): void {
  const refused = new Set(context.issues.map(({ path }) => path?.[0]))
  const seen = new Set<string>()
  for (const [at, entry] of Array.isArray(entries) ? entries.entries() : []) {
    if (refused.has(at)) continue
    const plain = canonical(entry)
    if (seen.has(plain)) context.addIssue({ code: 'custom', path: [at], message: 'is already in the list' })
    seen.add(plain)
  }
}

/**
 * A map from names of one kind to texts. Keys are checked only here: CEL could not bound the cost over keys of any
 * length.
 */
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

/** An object with fields, as an entry of a list or as an optional value. */
export const record = <T extends z.ZodRawShape>(shape: T) => z.strictObject(shape, { error: error('must be an object with fields') })

/**
 * An object that may be omitted. Each field has a default or is optional; a test of the smallest policy verifies this.
 */
export function group<T extends z.ZodRawShape>(shape: T, doc: FieldDoc) {
  const schema = record(shape)
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- TypeScript cannot see that no field is required
  return documented(schema.prefault({} as z.input<typeof schema>), doc)
}
