// The fields of TLS with clients that are tested after the greeting.
import { cipherNameProblem } from '../values/cipher-names.ts'
import { seconds, shorter } from '../values/duration.ts'
import { choice, documented, duration, list, record, text, time } from './field.ts'
import { certificateSecret } from './secret-ref.ts'

/**
 * The TLS versions that OpenSSL supports, the oldest first. The alphabetical order of the texts is the order of the
 * versions.
 */
export const tlsVersions = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3'] as const

/** The default limit. The rule "stressHandshakeTimeout is not longer than handshakeTimeout" needs it too. */
export const handshakeTimeout = '300s'

/** The stress value of Postfix's default, or the normal value if that is shorter. */
const stressHandshakeDefault = seconds(10)

const excludedCipher = () =>
  text({
    min: 1,
    max: 128,
    pattern: '^[A-Za-z0-9][A-Za-z0-9._+-]*$',
    why: 'must be the name of a cipher or a keyword of OpenSSL such as aNULL, RC4 or DES-CBC3-SHA, without !, + or - in front',
    problem: cipherNameProblem,
  })

const pemFile = () => text({ max: 1024, pattern: '^[^\\x00-\\x1f]*$', why: 'must be the path of a PEM file' })

export const tls = documented(
  record({
    level: documented(choice(['None', 'May', 'Encrypt']).default('None'), {
      doc: 'Whether STARTTLS is available to clients that are tested after the greeting. None: not offered. May: offered. Encrypt: required before MAIL. May and Encrypt need certFile and keyFile, or secretName, unless TLS passes through the gateway (deepTests.handoff SameSession and deepTests.tls PassThrough): then the mail servers decide whether STARTTLS is offered, and Encrypt requires it before MAIL.',
      postfix: { own: 'postscreen_tls_security_level', inherits: 'smtpd_tls_security_level' },
      zimbra: ['zimbraMtaTlsSecurityLevel'],
      convert: { as: 'tlsLevel' },
    }),
    certFile: documented(pemFile().default(''), {
      doc: 'The path of a PEM file with the certificate chain of the gateway, its own certificate first.',
      postfix: { own: 'postscreen_tls_cert_file', inherits: 'smtpd_tls_cert_file' },
      tenancy: 'own',
      convert: { as: 'text' },
    }),
    keyFile: documented(pemFile().default(''), {
      doc: 'The path of a PEM file with the private key.',
      postfix: { own: 'postscreen_tls_key_file', inherits: 'smtpd_tls_key_file' },
      tenancy: 'own',
      convert: { as: 'text' },
    }),
    secretName: certificateSecret({
      doc: 'The name of a Secret of type kubernetes.io/tls in the namespace of the policy, instead of certFile and keyFile. The gateway reads the files secrets/NAME/tls.crt and secrets/NAME/tls.key next to the policy file.',
    }),
    minVersion: documented(choice(tlsVersions).default('TLSv1'), {
      doc: 'The oldest TLS version that a client may use. Some mail servers support nothing newer than TLSv1. With a higher minimum, such servers cannot pass the tests after the greeting if they use STARTTLS.',
      postfix: { own: 'postscreen_tls_protocols', inherits: 'smtpd_tls_protocols' },
      zimbra: ['zimbraMtaSmtpdTlsProtocols'],
      convert: { as: 'tlsSetting' },
      differs: 'Postfix has a list of protocols for each security level; the policy has one range.',
    }),
    maxVersion: documented(choice(tlsVersions).default('TLSv1.3'), {
      doc: 'The newest TLS version that a client may use. It must not be older than minVersion.',
      postfix: { own: 'postscreen_tls_protocols', inherits: 'smtpd_tls_protocols' },
      zimbra: ['zimbraMtaSmtpdTlsProtocols'],
      convert: { as: 'tlsSetting' },
    }),
    ciphers: documented(choice(['Medium', 'High']).default('Medium'), {
      doc: 'The cipher grade for TLS 1.2 and older. Medium and High are the cipher lists of Postfix (tls_medium_cipherlist, tls_high_cipherlist). The ciphers of TLS 1.3 are always offered.',
      postfix: { own: 'postscreen_tls_ciphers', inherits: 'smtpd_tls_ciphers' },
      zimbra: ['zimbraMtaSmtpdTlsCiphers'],
      convert: { as: 'tlsSetting' },
    }),
    excludeCiphers: documented(list(excludedCipher(), { max: 64, type: 'set' }).default([]), {
      doc: 'Ciphers to remove from the grade: names or keywords of OpenSSL, such as aNULL or DES-CBC3-SHA. A combination such as kRSA+AES removes the ciphers that match both keywords. The ciphers of TLS 1.3 cannot be excluded.',
      postfix: { own: 'postscreen_tls_exclude_ciphers', inherits: 'smtpd_tls_exclude_ciphers' },
      zimbra: ['zimbraMtaSmtpdTlsExcludeCiphers'],
      tenancy: 'own',
      convert: { as: 'tlsSetting' },
    }),
    handshakeTimeout: duration(
      handshakeTimeout,
      { max: '1h' },
      {
        doc: 'The time limit for a TLS handshake. After it, the connection is closed.',
        postfix: { own: 'postscreen_starttls_timeout', inherits: 'smtpd_starttls_timeout' },
      },
    ),
    stressHandshakeTimeout: documented(time({ max: '1h' }).exactOptional(), {
      doc: 'The value of handshakeTimeout in stress mode (see limits.preQueue). It must not be longer than handshakeTimeout.',
      unit: 'seconds',
      postfix: { own: 'postscreen_starttls_timeout', inherits: 'smtpd_starttls_timeout' },
      convert: { as: 'stressDuration', bareUnit: 's' },
      computedDefault: '10s, or handshakeTimeout if that is shorter',
    }),
  })
    .transform((fields) => ({
      ...fields,
      stressHandshakeTimeout: fields.stressHandshakeTimeout ?? shorter(stressHandshakeDefault, fields.handshakeTimeout),
    }))
    .prefault({}),
  { doc: 'TLS with clients that are tested after the greeting. Clients that are handed off to a mail server negotiate TLS with it.' },
)
