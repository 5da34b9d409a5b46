// Certificate and key for STARTTLS in the dummy SMTP engine: read from files and checked together.
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext, type SecureContextOptions } from 'node:tls'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { messageOf } from '../../runtime/caught.ts'
import { readPlainFile } from './plain-file.ts'

/** Facts of a certificate for the status page. */
export interface CertificateInfo {
  readonly subject: string
  /** RFC 3339. */
  readonly notAfter: string
}

export interface TlsMaterial {
  readonly context: SecureContext
  readonly info: CertificateInfo
  /** Changes whenever a file's content does. */
  readonly hash: string
}

export interface TlsFiles {
  readonly certFile: string
  readonly keyFile: string
}

/** A problem of one of the files or settings, with the field to change. */
export interface TlsProblem {
  readonly path: 'spec.tls.certFile' | 'spec.tls.keyFile' | 'spec.tls.excludeCiphers'
  readonly why: string
}

/** A long chain of certificates has some tens of kilobytes. */
const largestFile = 2 ** 20

function read(path: TlsProblem['path'], file: string): Buffer | TlsProblem {
  try {
    return readPlainFile(file, largestFile)
  } catch (error) {
    return { path, why: `cannot be read: ${messageOf(error)}` }
  }
}

/** The part of spec.tls that sets versions and ciphers. */
export type TlsSettings = Pick<PolicySpec['tls'], 'minVersion' | 'maxVersion' | 'ciphers' | 'excludeCiphers'>

/**
 * The lists behind the grades (tls_medium_cipherlist and tls_high_cipherlist of Postfix 3.7), and as in Postfix the
 * client's order decides (tls_preempt_cipherlist = no), and OpenSSL's security level is 0 (tls_server_init): level 1
 * refuses everything below TLS 1.2.
 */
const gradeList: Readonly<Record<TlsSettings['ciphers'], string>> = {
  Medium: 'aNULL:-aNULL:HIGH:MEDIUM:+RC4:@STRENGTH',
  High: 'aNULL:-aNULL:HIGH:@STRENGTH',
}

/** OpenSSL's text for the ciphers of TLS 1.2 and older (tls_set_ciphers). */
function cipherList({ ciphers, excludeCiphers }: Pick<TlsSettings, 'ciphers' | 'excludeCiphers'>): string {
  return [gradeList[ciphers], ...excludeCiphers.map((name) => `!${name}`), '@SECLEVEL=0'].join(':')
}

/**
 * Options of every context; `dhparam` lets OpenSSL choose a group by the certificate's strength, as Postfix does
 * (tls_auto_dh).
 */
const optionsOf = (settings: TlsSettings): SecureContextOptions => ({
  minVersion: settings.minVersion,
  maxVersion: settings.maxVersion,
  ciphers: cipherList(settings),
  dhparam: 'auto',
})

/** Why no handshake can succeed with these settings; undefined if one can. */
export function cipherProblem(settings: TlsSettings): TlsProblem | undefined {
  // The list does not concern TLS 1.3.
  if (settings.minVersion === 'TLSv1.3') return undefined
  const made = makeContext(optionsOf(settings))
  if (typeof made !== 'string') return undefined
  const why = /no.cipher.match/i.test(made) ? 'leaves no cipher for TLS 1.2 and older; exclude fewer, or set minVersion: TLSv1.3' : made
  return { path: 'spec.tls.excludeCiphers', why }
}

/**
 * Loads both files.
 * @returns the context, or the problem with its field
 */
export function loadTls({ certFile, keyFile }: TlsFiles, settings: TlsSettings): TlsMaterial | TlsProblem {
  const cert = read('spec.tls.certFile', certFile)
  if (!Buffer.isBuffer(cert)) return cert
  const key = read('spec.tls.keyFile', keyFile)
  if (!Buffer.isBuffer(key)) return key
  const certificate = attempt(() => new X509Certificate(cert))
  if (certificate === undefined) return { path: 'spec.tls.certFile', why: `${certFile} has no certificate in PEM form` }
  const privateKey = attempt(() => createPrivateKey(key))
  if (privateKey === undefined) return { path: 'spec.tls.keyFile', why: `${keyFile} has no private key in PEM form without a passphrase` }
  if (!certificate.checkPrivateKey(privateKey))
    return { path: 'spec.tls.keyFile', why: `${keyFile} is not the key of the certificate in ${certFile}` }
  const context = makeContext({ ...optionsOf(settings), cert, key })
  if (typeof context === 'string') return { path: 'spec.tls.certFile', why: `${certFile} cannot be used: ${context}` }
  return {
    context,
    info: { subject: subjectOf(certificate), notAfter: new Date(certificate.validTo).toISOString() },
    hash: createHash('sha256').update(cert).update(key).digest('hex'),
  }
}

/** The context, or OpenSSL's error, such as for a second certificate in the file that cannot be read. */
function makeContext(options: SecureContextOptions): SecureContext | string {
  try {
    return createSecureContext(options)
  } catch (error) {
    return messageOf(error)
  }
}

/**
 * The subject of a certificate, or its alternative names if it has no subject. A missing subject is empty, and
 * undefined before Node 26, although Node's types exclude that.
 */
function subjectOf({ subject, subjectAltName }: { readonly subject?: string; readonly subjectAltName?: string | undefined }): string {
  return ((subject ?? '') === '' ? (subjectAltName ?? '') : (subject ?? '')).replaceAll('\n', ', ')
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
