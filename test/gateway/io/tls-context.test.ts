// Certificates are taken whole or not at all, and a refusal names the field.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { duplexPair } from 'node:stream'
import { after, test } from 'node:test'
import tls from 'node:tls'
import { loadTls, type TlsFiles } from '../../../gateway/io/policy/tls-context.ts'
import { unless } from '../../peers/require.ts'

const skip = unless('openssl')
const folder = mkdtempSync(join(tmpdir(), 'tls-'))
after(() => rmSync(folder, { recursive: true }))

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

test('text that is no certificate is refused at spec.tls.certFile', { skip }, () => {
  const files = pair('four')
  writeFileSync(files.certFile, 'hello')
  const refused = loadTls(files)
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.certFile')
})

test('a certificate without a subject says its alternative names', { skip }, () => {
  const loaded = loadTls(pair('nobody', ['-subj', '/', '-addext', 'subjectAltName=DNS:mx.example.test']))
  assert.ok('context' in loaded)
  assert.equal(loaded.info.subject, 'DNS:mx.example.test')
})

test('a key that OpenSSL finds too short is refused with its words', { skip }, () => {
  const refused = loadTls(pair('small', [], ['rsa:1024']))
  assert.ok('why' in refused)
  assert.equal(refused.path, 'spec.tls.certFile')
  assert.match(refused.why, /small\.pem cannot be used: .*key too small/)
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

test('TLS 1.2 is spoken, TLS 1.1 is not', { skip }, async () => {
  const loaded = loadTls(pair('old'))
  assert.ok('context' in loaded)
  const speak = async (version: 'TLSv1.1' | 'TLSv1.2'): Promise<string> => {
    const [a, b] = duplexPair()
    const server = new tls.TLSSocket(a, { isServer: true, secureContext: loaded.context })
    server.on('error', () => undefined)
    const client = tls.connect({
      socket: b,
      rejectUnauthorized: false,
      minVersion: version,
      maxVersion: version,
      ciphers: 'ALL:@SECLEVEL=0',
    })
    return new Promise((resolve) => {
      client.once('secureConnect', () => resolve(client.getProtocol() ?? ''))
      client.once('error', () => resolve('refused'))
    })
  }
  assert.equal(await speak('TLSv1.2'), 'TLSv1.2')
  assert.equal(await speak('TLSv1.1'), 'refused')
})
