// A file that was given by mistake: one error, which says what it is and what to do.
import assert from 'node:assert/strict'
import { gzipSync } from 'node:zlib'
import { test } from 'node:test'
import { importFiles } from './cases.ts'

const zmprov = '# name mail.example.org\nzimbraMtaPostscreenDnsblSites: bl.example.org*3\nzimbraMtaPostscreenDnsblThreshold: 3\n'
const main = 'myhostname = mx.example.org\nmynetworks = 127.0.0.0/8\n'

const toPostfix: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['the output of zmprov', zmprov, /zmprov.*use "postscreen import zimbra"$/],
  ['zmprov commands', "zmprov mcf zimbraMtaPostscreenDnsblSites 'a.example'\n", /use "postscreen import zimbra"$/],
  ['LDIF of Zimbra', 'dn: cn=config,cn=zimbra\nzimbraMtaPostscreenDnsblAction:enforce\n', /use "postscreen import zimbra"$/],
  ['LDIF of something else', 'dn: cn=x,dc=example\nmail: a@example.org\n', /is an LDIF file.*use main\.cf/],
  ['master.cf', 'smtp inet n - n - 1 postscreen\n  -o a=b\n', /is master\.cf; use main\.cf.*--master-cf$/],
  ['JSON', '{"a": 1}\n', /is JSON; use main\.cf/],
  ['a policy', 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\n', /is already a Kubernetes object.*use main\.cf/],
  ['a compressed file', gzipSync('a'.repeat(100)), /is not a text file.*use main\.cf/],
  ['XML', '<?xml version="1.0"?><a/>', /is XML or HTML; use main\.cf/],
  ['a certificate', '-----BEGIN CERTIFICATE-----\n', /is a certificate or a key; use main\.cf/],
  ['an empty file', '\n', /has no parameters; use main\.cf/],
]

for (const [what, text, why] of toPostfix) {
  test(`import postfix says what is wrong with ${what}, once`, () => {
    importFiles('postfix', { input: text }, [], ({ stdout, errors, notes, exitCode }) => {
      assert.deepEqual([stdout, notes, exitCode, errors.length], ['', [], 1, 1], errors.join('\n'))
      assert.match(errors[0] ?? '', why)
    })
  })
}

const toZimbra: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ['main.cf', main, /is a configuration of Postfix: use "postscreen import postfix"/],
  ['master.cf', 'smtp inet n - n - 1 postscreen\n', /is a configuration of Postfix/],
  ['JSON', '[1]\n', /is JSON; save the output of "zmprov gacf"/],
  ['LDIF of something else', 'dn: cn=x,dc=example\nmail: a@example.org\n', /is an LDIF file.*zmprov gacf/],
  ['other text', 'hello\n', /does not contain attributes of Zimbra's MTA; save the output/],
]

for (const [what, text, why] of toZimbra) {
  test(`import zimbra says what is wrong with ${what}, once`, () => {
    importFiles('zimbra', { input: text }, [], ({ stdout, errors, notes, exitCode }) => {
      assert.deepEqual([stdout, notes, exitCode, errors.length], ['', [], 1, 1], errors.join('\n'))
      assert.match(errors[0] ?? '', why)
    })
  })
}

const ldif: Readonly<Record<string, string | Buffer>> = {
  'without a blank': 'zimbraMtaPostscreenDnsblAction:enforce\n',
  'with several blanks': 'zimbraMtaPostscreenDnsblAction:   enforce  \n',
  'in base64': 'zimbraMtaPostscreenDnsblAction:: ZW5mb3JjZQ==\n',
  'in base64 without a blank, with a line end inside': 'zimbraMtaPostscreenDnsblAction::ZW5mb3JjZQo=\n',
  'in folded base64': 'zimbraMtaPostscreenDnsblAction:: ZW5m\n b3Jj\n ZQ==\n',
  folded: 'zimbraMtaPostscreenDnsblAction: enf\n orce\n',
  'with CRLF and a byte order mark': '\u{feff}dn:cn=config,cn=zimbra\r\nzimbraMtaPostscreenDnsblAction: enforce\r\n',
  'with an option of the attribute': 'zimbraMtaPostscreenDnsblAction;x-a: enforce\n',
}

for (const [form, text] of Object.entries(ldif)) {
  test(`reads an attribute of LDIF ${form}`, () => {
    importFiles('zimbra', { input: text }, [], ({ dnsbl, errors }) => {
      assert.deepEqual(errors, [])
      assert.equal(dnsbl['action'], 'Enforce')
    })
  })
}

test('refuses values that LDIF only refers to, base64 that is not valid, and the settings of two servers', () => {
  const text = [
    'dn: cn=a.example.org,cn=servers,cn=zimbra',
    'zimbraMtaPostscreenDnsblAction:< file:///x',
    'dn:: Y249Yi5leGFtcGxlLm9yZyxjbj1zZXJ2ZXJzLGNuPXppbWJyYQ==',
    'zimbraMtaPostscreenGreetAction:: %%%',
    'zimbraMtaPostscreenGreetTTL: 1d\n',
  ].join('\n')
  importFiles('zimbra', { input: text }, [], ({ errors }) =>
    assert.deepEqual(errors, [
      'input, line 2: zimbraMtaPostscreenDnsblAction: the value is in another file (file:///x); write it in this line',
      'input, line 4: zimbraMtaPostscreenGreetAction: the value after "::" is not text in base64; write "zimbraMtaPostscreenGreetAction: VALUE"',
      'input: contains the settings of 2 servers (a.example.org, b.example.org); save the output of "zmprov gs HOST" of one server',
    ]),
  )
})

test('Carbonio does not apply zimbraMtaPostscreenDnsblTTL, Zimbra does', () => {
  const text =
    'zimbraMtaPostscreenDnsblMaxTTL: ${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h\nzimbraMtaPostscreenDnsblTTL: 5m\nzimbraMtaPostscreenDnsblMinTTL: 60s\nzimbraMtaPostscreenDnsblSites: bl.example.org\n'
  const maxTTL = (input: string): unknown => importFiles('zimbra', { input }, [], ({ dnsbl }) => dnsbl['maxTTL'])
  assert.deepEqual([maxTTL(`carbonioClamAVDatabaseCustomURL: https://av.example.org\n${text}`), maxTTL(text)], ['1h', '5m'])
})
