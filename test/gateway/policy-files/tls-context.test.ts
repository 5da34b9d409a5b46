// Certificates are taken whole or not at all, and a refusal names the field.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { loadTls as load, type TlsFiles, type TlsSettings } from '../../../gateway/policy-files/tls-context.ts'
import { unless } from '../../peers/require.ts'

const skip = unless('openssl')
const folder = mkdtempSync(join(tmpdir(), 'tls-'))
after(() => rmSync(folder, { recursive: true }))

const settings: TlsSettings = { minVersion: 'TLSv1', maxVersion: 'TLSv1.3', ciphers: 'Medium', excludeCiphers: [] }
const loadTls = (files: TlsFiles, more: Partial<TlsSettings> = {}) => load(files, { ...settings, ...more })

/** Later arguments of openssl win over earlier ones. */
function pair(
  name: string,
  more: readonly string[] = [],
  key: readonly string[] = ['ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1'],
): TlsFiles {
  const files = { certFile: join(folder, `${name}.pem`), keyFile: join(folder, `${name}.key`) }
  const args = ['req', '-x509', '-newkey', ...key, '-nodes', '-days', '30', '-subj', `/CN=${name}`, ...more]
  execFileSync('openssl', [...args, '-keyout', files.keyFile, '-out', files.certFile], { stdio: 'ignore' })
  return files
}

test('a certificate with its key is loaded and says who it is for', { skip }, () => {
  const loaded = loadTls(pair('mx.example.test'))
  assert.ok('context' in loaded)
  assert.equal(loaded.info.subject, 'CN=mx.example.test')
  assert.ok(Date.parse(loaded.info.notAfter) > Date.now())
})

test('the key of another certificate is refused at spec.tls.keyFile', { skip }, () => {
  const refused = loadTls({ certFile: pair('one').certFile, keyFile: pair('two').keyFile })
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.keyFile')
  assert.match(refused.why, /is not the key of the certificate in/)
})

test('a certificate without a key file is refused, and the reason has the path', { skip }, () => {
  const refused = loadTls({ certFile: pair('three').certFile, keyFile: join(folder, 'nothing.key') })
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.keyFile')
  assert.match(refused.why, /cannot be read: ENOENT.*nothing\.key/)
})

test('text that is not a certificate is refused at spec.tls.certFile', { skip }, () => {
  const files = pair('four')
  writeFileSync(files.certFile, 'hello')
  const refused = loadTls(files)
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.certFile')
})

test('a certificate without a subject says its alternative names', { skip }, () => {
  const loaded = loadTls(pair('nameless', ['-subj', '/', '-addext', 'subjectAltName=DNS:mx.example.test']))
  assert.ok('context' in loaded)
  assert.equal(loaded.info.subject, 'DNS:mx.example.test')
})

test('a file whose second certificate cannot be read is refused with the words of OpenSSL', { skip }, () => {
  const files = pair('chain')
  appendFileSync(files.certFile, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n')
  const refused = loadTls(files)
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.certFile')
  assert.match(refused.why, /chain\.pem cannot be used: /)
})

test('the shortest key that Postfix accepts is accepted', { skip }, () => {
  assert.ok('context' in loadTls(pair('small', [], ['rsa:1024'])))
})

test('a key with a passphrase is refused at spec.tls.keyFile', { skip }, () => {
  const files = pair('locked')
  const locked = join(folder, 'locked.enc')
  execFileSync('openssl', ['pkey', '-in', files.keyFile, '-aes256', '-passout', 'pass:secret', '-out', locked], { stdio: 'ignore' })
  const refused = loadTls({ ...files, keyFile: locked })
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.keyFile')
  assert.match(refused.why, /without a passphrase/)
})
