// The two halves of each shared policy say the same: what `postscreen import postfix` makes of the Postfix settings is the policy.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { load } from 'js-yaml'
import { importPostfix } from '../../cli/import/postfix.ts'
import { parsePolicy } from '../../crds/policy.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { compileRules } from '../../gateway/core/rules.ts'
import { manifest } from '../peers/gateway.ts'
import { sharedPolicies } from '../support/policy-file.ts'
import type { SharedPolicy } from '../support/policy-file.ts'
import { inspect } from 'node:util'

/** Written with regular expressions for Postfix, because its exact tables do not take keys with blanks; the importer takes only exact ones. */
const notImportable = new Set(['quick-veto'])

/** Settings of every private Postfix that bear on postscreen; see test/peers/postfix-files.ts. The gateway permits no client by default. */
const base = {
  compatibility_level: '3.6',
  myhostname: 'mx.example.test',
  mynetworks: '127.0.0.1/32',
  postscreen_access_list: '',
  smtpd_tls_cert_file: '@FOLDER@/tls/cert.pem',
  smtpd_tls_key_file: '@FOLDER@/tls/key.pem',
}

const clients = ['127.0.0.1', '127.50.0.1', '127.60.0.1', '127.61.0.1', '127.62.0.1', '127.63.0.1']

for (const shared of sharedPolicies().values()) {
  if (notImportable.has(shared.name)) continue
  test(`the policy "${shared.name}" is what its Postfix settings are imported as`, () => {
    const written = specOf(load(manifest(inFolder({ hostname: 'mx.example.test', ...shared.policy }))))
    assert.deepEqual(comparable(imported(shared)), comparable(written))
  })
}

function inFolder<T>(value: T): T {
  return JSON.parse(JSON.stringify(value).replaceAll('@FOLDER@', '/folder')) as T
}

function imported(shared: SharedPolicy): PolicySpec {
  const settings = Object.entries(inFolder({ ...base, ...shared.postfix }))
  const read = (path: string): { text: string; from: string } => {
    const from = join(import.meta.dirname, '..', 'peers', 'files', path.replace('/folder/', ''))
    return { text: readFileSync(from, 'utf8'), from }
  }
  const text = settings.map(([name, value]) => `${name} = ${value}\n`).join('')
  const { yaml, errors } = importPostfix({ text, file: 'main.cf', files: { read }, backend: '127.0.0.1:25', tables: 'inline', keepInterfaces: true })
  assert.ok(yaml !== undefined, errors.join('\n'))
  return specOf(load(yaml))
}

function specOf(document: unknown): PolicySpec {
  const parsed = parsePolicy(document)
  assert.ok('policy' in parsed, inspect(parsed))
  return parsed.policy.spec
}

/** What decides about sessions, in one form: the access list as its decisions, and waits under stress as they come out. */
function comparable(spec: PolicySpec): unknown {
  const rules = compileRules(spec, { hostname: '', localTime: () => '', tables: new Map() })
  const { greet, dnsbl, deepTests, smtp, denylist, tls, listen, allowlist } = spec
  return {
    greet: { ...greet, stressWait: rules.greetWait.stress },
    access: clients.map((client) => `${client} ${rules.access.decide(client)}`),
    interfaces: ['127.0.0.1', '127.0.0.2'].map((address) => rules.allowlistInterface(address)),
    proxyProtocol: listen.proxyProtocol,
    // Sessions of tests do not depend on tests of lists.
    ...{ dnsbl: { ...dnsbl, selfTest: 0 }, deepTests, smtp, denylist, tls, retention: allowlist.retention },
  }
}
