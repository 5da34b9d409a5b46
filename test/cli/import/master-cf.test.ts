// Options of master.cf: they are imported for the service that runs postscreen, or the import ends with an error.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseMasterCf } from '../../../cli/import/master-cf.ts'
import { type Imported, importFiles, importMain } from './cases.ts'

const main = 'compatibility_level = 3.6\nmyhostname = mx.example.org\nmynetworks = 127.0.0.0/8\npostscreen_greet_wait = 3s\n'
const helpers = 'smtpd pass - - n - - smtpd\ndnsblog unix - - n - 0 dnsblog\ntlsproxy unix - - n - 0 tlsproxy\n'
const withMaster = (master: string, ...options: readonly string[]): Imported =>
  importFiles('postfix', { 'main.cf': main, 'master.cf': master + helpers }, options, (imported) => imported)

const proxied = { mode: 'Required' }

const forms: Readonly<Record<string, string>> = {
  'one line for each':
    'smtp inet n - n - 1 postscreen\n    -o postscreen_upstream_proxy_protocol=haproxy\n    -o postscreen_greet_wait=1s\n',
  'all on one line': 'smtp inet n - n - 1 postscreen -o postscreen_upstream_proxy_protocol=haproxy -o postscreen_greet_wait=1s\n',
  'in braces': 'smtp inet n - n - 1 postscreen -o { postscreen_upstream_proxy_protocol = haproxy } -o {postscreen_greet_wait=1s}\n',
  'attached to the option': 'smtp inet n - n - 1 postscreen -v -opostscreen_upstream_proxy_protocol=haproxy -vo postscreen_greet_wait=1s\n',
  'with comments between':
    'smtp inet n - n - 1 postscreen\n# a\n -o postscreen_upstream_proxy_protocol=haproxy\n\n  # b\n -o postscreen_greet_wait=1s\n',
  'the last value counting':
    'smtp inet n - n - 1 postscreen -o postscreen_greet_wait=2s -o postscreen_upstream_proxy_protocol=haproxy -o postscreen_greet_wait=1s\n',
  'from a macro of main.cf':
    'smtp inet n - n - 1 postscreen -o postscreen_upstream_proxy_protocol=$proxy -o proxy=haproxy -o postscreen_greet_wait=1s\n',
  'a program by its path':
    '25 inet n - n - 1 /usr/lib/postfix/sbin/postscreen -o postscreen_upstream_proxy_protocol=haproxy -o postscreen_greet_wait=1s\n',
}

for (const [form, master] of Object.entries(forms)) {
  test(`imports the options of master.cf, ${form}`, () => {
    const { spec, errors } = withMaster(master)
    assert.deepEqual(errors, [])
    assert.deepEqual([spec?.['listen'], spec?.['greet']], [{ proxyProtocol: proxied }, { wait: '1s', stressWait: '1s' }])
  })
}

test('says of each value from which service it comes', () => {
  const { stdout } = withMaster('10025 inet n - n - 1 postscreen -o postscreen_greet_wait=1s\n')
  assert.match(stdout, /wait: 1s {2}# 10025\/inet\/postscreen_greet_wait$/m)
})

test('asks which service is meant when two run postscreen with different options, and takes the one that is named', () => {
  const both = 'smtp inet n - n - 1 postscreen\n10025 inet n - n - 1 postscreen -o postscreen_upstream_proxy_protocol=haproxy\n'
  const { errors } = withMaster(both)
  assert.deepEqual(errors, [
    'master.cf: several services run postscreen with different options: choose one with --service: smtp/inet, 10025/inet',
  ])
  assert.deepEqual(withMaster(both, '--service', '10025').spec?.['listen'], { proxyProtocol: proxied })
  assert.equal(withMaster(both, '--service', 'smtp/inet').spec?.['listen'], undefined)
  assert.deepEqual(withMaster(both, '--service', 'smtpd/pass').errors, [
    '--service smtpd/pass: runs smtpd, not postscreen; expected one of smtp/inet, 10025/inet',
  ])
  assert.deepEqual(withMaster(both, '--service', '26').errors, [
    '--service 26: master.cf has no such service; expected one of smtp/inet, 10025/inet',
  ])
})

test('takes master.cf from where --master-cf says', () => {
  const files = { 'main.cf': main, 'other/services': 'smtp inet n - n - 1 postscreen -o postscreen_greet_wait=1s\n' }
  importFiles('postfix', files, ['--master-cf', 'FOLDER/other/services'], ({ spec }) =>
    assert.deepEqual(spec?.['greet'], { wait: '1s', stressWait: '1s' }),
  )
  importFiles('postfix', files, ['--master-cf', 'FOLDER/main.cf'], ({ errors }) =>
    assert.deepEqual(errors, ['main.cf: this is main.cf; use master.cf, or the output of "postconf -M"']),
  )
})

test('reads the lines of postconf -P, -F and -M behind those of postconf -n', () => {
  for (const lines of [
    'smtp/inet/postscreen_greet_wait = 1s\nsubmission/inet/syslog_name = postfix/submission\n',
    'smtp/inet/service = smtp\nsmtp/inet/type = inet\nsmtp/inet/command = postscreen -o postscreen_greet_wait=1s\n',
    'smtp       inet  n       -       n       -       1       postscreen -o postscreen_greet_wait=1s\n',
  ]) {
    const { spec, errors, notes } = importMain(main + lines)
    assert.deepEqual(errors, [], lines)
    assert.deepEqual(spec?.['greet'], { wait: '1s', stressWait: '1s' }, lines)
    assert.ok(!notes.some((note) => note.includes('master.cf is not beside')), lines)
  }
})

test('gives the options of the smtpd behind postscreen to the mail server, in a note', () => {
  const { notes } = importFiles(
    'postfix',
    {
      'main.cf': main,
      'master.cf': 'smtp inet n - n - 1 postscreen\nsmtpd pass - - n - - smtpd -o smtpd_upstream_proxy_protocol=haproxy\n',
    },
    [],
    (imported) => imported,
  )
  assert.ok(
    notes.some((note) => note.startsWith('smtpd/pass: options of the mail server, not of the gateway: smtpd_upstream_proxy_protocol;')),
    notes.join('\n'),
  )
})

test('takes the options of tlsproxy for the handshake, and none of postscreen itself', () => {
  const tls = 'smtpd_tls_security_level = may\nsmtpd_tls_cert_file = /a.pem\n'
  const master =
    'smtp inet n - n - 1 postscreen -o smtpd_tls_cert_file=/b.pem\ntlsproxy unix - - n - 0 tlsproxy -o smtpd_tls_cert_file=/c.pem\n'
  importFiles('postfix', { 'main.cf': main + tls, 'master.cf': master }, [], ({ spec, stdout }) => {
    assert.deepEqual(spec?.['tls'], { level: 'May', certFile: '/c.pem', keyFile: '/c.pem' })
    assert.match(stdout, /smtp\/inet\/smtpd_tls_cert_file: Postfix reads it in the tlsproxy service/)
  })
})

test('names the options that the policy has no field for', () => {
  const { stdout } = withMaster('smtp inet n - n - 1 postscreen -o syslog_name=postfix/screen\n')
  assert.match(stdout, /# - smtp\/inet\/syslog_name: the policy has no such field/)
})

test('says so when there is no master.cf, and when none of its services runs postscreen', () => {
  assert.ok(importMain(main).notes.some((note) => note.startsWith('master.cf is not in the folder of the input')))
  assert.ok(withMaster('smtp inet n - n - - smtpd -o smtpd_banner=x\n').notes.some((note) => note.includes('no service runs postscreen')))
})

const broken: readonly (readonly [string, RegExp])[] = [
  ['smtp inet n - n - 1 postscreen -o postscreen_greet_wait\n', /missing '=' after attribute name; expected -o name=value/],
  ['smtp inet n - n - 1 postscreen -o postscreen_greet_wait = 1s\n', /missing '=' after attribute name; expected -o name=value/],
  ['smtp inet n - n - 1 postscreen -o {postscreen_greet_wait=1s\n', /missing '}'/],
  ['smtp inet n - n\n', /a service must have eight fields/],
]

for (const [master, why] of broken) {
  test(`refuses the master.cf line ${JSON.stringify(master)}`, () => {
    const { errors } = parseMasterCf(master, 'master.cf')
    assert.match(errors[0] ?? '', why)
  })
}
