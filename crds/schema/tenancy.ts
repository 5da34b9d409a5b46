// What `postscreen operator --tenancy restricted` refuses in a policy: every effect beyond the policy's own gateway.
// Each field declares what is allowed in it.
import { isIP } from 'node:net'
import { isDeepStrictEqual } from 'node:util'
import { type Field, fields } from './fields.ts'
import type { PostscreenPolicy } from './policy.schema.ts'
import { formatPath, type Problem } from '../problems.ts'
import type { Tenancy } from './field.ts'
import { type Endpoint, formatEndpoint } from '../values/endpoint.ts'
import { intersection, isMapped, type Network, parseNetworkPattern, unmapped } from '../values/network.ts'
import { valuesAt } from '../values-at.ts'

/** What the operator allows to the authors of policies. */
export interface TenantRules {
  /** The prefix of the names of Secrets and ConfigMaps that a policy may use. */
  readonly namePrefix: string
  /**
   * Servers that a policy may use in addition to Services of its own namespace: addresses, networks, host names, `*.`
   * before a domain.
   */
  readonly hosts: readonly string[]
}

const nameless: readonly string[] = ['integer', 'boolean', 'duration', 'choice']
const isGateway = ({ path }: Field): boolean => path.startsWith('spec.gateway')

/**
 * What is allowed in a field. Undefined for an object and for a list of objects, because their fields are checked one
 * by one.
 * Throws for a field without a classification (schema/field.ts explains it).
 */
export function tenancyOf(field: Field, all: readonly Field[]): Tenancy | undefined {
  const around = all.find(
    ({ path, tenancy }) => tenancy === 'default' && (field.path.startsWith(`${path}.`) || field.path.startsWith(`${path}[]`)),
  )
  if (around !== undefined) return undefined
  if (field.tenancy !== undefined) return field.tenancy
  if (all.some(({ path }) => path.startsWith(`${field.path}.`) || path.startsWith(`${field.path}[].`))) return undefined
  const cannotName = nameless.includes(field.type) || (field.type === 'list' && field.values !== undefined)
  if (cannotName && !isGateway(field)) return 'own'
  throw new Error(`${field.path} needs a tenancy: how far does its effect reach?`)
}

interface Restricted {
  readonly steps: readonly string[]
  readonly fallback: unknown
  readonly tenancy: Exclude<Tenancy, 'own'>
}

function restrictedFields(): readonly Restricted[] {
  const all = fields()
  return all.flatMap((field) => {
    const tenancy = tenancyOf(field, all)
    if (tenancy === undefined || tenancy === 'own') return []
    return [{ steps: field.path.split('.').slice(1), fallback: field.default, tenancy }]
  })
}

const restricted = restrictedFields()

/** The rule in words, for the reference page and the status. */
export function allowedInWords(tenancy: Exclude<Tenancy, 'own'>): string {
  if (typeof tenancy === 'object') return `only ${('values' in tenancy ? tenancy.values : tenancy.keys).join(', ')}`
  const words = {
    default: 'only the default',
    prefixedName: 'only names with the prefix of the operator',
    ownNamespace: 'only the namespace of the policy',
    listedHosts: 'only Services of the namespace, NAME.NAMESPACE.svc:PORT, and the hosts that the operator allows',
  }
  return words[tenancy]
}

/** The sentence about one value, without the reason that all sentences share; undefined if the value is allowed. */
function refusal({ tenancy, fallback }: Restricted, value: unknown, namespace: string, rules: TenantRules): string | undefined {
  if (typeof tenancy === 'object') {
    const used = 'values' in tenancy ? [String(value)] : Object.keys(typeof value === 'object' && value !== null ? value : {})
    const allowed: readonly string[] = 'values' in tenancy ? tenancy.values : tenancy.keys
    const bad = used.find((one) => !allowed.includes(one))
    return bad === undefined ? undefined : `must not have ${JSON.stringify(bad)}; allowed: ${allowed.join(', ')}`
  }
  switch (tenancy) {
    case 'default':
      return isDeepStrictEqual(value, fallback) ? undefined : mustBeDefault(fallback)
    case 'prefixedName':
      return value === '' || String(value).startsWith(rules.namePrefix) ? undefined : `must begin with ${JSON.stringify(rules.namePrefix)}`
    case 'ownNamespace':
      return value === namespace ? undefined : `must be ${JSON.stringify(namespace)}, the namespace of the policy, or omitted`
    case 'listedHosts': {
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- every field with this tenancy is a list of endpoints
      const bad = (value as readonly Endpoint[]).find(({ address }) => !isAllowedHost(address, namespace, rules.hosts))
      return bad === undefined ? undefined : `must not have "${formatEndpoint(bad)}": ${allowedHosts(namespace, rules)}`
    }
  }
}

const isEmpty = (value: unknown): boolean =>
  value === undefined || value === '' || (typeof value === 'object' && value !== null && Object.keys(value).length === 0)

const mustBeDefault = (fallback: unknown): string =>
  isEmpty(fallback) ? 'must be omitted' : `must be ${JSON.stringify(fallback)} or omitted`

const allowedHosts = (namespace: string, { hosts }: TenantRules): string =>
  `allowed are Services of the namespace, such as NAME.${namespace}.svc:PORT${hosts.length === 0 ? '' : `, and ${hosts.join(', ')}`}`

/** Removes the dots and brackets that only some spellings of a host have. */
const plain = (host: string): string =>
  host
    .toLowerCase()
    .replace(/^\[|\]$/g, '')
    .replace(/\.$/, '')

/** A connection to an IPv4-mapped address goes to the IPv4 address. */
function networkOf(text: string): Network | undefined {
  const parsed = parseNetworkPattern(text)
  if ('why' in parsed) return undefined
  return isMapped(parsed.value) ? unmapped(parsed.value) : parsed.value
}

const label = '[a-z0-9]([-a-z0-9]*[a-z0-9])?'

function isAllowedHost(written: string, namespace: string, allowed: readonly string[]): boolean {
  const host = plain(written)
  // Node takes what is not an address for a name, and getaddrinfo reads 010.0.0.1 as 8.0.0.1.
  const address = isIP(host) === 0 ? undefined : networkOf(host)
  if (address !== undefined) return allowed.some((one) => isWithin(address, networkOf(one)))
  // A name without `.svc` is not allowed: it would be looked up in the search domains of the node too.
  const ownService = new RegExp(`^(${label}\\.)?${label}\\.${namespace}\\.svc(\\.cluster\\.local)?$`)
  return ownService.test(host) || allowed.some((one) => isNamed(host, plain(one)))
}

const isWithin = (address: Network, network: Network | undefined): boolean =>
  network !== undefined && isDeepStrictEqual(intersection([address], [network]), [address])

const isNamed = (host: string, pattern: string): boolean => (pattern.startsWith('*.') ? host.endsWith(pattern.slice(1)) : host === pattern)

/** What is not allowed in a parsed policy: each path, with what is allowed there. */
export function tenancyProblems({ metadata, spec }: PostscreenPolicy, rules: TenantRules): readonly Problem[] {
  const namespace = metadata.namespace ?? ''
  return restricted.flatMap((one) =>
    [...valuesAt(spec, one.steps)].flatMap(({ path, value }) => {
      const why = refusal(one, value, namespace, rules)
      return why === undefined ? [] : [{ path: formatPath(['spec', ...path]), why }]
    }),
  )
}

/** What an entry of `hosts` may be: the reason why it is not valid, or undefined. */
export function hostEntryProblem(entry: string): string | undefined {
  const network = networkOf(entry)
  const name = new RegExp(`^(\\*\\.)?(${label}\\.)*${label}\\.?$`, 'i')
  // A name of digits and dots would be an address that is not valid.
  return network !== undefined || (name.test(entry) && !/^[0-9./]+$/.test(entry))
    ? undefined
    : 'must be an address, a network such as 10.0.0.0/24, a host name, or a domain such as *.mail.example.com'
}
