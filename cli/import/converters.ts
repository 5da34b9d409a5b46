// Converts the texts of Postfix parameters to fields of the policy: one converter for each kind of value that crds/
// names, and a few for single fields.
import { formatDuration, type TimeUnit } from '../../crds/values/duration.ts'
import type { Field } from '../../crds/schema/fields.ts'
import type { Conversion } from '../../crds/schema/field.ts'
import { readAccessList } from './access-list.ts'
import { readAddressList } from './address-list.ts'
import { readReplyMap, readSites } from './dnsbl-settings.ts'
import { formatNetwork } from '../../crds/values/network.ts'
import { readCommandFilter, readFooter, readFooterMaps, readForbiddenCommands, readKeywordMaps, readKeywords } from './smtp-settings.ts'
import { evaluated, type Source } from './source.ts'
import { readGreeting, readRawFooter } from './template-settings.ts'
import { handshakeTimeoutName, type HandshakeSettings, readHandshake, readTls } from './tls-settings.ts'
import { parseAction, parseBoolean, type Parsed, parseInteger, parseLong, parseTime } from './values.ts'

/**
 * The written form of a field's value; undefined if the field has no value, or after an error that has been reported.
 */
export type Converter = (parameter: string, source: Source, field: Field) => unknown

/** A converter that needs only the parameter's expanded text. */
const ofText =
  (convert: (text: string, parameter: string, source: Source, field: Field) => unknown): Converter =>
  (parameter, source, field) => {
    const text = evaluated(source, parameter)
    return text === undefined ? undefined : convert(text, parameter, source, field)
  }

/** A converter made from a parser. What the parser refuses is an error with the parameter's name. */
const parsedBy = <T>(parse: (text: string) => Parsed<T>, written: (value: T) => unknown = (value) => value): Converter =>
  ofText((text, parameter, source) => {
    const parsed = parse(text)
    if ('value' in parsed) return written(parsed.value)
    source.findings.error(`${source.nameFor(parameter)}: ${parsed.why}`)
    return undefined
  })

/** A time in whole seconds. Postfix refuses 0 for all times except the cleanup interval. */
function secondsOf(text: string, unit: TimeUnit, parameter: string, source: Source): number | undefined {
  const name = source.nameFor(parameter)
  const parsed = parseTime(text, unit)
  if ('why' in parsed) {
    source.findings.error(`${name}: ${parsed.why}`)
    return undefined
  }
  const { seconds, ignored } = parsed.value
  if (seconds === 0 && parameter !== 'postscreen_cache_cleanup_interval') {
    source.findings.error(`${name}: invalid value: ${text} (min 1s)`)
    return undefined
  }
  // In a text with macros, such as the default of postscreen_dnsbl_max_ttl, this is intended.
  if (ignored !== '' && source.configuration.settings.get(parameter)?.value.includes('$') === false) {
    source.findings.note(`${name}: Postfix reads "${text}" as ${formatDuration(seconds)}, and so does the policy`)
  }
  return seconds
}

const unitOf = ({ convert }: Field): TimeUnit => (convert !== undefined && 'bareUnit' in convert ? convert.bareUnit : 's')

const duration: Converter = ofText((text, parameter, source, field) => {
  const seconds = secondsOf(text, unitOf(field), parameter, source)
  return seconds === undefined ? undefined : formatDuration(seconds)
})

/** The value under stress. In the policy, it must not be longer than the normal one. */
const stressDuration: Converter = (parameter, source, field) => {
  const [normal, stress] = [{}, { stress: 'yes' }].map((overrides) => {
    const text = evaluated(source, parameter, overrides)
    return text === undefined ? undefined : secondsOf(text, unitOf(field), parameter, source)
  })
  if (normal === undefined || stress === undefined) return undefined
  if (stress > normal)
    source.findings.note(
      `${source.nameFor(parameter)}: longer under stress than normally; the policy uses ${formatDuration(normal)} for both`,
    )
  return formatDuration(Math.min(stress, normal))
}

interface Bounds {
  readonly min: number
  readonly max: number
}

/** The bounds of a number, as the field describes them. */
function boundsOf({ bounds = '' }: Field): Bounds {
  const [, min = '-Infinity', max = 'Infinity'] = /^(-?[0-9]+) to (-?[0-9]+)$/.exec(bounds) ?? []
  return { min: Number(min), max: Number(max) }
}

const integer: Converter = ofText((text, parameter, source, field) => {
  const name = source.nameFor(parameter)
  const parsed = parameter === 'message_size_limit' ? parseLong(text) : parseInteger(text)
  if ('why' in parsed) {
    source.findings.error(`${name}: ${parsed.why}`)
    return undefined
  }
  const { min, max } = boundsOf(field)
  if (parsed.value < min) source.findings.error(`${name}: invalid parameter value ${parsed.value} < ${min}`)
  else if (parsed.value > max) source.findings.error(`${name}: ${parsed.value} is more than the maximum of the policy, ${max}`)
  else return parsed.value
  return undefined
})

/** A number for which all values up to 0 mean the same. */
const zeroOrMore: Converter = ofText((text, parameter, source, field) => {
  const parsed = parseLong(text)
  return 'value' in parsed && parsed.value < 0 ? 0 : integer(parameter, source, field)
})

const lineLength: Converter = ofText((text, parameter, source, field) => {
  const parsed = parseInteger(text)
  const { min } = boundsOf(field)
  if ('why' in parsed || parsed.value >= min) return integer(parameter, source, field)
  source.findings.note(
    `${source.nameFor(parameter)}: the policy uses the minimum ${min} instead of ${parsed.value}: RFC 5321 4.5.3.1.4 requires it`,
  )
  return min
})

/** Only negative thresholds have an effect. */
const allowThreshold: Converter = ofText((text, parameter, source, field) => {
  const parsed = parseInteger(text)
  if ('why' in parsed || parsed.value <= 0) return integer(parameter, source, field)
  source.findings.note(`${source.nameFor(parameter)}: only a threshold below 0 has an effect; ${text} becomes 0 in the policy`)
  return 0
})

const proxyProtocol: Converter = ofText((text, parameter, source) => {
  if (text === '') return 'None'
  if (text === 'haproxy') return 'Required'
  source.findings.error(`${source.nameFor(parameter)}: unsupported value: ${text}; expected haproxy or an empty value`)
  return undefined
})

/**
 * The server addresses on which clients can enter the temporary allowlist. Addresses of the old host would exclude all
 * clients, because the gateway has other addresses.
 */
const interfaces: Converter = ofText((text, parameter, source) => {
  const patterns = readAddressList(text, parameter, source)
  const written = patterns.flatMap(({ negated, networks, all }) =>
    (all ? ['all'] : networks.map(formatNetwork)).map((pattern) => (negated ? `!${pattern}` : pattern)),
  )
  if (source.keepInterfaces || patterns.every(({ all }) => all)) return written
  const cure = 'import with --keep-interfaces if the gateway will have these addresses'
  source.findings.leaveOut(source.nameFor(parameter), 'the addresses belong to the mail host')
  source.findings.note(
    `${source.nameFor(parameter)}: ${text}: clients could enter the temporary allowlist only on these addresses of the mail host; omitted, so clients can enter it on every address of the gateway; ${cure}`,
  )
  return undefined
})

/** 0 means that a memcache expires its entries itself. A store of the gateway must be cleaned. */
const cleanupInterval: Converter = (parameter, source, field) => {
  const shared = /^(proxy:)*memcache:/.test(evaluated(source, 'postscreen_cache_map') ?? '')
  const value = duration(parameter, source, field)
  if (!shared || value !== '0s') return value
  source.findings.note(
    `${source.nameFor(parameter)}: 0 is useful only with memcache, which expires its entries itself; omitted, so the gateway cleans its own store`,
  )
  return undefined
}

const replyMap: Converter = ofText((text, parameter, source) => {
  return readReplyMap(text, evaluated(source, 'postscreen_dnsbl_sites') ?? '', parameter, source)
})

/** The name of this host, only if it is in the input: otherwise each replica has its own name. */
const hostname: Converter = (parameter, source) => (source.configuration.isSet(parameter) ? evaluated(source, parameter) : undefined)

/** Postfix does not start without this text. */
const banner: Converter = (parameter, source) => {
  const text = readGreeting(parameter, source)
  if (text === '') source.findings.error(`${source.nameFor(parameter)}: must not be empty`)
  return text
}

const rejectFooter: Converter = (parameter, source) => {
  const maps = readFooterMaps(evaluated(source, 'postscreen_reject_footer_maps') ?? '', 'postscreen_reject_footer_maps', source)
  return maps.always ?? readFooter(readRawFooter(source), source.nameFor(parameter), source)
}

/** A limit of the TLS handshake. Without TLS, it has no effect. */
const handshakeTime =
  (convert: Converter): Converter =>
  (_, source, field) =>
    readTls(source).level === 'None' ? undefined : convert(handshakeTimeoutName(source), source, field)

const handshakeField =
  (field: keyof HandshakeSettings): Converter =>
  (_, source) =>
    readHandshake(source)?.[field]

const byKind: Readonly<Record<Conversion['as'], Converter>> = {
  duration,
  stressDuration,
  action: parsedBy(parseAction),
  boolean: parsedBy(parseBoolean),
  notBoolean: parsedBy(parseBoolean, (value) => !value),
  integer,
  text: ofText((text) => text),
  template: readGreeting,
  words: ofText((text, parameter, source) => readKeywords(text, source.nameFor(parameter), source)),
  proxyProtocol,
  tlsLevel: (_, source) => readTls(source).level,
  tlsSetting: () => undefined,
  dnsblSites: ofText(readSites),
  replyMap,
  accessList: ofText(readAccessList),
  addressMatchList: interfaces,
  keywordMaps: ofText(readKeywordMaps),
  footerMaps: ofText((text, parameter, source) => readFooterMaps(text, parameter, source).entries),
  commandFilter: ofText(readCommandFilter),
  forbiddenCommands: ofText(readForbiddenCommands),
}

/** Fields that need a converter of their own. */
const byPath: Readonly<Record<string, Converter>> = {
  'spec.hostname': hostname,
  'spec.banner': banner,
  'spec.allowlist.cleanupInterval': cleanupInterval,
  'spec.dnsbl.allowThreshold': allowThreshold,
  'spec.smtp.lineLengthLimit': lineLength,
  'spec.smtp.messageSizeLimit': zeroOrMore,
  'spec.smtp.rejectFooter': rejectFooter,
  'spec.limits.connectionsPerClient': zeroOrMore,
  'spec.tls.certFile': (_, source) => readTls(source).certFile,
  'spec.tls.keyFile': (_, source) => readTls(source).keyFile,
  'spec.tls.minVersion': handshakeField('minVersion'),
  'spec.tls.maxVersion': handshakeField('maxVersion'),
  'spec.tls.ciphers': handshakeField('ciphers'),
  'spec.tls.excludeCiphers': handshakeField('excludeCiphers'),
  'spec.tls.handshakeTimeout': handshakeTime(duration),
  'spec.tls.stressHandshakeTimeout': handshakeTime(stressDuration),
}

/** The value of a field in its written form, possibly with comments; undefined if the field need not be written. */
export function convertField(field: Field, source: Source): unknown {
  const parameter = field.postfixNames.own
  if (parameter === undefined || field.convert === undefined) return undefined
  const special = Object.hasOwn(byPath, field.path) ? byPath[field.path] : undefined
  return (special ?? byKind[field.convert.as])(parameter, source, field)
}
