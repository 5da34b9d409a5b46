// What an import prints, given to kubectl: the commands as they are typed, and the YAML as kubectl reads it.
import assert from 'node:assert/strict'
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { Commented, writePolicyYaml } from '../../../cli/import/policy-yaml.ts'
import { kubectlProgram } from '../../peers/helm.ts'
import { unless } from '../../peers/require.ts'
import { importFiles, importMain } from './cases.ts'

const skip = unless('kubectl', 'openssl')
const kubectl = kubectlProgram() ?? 'kubectl'
const program = fileURLToPath(new URL('../../../cli/postscreen.js', import.meta.url))
const base = 'compatibility_level = 3.6\nmyhostname = mx.example.org\nmynetworks = 127.0.0.0/8\n'

interface Made {
  readonly kind: string
  readonly metadata: { readonly name: string; readonly namespace?: string }
  readonly type?: string
  readonly data?: Readonly<Record<string, string>>
  readonly binaryData?: Readonly<Record<string, string>>
}

/** Types the commands that an import prints into a shell whose kubectl only shows what it would create. */
function typed(folder: string, options: string): readonly Made[] {
  const shell = `set -e
    kubectl() { '${kubectl}' "$@" --dry-run=client -o json; }
    '${process.execPath}' '${program}' import postfix main.cf ${options} 2>messages >policy.yaml
    sed -n 's/^  //p' messages >commands
    . ./commands`
  const printed = execFileSync('bash', ['-c', shell], { cwd: folder, encoding: 'utf8', env: { HOME: folder, PATH: process.env['PATH'] } })
  return printed
    .split(/^(?=\{)/m)
    .filter((object) => object.trim() !== '')
    .map((object): Made => JSON.parse(object))
}

/** A certificate and its key where Postfix might have them. */
function certificate(folder: string, name: string): void {
  const words = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-subj', '/CN=mx', '-days', '9']
  execFileSync('openssl', [...words, '-keyout', join(folder, `${name}.key`), '-out', join(folder, `${name}.crt`)], { stdio: 'ignore' })
}

const table = Array.from({ length: 2000 }, (_, at) => `10.${at >> 8}.${at & 255}.0/24 permit # line ${at}\n`).join('')

test('the kubectl commands create what the policy names, as they are typed', { skip }, () => {
  const key = 'abcdefghijklmnopqrstuvwxyz'
  const text = [
    'smtpd_tls_security_level = may',
    "smtpd_tls_cert_file = /etc/ssl/it's mine.crt",
    "smtpd_tls_key_file = /etc/ssl/it's mine.key",
    `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net*3`,
    'postscreen_access_list = cidr:/etc/postfix/long.cidr',
  ]
  importFiles('postfix', { 'main.cf': `${base}${text.join('\n')}\n`, 'long.cidr': table }, [], (_, folder) => {
    certificate(folder, "it's mine")
    const [secret, map, dnsbl, ...more] = typed(folder, '--for kubernetes --namespace mail --name mx').toSorted((a, b) =>
      b.metadata.name.localeCompare(a.metadata.name),
    )
    assert.deepEqual(more, [])
    assert.deepEqual([secret?.metadata.name, secret?.metadata.namespace, secret?.type], ['mx-tls', 'mail', 'kubernetes.io/tls'])
    assert.equal(Buffer.from(map?.data?.['key'] ?? '', 'base64').toString(), key)
    assert.deepEqual([dnsbl?.kind, dnsbl?.metadata.name, dnsbl?.data?.['long.cidr']], ['ConfigMap', 'mx-access', table])
    const policy = readFileSync(join(folder, 'policy.yaml'), 'utf8')
    for (const named of [/secretName: mx-tls/, /configMap: \{name: mx-access, key: long\.cidr\}/, /name: mx-dnsbl-key,? *\n? +key: key/])
      assert.match(policy, named)
  })
})

test('a table that is too long for a ConfigMap goes into it in gzip form', { skip }, () => {
  const long = table.repeat(20)
  importFiles(
    'postfix',
    { 'main.cf': `${base}postscreen_access_list = cidr:/etc/postfix/long.cidr\n`, 'long.cidr': long },
    [],
    (_, folder) => {
      const [map] = typed(folder, '--for kubernetes')
      assert.deepEqual(Object.keys(map?.binaryData ?? {}), ['long.cidr.gz'])
      assert.match(readFileSync(join(folder, 'policy.yaml'), 'utf8'), /key: long\.cidr\.gz/)
    },
  )
})

/** What kubectl reads from YAML, asked without a server. */
function asKubectl(yaml: string): unknown {
  const { stdout, stderr } = spawnSync(kubectl, ['annotate', '--local', '--dry-run=client', '-o', 'json', '-f', '-', 'a=b'], {
    input: yaml,
    encoding: 'utf8',
    env: { HOME: dirname(program) },
  })
  assert.notEqual(stdout, '', `${stderr}\n${yaml}`)
  const read: { readonly data: Readonly<Record<string, string>> } = JSON.parse(stdout)
  return read.data
}

test('kubectl reads every text and comment of the YAML back unchanged', { skip }, () => {
  const special = [
    '\u0085',
    '\u2028',
    '\u2029',
    '\ufeff',
    '\u007f',
    '\u009f',
    '\u200e',
    '\ufffe',
    '\uffff',
    '\u{1f600}',
    'é',
    '漢',
    '\u{20000}',
    '\ud7ff',
  ]
  const words = [
    'yes',
    'null',
    '~',
    '1e3',
    '0x1f',
    '12:30:45',
    '2026-01-01',
    '',
    ' ',
    'a: b',
    '- a',
    '# c',
    '!x',
    '1_000',
    '.5',
    '+1',
    '<<',
    '=',
    '0o7',
    '1d',
  ]
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom(...special, ...words),
    fc.string({ unit: fc.constantFrom(...special, 'a', ' '), maxLength: 6 }),
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(text, text), { minLength: 10, maxLength: 40 }), fc.array(text), (pairs, head) => {
      const data = Object.fromEntries(pairs.map(([value], at) => [`k${at}`, value]))
      const commented = Object.fromEntries(
        pairs.map(([value, comment], at) => [`k${at}`, new Commented(value, { beside: comment, above: [comment] })]),
      )
      const yaml = writePolicyYaml({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: commented }, head)
      assert.deepEqual(asKubectl(yaml), data)
    }),
    { numRuns: 25 },
  )
})

test('a certificate path that contains NEL stays unchanged', { skip }, () => {
  const path = '/etc/ssl/a\u0085b\u2028c.pem'
  const { spec, stdout } = importMain(`${base}smtpd_tls_security_level = may\nsmtpd_tls_cert_file = ${path}\n`)
  assert.deepEqual(spec?.['tls'], { level: 'May', certFile: path, keyFile: path })
  const certFile = /certFile: (".*?")/.exec(stdout)?.[1] ?? ''
  assert.deepEqual(asKubectl(`apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {path: ${certFile}}\n`), { path })
})
