// Converts postscreen's TLS level, certificate and key to fields of a policy, including obsolete switches
// (psc_smtpd_init, tlsproxy).
import { cipherProblem } from '../../gateway/policy-files/tls-context.ts'
import { evaluated, type Source } from './source.ts'
import { asRange, type CipherGrade, parseExclusions, parseGrade, parseProtocols, type TlsVersion } from './tls-handshake.ts'
import { parseBoolean, type Parsed } from './values.ts'
import { splitWords } from './word-list.ts'

export interface TlsSettings {
  readonly level: 'None' | 'May' | 'Encrypt'
  readonly certFile: string
  readonly keyFile: string
}

const off: TlsSettings = { level: 'None', certFile: '', keyFile: '' }

/** Levels that postscreen knows. The last three are for clients; postscreen treats them as encrypt, with a warning. */
const levels: Readonly<Record<string, TlsSettings['level']>> = {
  none: 'None',
  may: 'May',
  encrypt: 'Encrypt',
  fingerprint: 'Encrypt',
  verify: 'Encrypt',
  secure: 'Encrypt',
}

const switches = ['postscreen_enforce_tls', 'postscreen_use_tls', 'smtpd_enforce_tls', 'smtpd_use_tls']
export const levelNames: readonly string[] = ['postscreen_tls_security_level', 'smtpd_tls_security_level']

/**
 * The names of a setting in the order of their priority: postscreen's own since Postfix 3.12, tlsproxy's before that,
 * and smtpd's as default.
 */
const everyName = (name: string): readonly string[] => [`postscreen_tls_${name}`, `tlsproxy_tls_${name}`, `smtpd_tls_${name}`]

/**
 * Settings that become fields of spec.tls. With Encrypt, the mandatory ones are used (smtpd_starttls,
 * tlsp_get_request_event).
 */
const settingsOf: Readonly<Record<string, (level: TlsSettings['level']) => readonly string[]>> = {
  'spec.tls.certFile': () => ['chain_files', 'cert_file', 'eccert_file'],
  'spec.tls.keyFile': () => ['chain_files', 'key_file', 'eckey_file', 'cert_file', 'eccert_file'],
  'spec.tls.minVersion': (level) => [protocolsFor(level)],
  'spec.tls.maxVersion': (level) => [protocolsFor(level)],
  'spec.tls.ciphers': (level) => [ciphersFor(level)],
  'spec.tls.excludeCiphers': (level) => exclusionsFor(level),
}

const protocolsFor = (level: TlsSettings['level']): string => (level === 'Encrypt' ? 'mandatory_protocols' : 'protocols')
const ciphersFor = (level: TlsSettings['level']): string => (level === 'Encrypt' ? 'mandatory_ciphers' : 'ciphers')
const exclusionsFor = (level: TlsSettings['level']): readonly string[] =>
  level === 'Encrypt' ? ['exclude_ciphers', 'mandatory_exclude_ciphers'] : ['exclude_ciphers']

const timeouts = ['postscreen_starttls_timeout', 'smtpd_starttls_timeout']

/** The parameters that affect one of the fields of spec.tls at a security level. */
export function tlsNames(path: string, level: TlsSettings['level']): readonly string[] {
  if (path === 'spec.tls.level') return [...levelNames, ...switches]
  if (/handshakeTimeout$/i.test(path)) return timeouts
  return (settingsOf[path]?.(level) ?? []).flatMap(everyName)
}

/** Every parameter that is read for spec.tls. */
export const tlsParameters: readonly string[] = [
  ...new Set([
    ...[...levelNames, ...switches, ...timeouts],
    ...Object.values(settingsOf).flatMap((names) => [...names('May'), ...names('Encrypt')].flatMap(everyName)),
  ]),
]

/** The name of the effective limit of the handshake. */
export const handshakeTimeoutName = ({ configuration }: Source): string =>
  timeouts.find((name) => configuration.isSet(name)) ?? 'smtpd_starttls_timeout'

function flag(parameter: string, source: Source): boolean {
  const text = evaluated(source, parameter)
  const parsed = text === undefined ? { value: false } : parseBoolean(text)
  if ('why' in parsed) source.findings.error(`${source.nameFor(parameter)}: ${parsed.why}`)
  return 'value' in parsed && parsed.value
}

/** The level. If it is empty, the older switches decide. */
function readLevel(source: Source): TlsSettings['level'] {
  const parameter = 'postscreen_tls_security_level'
  const text = evaluated(source, parameter) ?? ''
  if (text === '') return flag('postscreen_enforce_tls', source) ? 'Encrypt' : flag('postscreen_use_tls', source) ? 'May' : 'None'
  const word = text.toLowerCase()
  const level = Object.hasOwn(levels, word) ? levels[word] : undefined
  const name = source.nameFor(parameter)
  if (level === undefined) source.findings.error(`${name}: Invalid TLS level "${text}"; expected none, may or encrypt`)
  else if (level === 'Encrypt' && word !== 'encrypt')
    source.findings.note(`${name}: unsupported TLS level "${text}", using "encrypt", as postscreen does`)
  return level ?? 'None'
}

/** A TLS setting of postscreen: its own since Postfix 3.12, tlsproxy's before that. */
function setting(name: string, source: Source): string {
  const own = `postscreen_tls_${name}`
  return evaluated(source, source.configuration.isSet(own) ? own : `tlsproxy_tls_${name}`) ?? ''
}

const looksLikeKey = (path: string): boolean => /key|priv/i.test(path.split('/').at(-1) ?? '')

/** Whether a file has a key without certificates; undefined if it cannot be read. */
function isKeyAlone(path: string, { beside }: Source): boolean | undefined {
  const text = beside.textOf(path)
  return text === undefined ? undefined : !text.includes('-----BEGIN CERTIFICATE-----')
}

/**
 * A key and its certificates may be in one file, or the key in one file and the certificates in the next one; several
 * pairs may follow.
 */
function chainFiles(files: readonly string[], source: Source): { readonly certFile: string; readonly keyFile: string } {
  const [first = '', second] = files
  if (second === undefined) return { certFile: first, keyFile: first }
  const apart = isKeyAlone(first, source) ?? (looksLikeKey(first) && !looksLikeKey(second))
  const certFile = apart ? second : first
  source.findings.note(
    `smtpd_tls_chain_files: the policy supports one pair of files; used as the key: ${first}, as the certificate: ${certFile}`,
  )
  return { certFile, keyFile: first }
}

/**
 * The files of certificate and key: the chain files if there are any, otherwise RSA, otherwise elliptic curves. The
 * policy has one pair.
 */
function readFiles(source: Source): { readonly certFile: string; readonly keyFile: string } {
  const chain = splitWords(setting('chain_files', source))
  if (chain.length > 0) return chainFiles(chain, source)
  const certFile = setting('cert_file', source)
  const curves = setting('eccert_file', source)
  if (certFile === '' && curves !== '') return { certFile: curves, keyFile: setting('eckey_file', source) || curves }
  if (curves !== '') source.findings.note(`smtpd_tls_eccert_file: the policy supports one certificate; ${certFile} is used`)
  return { certFile, keyFile: certFile === '' ? '' : setting('key_file', source) || certFile }
}

/**
 * The fields that STARTTLS needs, or None with a note if the files are missing: postscreen could not have used them
 * either.
 */
export function readTls(source: Source): TlsSettings {
  const level = readLevel(source)
  if (level === 'None') return off
  const { certFile, keyFile } = readFiles(source)
  const named = certFile !== '' && certFile.toLowerCase() !== 'none'
  const wanted = source.nameFor('postscreen_tls_security_level')
  if (!named)
    source.findings.note(
      `${wanted}: TLS is ${level.toLowerCase()}, but a certificate is missing (smtpd_tls_cert_file); spec.tls.level is None`,
    )
  return named ? { level, certFile, keyFile } : off
}

/** The fields of spec.tls about the handshake. */
export interface HandshakeSettings {
  readonly minVersion: TlsVersion
  readonly maxVersion: TlsVersion
  readonly ciphers: CipherGrade
  readonly excludeCiphers: readonly string[]
}

const defaults: HandshakeSettings = { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: 'Medium', excludeCiphers: [] }

/** The name of a setting in a finding: the name under which it is set. */
function calledName(name: string, source: Source): string {
  const set = everyName(name).find((one) => source.configuration.isSet(one))
  return source.nameFor(set ?? `smtpd_tls_${name}`)
}

/**
 * The value of a setting; undefined after an error, which is reported. Postfix then ends each TLS session before it
 * begins.
 */
function valueOf<T>(name: string, parse: (text: string) => Parsed<T>, source: Source): T | undefined {
  const parsed = parse(setting(name, source))
  if ('value' in parsed) return parsed.value
  source.findings.error(`${calledName(name, source)}: ${parsed.why}`)
  return undefined
}

function readVersions(level: TlsSettings['level'], source: Source): Pick<HandshakeSettings, 'minVersion' | 'maxVersion'> {
  const name = protocolsFor(level)
  const versions = valueOf(name, parseProtocols, source)
  if (versions === undefined) return defaults
  const { range, lost } = asRange(versions)
  const [minVersion] = range
  const maxVersion = range.at(-1)
  if (minVersion === undefined || maxVersion === undefined) {
    source.findings.error(`${calledName(name, source)}: no TLS version is left; allow one of TLSv1, TLSv1.1, TLSv1.2 and TLSv1.3`)
    return defaults
  }
  if (lost.length > 0)
    source.findings.note(
      `${calledName(name, source)}: the policy supports a range of TLS versions without gaps: ${minVersion} to ${maxVersion}. ` +
        `Clients that support only ${lost.join(' or ')} can no longer use TLS; to allow them, set spec.tls.minVersion: ${lost[0]}`,
    )
  return { minVersion, maxVersion }
}

function readExclusions(level: TlsSettings['level'], source: Source): readonly string[] {
  const names = exclusionsFor(level).flatMap((name) => {
    const exclusions = valueOf(name, parseExclusions, source)
    for (const ignored of exclusions?.ignored ?? [])
      source.findings.note(`${calledName(name, source)}: ${ignored} is omitted; OpenSSL does not have this cipher, so it excludes nothing`)
    return exclusions?.names ?? []
  })
  return [...new Set(names)]
}

/** Versions and ciphers at the effective security level; undefined without TLS. */
export function readHandshake(source: Source): HandshakeSettings | undefined {
  const { level } = readTls(source)
  if (level === 'None') return undefined
  const grade = valueOf(ciphersFor(level), parseGrade, source)
  if (grade?.note !== undefined) source.findings.note(`${calledName(ciphersFor(level), source)}: ${grade.note}; the policy uses Medium`)
  const settings = {
    ...readVersions(level, source),
    ciphers: grade?.grade ?? defaults.ciphers,
    excludeCiphers: readExclusions(level, source),
  }
  const problem = cipherProblem(settings)
  if (problem !== undefined) source.findings.error(`${calledName('exclude_ciphers', source)}: ${problem.why}`)
  return settings
}
