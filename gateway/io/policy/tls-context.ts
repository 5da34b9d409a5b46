// Certificate and key for STARTTLS in the dummy engine: read from files, checked together, kept when new ones are no good.
import { createHash, createPrivateKey, X509Certificate } from 'node:crypto'
import { createSecureContext, type SecureContext } from 'node:tls'
import { messageOf } from '../caught.ts'
import { readPlainFile } from './plain-file.ts'

/** What a certificate says of itself; for the status page. */
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

/** What is wrong with one of the files, with the field that names it. */
export interface TlsProblem {
  readonly path: 'spec.tls.certFile' | 'spec.tls.keyFile'
  readonly why: string
}

/** A chain of many certificates has some tens of kilobytes. */
const largestFile = 2 ** 20

function read(path: TlsProblem['path'], file: string): Buffer | TlsProblem {
  try {
    return readPlainFile(file, largestFile)
  } catch (error) {
    return { path, why: `cannot be read: ${messageOf(error)}` }
  }
}

/**
 * Loads both files. Mail servers still meet peers that know nothing newer than TLS 1.2, so that is the oldest version taken (RFC 8996).
 * @returns the context, or what is wrong and with which field
 */
export function loadTls({ certFile, keyFile }: TlsFiles): TlsMaterial | TlsProblem {
  const cert = read('spec.tls.certFile', certFile)
  if (!Buffer.isBuffer(cert)) return cert
  const key = read('spec.tls.keyFile', keyFile)
  if (!Buffer.isBuffer(key)) return key
  const certificate = attempt(() => new X509Certificate(cert))
  if (certificate === undefined) return { path: 'spec.tls.certFile', why: `${certFile} holds no certificate in PEM form` }
  const privateKey = attempt(() => createPrivateKey(key))
  if (privateKey === undefined) return { path: 'spec.tls.keyFile', why: `${keyFile} holds no private key in PEM form without a passphrase` }
  if (!certificate.checkPrivateKey(privateKey))
    return { path: 'spec.tls.keyFile', why: `${keyFile} is not the key of the certificate in ${certFile}` }
  const context = makeContext(cert, key)
  if (typeof context === 'string') return { path: 'spec.tls.certFile', why: `${certFile} cannot be used: ${context}` }
  return {
    context,
    info: { subject: subjectOf(certificate), notAfter: new Date(certificate.validTo).toISOString() },
    hash: createHash('sha256').update(cert).update(key).digest('hex'),
  }
}

/** The context, or OpenSSL's reason why there is none, such as a key that is too short or a certificate in DER form. */
function makeContext(cert: Buffer, key: Buffer): SecureContext | string {
  try {
    return createSecureContext({ cert, key, minVersion: 'TLSv1.2' })
  } catch (error) {
    return messageOf(error)
  }
}

/** A certificate may have no subject but only alternative names; Node then says undefined, whatever its types say. */
function subjectOf({ subject, subjectAltName }: { readonly subject?: string; readonly subjectAltName?: string | undefined }): string {
  return (subject ?? subjectAltName ?? '').replaceAll('\n', ', ')
}

function attempt<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}
