// Takes out of a report what other people must not see: keys, passwords and tokens, and who writes to whom.
import { catalogue } from '../../crds/dns-lists/catalogue.ts'
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../../operator/kube/object.ts'

/** Stands for what was taken out. */
export const hiddenText = '***'

/** What is taken out of every text, and what stands for it. */
export type Hidden = ReadonlyMap<string, string>

/** The parts of a policy object that a report has. Annotations may hold a copy of the whole object. */
export function redactedPolicy({ apiVersion, kind, metadata, ...rest }: KubeObject): object {
  const { name, namespace, generation, creationTimestamp } = metadata
  const spec = fieldsOf(rest['spec'])
  const gateway = fieldsOf(spec['gateway'])
  const patch = gateway['patch'] === undefined ? {} : { gateway: { ...gateway, patch: withoutTexts(gateway['patch']) } }
  return {
    apiVersion,
    kind,
    metadata: { name, namespace, generation, creationTimestamp },
    spec: { ...spec, ...patch },
    status: rest['status'],
  }
}

/** The same form, without its texts: a patch may set environment variables. */
function withoutTexts(value: unknown): unknown {
  if (typeof value === 'string') return hiddenText
  if (Array.isArray(value)) return value.map(withoutTexts)
  return isObject(value) ? Object.fromEntries(Object.entries(value).map(([name, inner]) => [name, withoutTexts(inner)])) : value
}

/** Shorter texts are words that stand everywhere. */
const shortestSecret = 6

/** The texts of a policy that are secret wherever they stand: domains with a key in them, and the values of a patch. */
export function secretsOf(policy: KubeObject): Hidden {
  const spec = fieldsOf(policy['spec'])
  const domains = Object.entries(fieldsOf(fieldsOf(spec['dnsbl'])['replyMap'])).map(
    ([domain, shown]) => [domain, typeof shown === 'string' && shown !== '' ? shown : hiddenText] as const,
  )
  const keyed = sitesOf(spec).flatMap((domain) => {
    const shown = withoutKey(domain)
    return shown === domain ? [] : [[domain, shown] as const]
  })
  const values = environmentOf(fieldsOf(spec['gateway'])['patch']).map((text) => [text, hiddenText] as const)
  return new Map([...keyed, ...domains, ...values].filter(([text]) => text.length >= shortestSecret))
}

function sitesOf(spec: Readonly<Record<string, unknown>>): readonly string[] {
  const { sites } = fieldsOf(spec['dnsbl'])
  return Array.isArray(sites) ? sites.map((site) => fieldsOf(site)['domain']).filter((domain) => typeof domain === 'string') : []
}

/** A key in front of a known list, or what looks like a key: a long label of letters and digits. */
function withoutKey(domain: string): string {
  const lower = domain.toLowerCase()
  const list = catalogue.find(({ zone }) => lower.endsWith(`.${zone}`) && !catalogue.some((other) => other.zone === lower))
  if (list !== undefined) return `${hiddenText}.${list.zone}`
  return domain
    .split('.')
    .map((label) => (/^(?=.*\d)(?=.*[a-z])[a-z0-9]{16,}$/i.test(label) ? hiddenText : label))
    .join('.')
}

/** Values of environment variables, at any depth. */
function environmentOf(value: unknown): readonly string[] {
  if (Array.isArray(value)) return value.flatMap(environmentOf)
  if (!isObject(value)) return []
  const own = typeof value['name'] === 'string' && typeof value['value'] === 'string' ? [value['value']] : []
  return [...own, ...Object.values(value).flatMap(environmentOf)]
}

/** Envelopes and names that clients sent, in both forms of the log. */
const envelopes: readonly (readonly [RegExp, string])[] = [
  [/"(from|to|helo)":"(?:[^"\\]|\\.)*"/g, `"$1":"${hiddenText}"`],
  [/\b(from|to|helo)=<[^>]*>/g, `$1=<${hiddenText}>`],
  [/"(data|args)":"(?:[^"\\]|\\.)*"/g, `"$1":"${hiddenText}"`],
  // What a client sent, at the end of postscreen's line; in JSON to the end of its text.
  [
    /\b((?:PREGREET \d+ after|NON-SMTP COMMAND from|COMMAND PIPELINING from|BARE NEWLINE from) (?:[^"\n:]|:(?! ))*: )(?:[^"\\\n]|\\.)*/g,
    `$1${hiddenText}`,
  ],
  [/[\w.!#$%&'*+=?^`{|}~-]+@(?=[\w-]+(?:\.[\w-]+)*)/g, `${hiddenText}@`],
]

const credentials: readonly (readonly [RegExp, string])[] = [
  [/\b(Bearer|Basic)\s+[\w.~+/=-]+/gi, `$1 ${hiddenText}`],
  [/\beyJ[\w-]{8,}(?:\.[\w-]*){0,2}/g, hiddenText],
  [/\b([a-z][a-z0-9+.-]*:\/\/)[^\s"'<>]*@/gi, `$1${hiddenText}@`],
  [
    /\b([\w-]*(?:password|passwd|passphrase|token|api[_-]?key)["']?[ \t]*[:=][ \t]*)("(?:[^"\\]|\\.)*"|'[^'\n]*'|[^\s,;}"']+)/gi,
    `$1${hiddenText}`,
  ],
  [/-----BEGIN [A-Z ]*PRIVATE KEY-----[^]*?-----END [A-Z ]*PRIVATE KEY-----/g, hiddenText],
]

/** The text without what is hidden. The longest secrets first: one may be a part of another. */
export function scrubbed(text: string, hidden: Hidden, { keepsEnvelopes = false } = {}): string {
  const secrets = [...hidden].toSorted(([a], [b]) => b.length - a.length)
  const open = secrets.reduce((left, [secret, shown]) => withoutSecret(left, secret, shown), text)
  const rules = keepsEnvelopes ? credentials : [...credentials, ...envelopes]
  return rules.reduce((left, [pattern, instead]) => left.replaceAll(pattern, instead), open)
}

/** Also as it is written inside JSON, and in any case: names of DNS have none. */
function withoutSecret(text: string, secret: string, shown: string): string {
  const forms = [secret, JSON.stringify(secret).slice(1, -1)].map((form) => form.replaceAll(/[^\w]/g, String.raw`\$&`))
  return text.replaceAll(new RegExp([...new Set(forms)].join('|'), 'gi'), () => shown)
}
