// Forms of text that several fields share: networks, one line of printable text, templates.
import { hostBitsWhy, networkWhy, readNetwork } from '../values/network.ts'
import { readTemplate } from '../values/macros.ts'
import { readReplyFooter } from '../values/reply-footer.ts'
import { documented, type FormRule, list, parsed, record, text } from './field.ts'

/** What an SMTP client receives is one line of printable ASCII. */
const printable = '^[ -~]*$'
const lineWhy = 'must be one line of printable ASCII text'

/** One line of printable ASCII. */
export const line = (max: number, min = 0) =>
  text({
    min,
    max,
    pattern: min > 0 ? '^[ -~]+$' : printable,
    why: `must be one line of printable ASCII text${min > 0 ? ' and must not be empty' : ''}`,
  })

/** One line of printable ASCII with macros. */
export const template = (max: number, macros: readonly string[]) =>
  parsed({ max, pattern: printable, why: lineWhy }, (written) => readTemplate(written, macros))

export const bannerMacros = ['hostname'] as const
export const greetBannerMacros = ['banner', 'hostname'] as const

/**
 * A reply footer. A dollar sign before a digit or a blank is an error too: Postfix omits a footer that it cannot parse.
 */
export const footer = () => parsed({ max: 1000, pattern: printable, why: lineWhy }, readReplyFooter)

/** readNetwork also refuses what CEL's isIP and isCIDR refuse: zones, leading zeros, IPv4-mapped addresses. */
const networkRules: readonly FormRule[] = [
  { rule: 'isCIDR(self) || isIP(self)', message: networkWhy },
  { rule: '!isCIDR(self) || cidr(self) == cidr(self).masked()', message: hostBitsWhy },
]

/** An IPv4 or IPv6 address, or a network. The longest text, with an IPv4 tail, has 45 + 4 characters. */
const network = (rules: readonly FormRule[]) =>
  parsed({ max: 49, pattern: '^[0-9A-Fa-f.:]+(/[0-9]{1,3})?$', why: networkWhy, tooLong: networkWhy, rules }, readNetwork)

/**
 * The name of a Secret or ConfigMap (DNS subdomain, RFC 1123). It is never only a dot, so it is safe as a folder name.
 */
export const objectNameForm = '[a-z0-9]([-a-z0-9]*[a-z0-9])?([.][a-z0-9]([-a-z0-9]*[a-z0-9])?)*'

/**
 * A key of a Secret or ConfigMap. It is a file name too: not `.`, and it does not begin with `..`, because the kubelet
 * uses such names itself.
 */
const objectKeyPattern = '^([-_a-zA-Z0-9]|[.][-_a-zA-Z0-9])[-._a-zA-Z0-9]*$'

/** One key of a Secret or ConfigMap in the namespace of the policy. */
export const entryOf = (kind: 'Secret' | 'ConfigMap') =>
  record({
    name: documented(text({ min: 1, max: 253, pattern: `^${objectNameForm}$`, why: `must be the name of a ${kind}` }), {
      doc: `The name of the ${kind}, in the namespace of the policy.`,
      tenancy: 'prefixedName',
    }),
    key: documented(
      text({ min: 1, max: 253, pattern: objectKeyPattern, why: 'must be a key: letters, digits, hyphens, underscores and dots' }),
      { doc: `The key in the ${kind}.`, tenancy: 'own' },
    ),
  })

export const networks = (min: number, max: number) => list(network(networkRules), { min, max })

/** For nested lists with so many entries that CEL rules over them would exceed the cost limit of the API server. */
export const networksCheckedAtRunTime = (min: number, max: number) => list(network([]), { min, max })
