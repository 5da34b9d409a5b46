// Inputs as they come from terminals, scripts and other systems: what is in them is read, or the import says that it was not.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importFiles, importMain } from './cases.ts'

const commands: Readonly<Record<string, string>> = {
  'behind the prompt of the shell': 'zimbra@mail:~$ zmprov mcf zimbraMtaPostscreenDnsblAction enforce\n',
  'behind the prompt of older systems': '[zimbra@mail ~]$ zmprov mcf zimbraMtaPostscreenDnsblAction enforce\n',
  'behind the prompt of zmprov': 'prov> mcf zimbraMtaPostscreenDnsblAction enforce\n',
  'of a file for zmprov -f': 'modifyConfig zimbraMtaPostscreenDnsblAction "enforce"\n',
  'behind su': "su - zimbra -c 'zmprov mcf zimbraMtaPostscreenDnsblAction enforce'\n",
  'behind sudo': 'sudo -u zimbra /opt/zimbra/bin/zmprov -l mcf zimbraMtaPostscreenDnsblAction enforce\n',
  'behind another one':
    'zmprov mcf zimbraMtaPostscreenGreetAction drop; zmprov mcf zimbraMtaPostscreenDnsblAction enforce && zmmtactl restart\n',
  'with its output thrown away': 'zmprov mcf zimbraMtaPostscreenDnsblAction enforce >/dev/null 2>&1 # on\n',
  'for a server whose name the shell finds out': 'zmprov ms `zmhostname` zimbraMtaPostscreenDnsblAction enforce\n',
}

for (const [what, text] of Object.entries(commands)) {
  test(`reads a command of zmprov ${what}`, () => {
    importFiles('zimbra', { input: text }, [], ({ dnsbl, errors }) => {
      assert.deepEqual(errors, [])
      assert.equal(dnsbl['action'], 'Enforce')
    })
  })
}

test('a line that names an attribute in another form is not lost silently', () => {
  const text = 'zimbraMtaPostscreenDnsblThreshold: 3\necho zimbraMtaPostscreenDnsblAction enforce\n'
  importFiles('zimbra', { input: text }, [], ({ notes, errors }) => {
    assert.deepEqual(errors, [])
    assert.match(notes.join('\n'), /input, line 2: skipped, although it contains an attribute; write it as NAME: VALUE/)
  })
})

for (const [system, cure] of [
  ['postfix', 'use main.cf'],
  ['zimbra', 'save the output of "zmprov gacf"'],
] as const) {
  test(`import ${system} says that the output of zmlocalconfig has no settings of postscreen`, () => {
    const text = 'zimbra_server_hostname = mail.example.org\npostfix_smtpd_banner = $myhostname\n'
    importFiles(system, { input: text }, [], ({ stdout, errors }) => {
      assert.equal(stdout, '')
      assert.match(errors.join('\n'), new RegExp(`this is the output of zmlocalconfig.*; ${cure}`))
    })
  })
}

test('main.cf in UTF-16, as PowerShell writes it, is read like any other', () => {
  const text = 'myhostname = mx.example.org\r\nmynetworks = 127.0.0.0/8\r\npostscreen_dnsbl_action = enforce\r\n'
  const little = Buffer.from(`\ufeff${text}`, 'utf16le')
  for (const bytes of [little, Buffer.from(little).swap16()])
    importFiles('postfix', { 'main.cf': bytes }, [], ({ dnsbl, errors }) => {
      assert.deepEqual(errors, [])
      assert.equal(dnsbl['action'], 'Enforce')
    })
})

const key = 'abcdefghijklmnopqrstuvwxyz'

test('a key behind the name of the list is refused, and not shown', () => {
  const { stdout, stderr } = importMain(`mynetworks = 127.0.0.0/8\npostscreen_dnsbl_sites = zen.${key}.dq.spamhaus.net*3\n`)
  assert.equal(stdout, '')
  assert.match(stderr, /zen\.<key>\.dq\.spamhaus\.net: the label that looks like a key is not the first label/)
  assert.doesNotMatch(stderr, new RegExp(key))
})

const sites = 'mynetworks = 127.0.0.0/8\npostscreen_dnsbl_sites = bl.example.org\npostscreen_dnsbl_reply_map = TYPE:reply\n'

test('keys of a compiled reply map are in lower case, whatever the text says that postmap made it from', () => {
  const reply = 'BL.Example.org  a list\n'
  for (const type of ['hash', 'lmdb', 'cdb'])
    importFiles('postfix', { 'main.cf': sites.replace('TYPE', type), reply }, [], ({ dnsbl }) => {
      assert.deepEqual(dnsbl['replyMap'], { 'bl.example.org': 'a list' }, type)
    })
  importFiles('postfix', { 'main.cf': sites.replace('TYPE', 'texthash'), reply }, [], ({ dnsbl }) => {
    assert.deepEqual(dnsbl['replyMap'] ?? {}, {})
  })
})

const pem = (what: string): string => `-----BEGIN ${what}-----\nMA==\n-----END ${what}-----\n`

test('the certificate is taken from the chain file that has one', () => {
  const main = 'mynetworks = 127.0.0.0/8\nsmtpd_tls_security_level = may\nsmtpd_tls_chain_files = /etc/a.pem, /etc/b.pem\n'
  const tls = (first: string): unknown =>
    importFiles('postfix', { 'main.cf': main, 'a.pem': first, 'b.pem': pem('CERTIFICATE') }, [], ({ spec }) => spec?.['tls'])
  assert.deepEqual(tls(pem('PRIVATE KEY')), { level: 'May', certFile: '/etc/b.pem', keyFile: '/etc/a.pem' })
  assert.deepEqual(tls(pem('PRIVATE KEY') + pem('CERTIFICATE')), { level: 'May', certFile: '/etc/a.pem', keyFile: '/etc/a.pem' })
})

test('a misspelt name of postscreen is reported, and a name that the user has defined is not', () => {
  const { notes } = importMain('mynetworks = 127.0.0.0/8\npostscren_greet_wait = 3s\npost_office = x\npostmulti_enable = yes\n')
  assert.match(notes.join('\n'), /postscren_greet_wait: not a parameter of postscreen; did you mean postscreen_greet_wait\?/)
  assert.doesNotMatch(notes.join('\n'), /post_office|postmulti/)
})
