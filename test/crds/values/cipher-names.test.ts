// Names of ciphers to exclude: all that OpenSSL has or had, and no typing mistakes.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import tls from 'node:tls'
import { cipherNameProblem } from '../../../crds/values/cipher-names.ts'
import { unless } from '../../peers/require.ts'

test('each cipher of the installed OpenSSL and of Node.js can be excluded, but for those of TLS 1.3', { skip: unless('openssl') }, () => {
  const installed = execFileSync('openssl', ['ciphers', 'ALL:COMPLEMENTOFALL:@SECLEVEL=0'], { encoding: 'utf8' }).trim().split(':')
  const ofNode = tls.getCiphers().map((name) => name.toUpperCase())
  for (const name of new Set([...installed, ...ofNode])) {
    const problem = cipherNameProblem(name)
    assert.equal(problem !== undefined, name.startsWith('TLS_'), `${name}: ${problem}`)
  }
})

test('what guides tell people to exclude can be excluded', () => {
  const guides = `aNULL eNULL EXPORT DES RC4 MD5 PSK aECDH EDH-DSS-DES-CBC3-SHA EDH-RSA-DES-CBC3-SHA KRB5-DES CBC3-SHA LOW 3DES EXP DSS SEED
    ECDSA CAMELLIA kRSA+AES kDHE+3DES DHE-RSA-AES256-SHA ECDHE-RSA-CHACHA20-POLY1305 IDEA-CBC-SHA EXP-RC2-CBC-MD5 EXP1024-DES-CBC-SHA SSLv2
    ADH-AES128-GCM-SHA256 DES-CBC3-SHA GOST2012-GOST8912-GOST8912 ARIA DHE-RSA-AES128-CCM8 SRP-RSA-AES-128-CBC-SHA AESCCM8 SHA1 SHA256 aDSS`
  for (const name of guides.split(/\s+/)) assert.equal(cipherNameProblem(name), undefined, name)
})

test('a name that excludes nothing is refused in words', () => {
  assert.match(
    cipherNameProblem('anull') ?? '',
    /^OpenSSL has no cipher or keyword anull: anull is not a part of any name; did you mean aNULL\?$/,
  )
  assert.match(cipherNameProblem('RC44') ?? '', /RC44 is not a part of any name; for the names, run "openssl ciphers/)
  assert.match(cipherNameProblem('DES--SHA') ?? '', /a part is missing/)
  assert.match(cipherNameProblem('TLS_AES_128_GCM_SHA256') ?? '', /the ciphers of TLS 1\.3 cannot be excluded/)
})
