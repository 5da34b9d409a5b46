// postscreen's TLS level, certificate and key as fields of a policy, obsolete switches and all (psc_smtpd_init, tlsproxy).
import { evaluated, type Source } from './source.ts'
import { parseBoolean } from './values.ts'
import { splitWords } from './word-list.ts'

export interface TlsSettings {
  readonly level: 'None' | 'May' | 'Encrypt'
  readonly certFile: string
  readonly keyFile: string
}

const off: TlsSettings = { level: 'None', certFile: '', keyFile: '' }

/** Levels that postscreen knows; the last three are for clients, and postscreen takes them for encrypt with a warning. */
const levels: Readonly<Record<string, TlsSettings['level']>> = {
  none: 'None',
  may: 'May',
  encrypt: 'Encrypt',
  fingerprint: 'Encrypt',
  verify: 'Encrypt',
  secure: 'Encrypt',
}

const switches = ['postscreen_enforce_tls', 'postscreen_use_tls', 'smtpd_enforce_tls', 'smtpd_use_tls']
const levelNames = ['postscreen_tls_security_level', 'smtpd_tls_security_level']

/** A setting under its names in the order in which they decide: postscreen's own since Postfix 3.12, tlsproxy's before, smtpd's by default. */
const everyName = (name: string): readonly string[] => [`postscreen_tls_${name}`, `tlsproxy_tls_${name}`, `smtpd_tls_${name}`]

/** The parameters that have a say in one of the fields of spec.tls. */
export function tlsNames(path: string): readonly string[] {
  if (path === 'spec.tls.level') return [...levelNames, ...switches]
  const settings =
    path === 'spec.tls.certFile'
      ? ['chain_files', 'cert_file', 'eccert_file']
      : ['chain_files', 'key_file', 'eckey_file', 'cert_file', 'eccert_file']
  return settings.flatMap(everyName)
}

/** Every parameter that readTls consults. */
export const tlsParameters: readonly string[] = [...new Set(['spec.tls.level', 'spec.tls.certFile', 'spec.tls.keyFile'].flatMap(tlsNames))]

function flag(parameter: string, source: Source): boolean {
  const text = evaluated(source, parameter)
  const parsed = text === undefined ? { value: false } : parseBoolean(text)
  if ('why' in parsed) source.findings.error(`${source.nameFor(parameter)}: ${parsed.why}`)
  return 'value' in parsed && parsed.value
}

/** The level; an empty one leaves the word to the switches that came before it. */
function readLevel(source: Source): TlsSettings['level'] {
  const parameter = 'postscreen_tls_security_level'
  const text = evaluated(source, parameter) ?? ''
  if (text === '') return flag('postscreen_enforce_tls', source) ? 'Encrypt' : flag('postscreen_use_tls', source) ? 'May' : 'None'
  const word = text.toLowerCase()
  const level = Object.hasOwn(levels, word) ? levels[word] : undefined
  const name = source.nameFor(parameter)
  if (level === undefined) source.findings.error(`${name}: Invalid TLS level "${text}"; write none, may or encrypt`)
  else if (level === 'Encrypt' && word !== 'encrypt')
    source.findings.note(`${name}: unsupported TLS level "${text}", using "encrypt", as postscreen does`)
  return level ?? 'None'
}

/** A TLS setting of postscreen: its own since Postfix 3.12, tlsproxy's before. */
function setting(name: string, source: Source): string {
  const own = `postscreen_tls_${name}`
  return evaluated(source, source.configuration.isSet(own) ? own : `tlsproxy_tls_${name}`) ?? ''
}

/** A key with its certificates may be in one file, or the key in one and the certificates in the next; several pairs may follow. */
function chainFiles(files: readonly string[], source: Source): { readonly certFile: string; readonly keyFile: string } {
  const [first = '', second] = files
  if (second === undefined) return { certFile: first, keyFile: first }
  const apart = /key|priv/i.test(first.split('/').at(-1) ?? '') && !/key|priv/i.test(second.split('/').at(-1) ?? '')
  const certFile = apart ? second : first
  source.findings.note(
    `smtpd_tls_chain_files: the policy has one pair of files; taken as the key: ${first}, as the certificate: ${certFile}`,
  )
  return { certFile, keyFile: first }
}

/** Files of certificate and key: the chain files if there are any, else RSA, else elliptic curves. The policy has one pair. */
function readFiles(source: Source): { readonly certFile: string; readonly keyFile: string } {
  const chain = splitWords(setting('chain_files', source))
  if (chain.length > 0) return chainFiles(chain, source)
  const certFile = setting('cert_file', source)
  const curves = setting('eccert_file', source)
  if (certFile === '' && curves !== '') return { certFile: curves, keyFile: setting('eckey_file', source) || curves }
  if (curves !== '') source.findings.note(`smtpd_tls_eccert_file: the policy has one certificate; ${certFile} is used`)
  return { certFile, keyFile: certFile === '' ? '' : setting('key_file', source) || certFile }
}

/** What STARTTLS needs, or None with a note when the files are missing: postscreen could not have served it either. */
export function readTls(source: Source): TlsSettings {
  const level = readLevel(source)
  if (level === 'None') return off
  const { certFile, keyFile } = readFiles(source)
  const named = certFile !== '' && certFile.toLowerCase() !== 'none'
  const wanted = source.nameFor('postscreen_tls_security_level')
  if (!named)
    source.findings.note(
      `${wanted}: TLS is ${level.toLowerCase()}, but there is no certificate (smtpd_tls_cert_file); spec.tls.level is None`,
    )
  return named ? { level, certFile, keyFile } : off
}
