// The walk over the fields and the names that stand for them in Postfix and Zimbra.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fields } from '../../../crds/schema/fields.ts'
import { postfixParameters, zimbraAttributes } from '../../../crds/schema/parameters.ts'
import { parsePolicy } from '../../../crds/policy.ts'
import { manifestOf } from '../arbitrary-spec.ts'
import { inspect } from 'node:util'

const all = fields()

test('every field is walked once, with a doc sentence', () => {
  assert.equal(new Set(all.map(({ path }) => path)).size, all.length)
  for (const { path, doc } of all) assert.match(doc, /^[A-Z[].*\.$/, path)
})

test('inner fields of lists and tables are among them', () => {
  const paths = all.map(({ path }) => path)
  for (const path of ['spec.dnsbl.sites[].weight', 'spec.access[].table.rules[].cidrs', 'spec.backend.service.port'])
    assert.ok(paths.includes(path), path)
})

test('a field knows its type, unit, bounds, default and names', () => {
  const wait = all.find(({ path }) => path === 'spec.greet.wait')
  assert.deepEqual(wait, {
    path: 'spec.greet.wait',
    type: 'duration',
    unit: 'seconds',
    bounds: '1s to 5m',
    required: false,
    default: '6s',
    doc: 'The time that the gateway waits after the first line of the greeting. A client that speaks during this time fails the test. It is also the longest wait for the replies of DNS lists.',
    postfix: ['postscreen_greet_wait'],
    postfixNames: { own: 'postscreen_greet_wait' },
    zimbra: [],
    convert: { as: 'duration', bareUnit: 's' },
  })
})

test('no word of a choice is a boolean or nothing to YAML 1.1, which kubectl reads: Off would arrive as false', () => {
  for (const { path, values = [] } of all)
    for (const word of values) assert.doesNotMatch(word, /^(y|yes|n|no|on|off|true|false|null|~)$/i, path)
})

test('every default that is written out is accepted where it stands', () => {
  for (const { path, default: fallback } of all) {
    if (fallback === undefined || path.includes('[]')) continue
    const [name = '', ...inner] = path.split('.').slice(1)
    const value = inner.toReversed().reduce<unknown>((below, step) => ({ [step]: below }), fallback)
    const backend = { addresses: ['postfix:25'] }
    const spec = name === 'backend' ? { backend: Object.assign(backend, value) } : { backend, [name]: value }
    const result = parsePolicy(manifestOf(spec))
    assert.ok('policy' in result, `${path}: ${inspect(result)}`)
  }
})

/** The attributes of Zimbra's postscreen table; WatchdogTimeout has no field, for there is no process that a watchdog would have to end. */
const attributes = `AccessList BareNewlineAction BareNewlineEnable BareNewlineTTL BlacklistAction CacheCleanupInterval CacheRetentionTime CommandCountLimit
  DnsblAction DnsblSites DnsblThreshold DnsblTimeout DnsblTTL DnsblWhitelistThreshold GreetAction GreetTTL NonSmtpCommandAction NonSmtpCommandEnable
  NonSmtpCommandTTL PipeliningAction PipeliningEnable PipeliningTTL WhitelistInterfaces DnsblReplyMap DnsblMinTTL DnsblMaxTTL UpstreamProxyProtocol`

test('every postscreen attribute of Zimbra has its field, except the watchdog', () => {
  const known = [...zimbraAttributes().keys()].filter((name) => name.startsWith('zimbraMtaPostscreen'))
  assert.deepEqual(
    known.toSorted(),
    attributes
      .split(/\s+/)
      .map((name) => `zimbraMtaPostscreen${name}`)
      .toSorted(),
  )
})

/** postconf's postscreen_ parameters that a policy cannot express, each for a reason. */
const parametersWithoutField = new Set([
  'postscreen_cache_map', // where the allowlist is kept is a matter of the gateway, not of the policy
  'postscreen_watchdog_timeout', // no such process
  'postscreen_expansion_filter', // footers are filtered as by Postfix's default
  'postscreen_use_tls', // obsolete, tls.level says it
  'postscreen_enforce_tls',
])

const parameters = `access_list denylist_action blacklist_action allowlist_interfaces whitelist_interfaces dnsbl_allowlist_threshold
  dnsbl_whitelist_threshold greet_banner greet_wait greet_action greet_ttl dnsbl_sites dnsbl_action dnsbl_threshold dnsbl_reply_map dnsbl_timeout
  dnsbl_min_ttl dnsbl_max_ttl dnsbl_ttl pipelining_enable pipelining_action pipelining_ttl non_smtp_command_enable non_smtp_command_action
  non_smtp_command_ttl bare_newline_enable bare_newline_action bare_newline_ttl forbidden_commands command_count_limit command_time_limit
  helo_required disable_vrfy_command discard_ehlo_keywords discard_ehlo_keyword_address_maps command_filter reject_footer reject_footer_maps
  expansion_filter client_connection_count_limit pre_queue_limit post_queue_limit cache_map cache_cleanup_interval cache_retention_time
  watchdog_timeout upstream_proxy_protocol upstream_proxy_timeout tls_security_level tls_cert_file tls_key_file use_tls enforce_tls
  tls_protocols tls_ciphers tls_exclude_ciphers starttls_timeout`

test('every postscreen parameter has its field, except those that make no sense here', () => {
  const known = [...postfixParameters().keys()].filter((name) => name.startsWith('postscreen_'))
  const wanted = parameters
    .split(/\s+/)
    .map((name) => `postscreen_${name}`)
    .filter((name) => !parametersWithoutField.has(name))
  assert.deepEqual(known.toSorted(), wanted.toSorted())
})

const uses = (name: string) => (postfixParameters().get(name) ?? []).map(({ field, standing, convert }) => [field.path, standing, convert])

test('a parameter leads to its field, with its standing and the way to convert its value', () => {
  assert.deepEqual(uses('postscreen_dnsbl_whitelist_threshold'), [['spec.dnsbl.allowThreshold', 'old', { as: 'integer' }]])
  assert.deepEqual(uses('postscreen_dnsbl_ttl'), [['spec.dnsbl.maxTTL', 'old', { as: 'duration', bareUnit: 'h' }]])
  assert.deepEqual(uses('smtpd_helo_required'), [['spec.smtp.heloRequired', 'inherits', { as: 'boolean' }]])
  assert.deepEqual(uses('postscreen_greet_wait'), [
    ['spec.greet.wait', 'own', { as: 'duration', bareUnit: 's' }],
    ['spec.greet.stressWait', 'own', { as: 'stressDuration', bareUnit: 's' }],
  ])
})

test('a bare number has the unit of the default in Postfix', () => {
  const units = new Map(all.flatMap(({ path, convert }) => (convert?.as === 'duration' ? [[path, convert.bareUnit]] : [])))
  assert.equal(units.get('spec.greet.ttl'), 'd')
  assert.equal(units.get('spec.dnsbl.minTTL'), 's')
  assert.equal(units.get('spec.dnsbl.maxTTL'), 'h')
  assert.equal(units.get('spec.allowlist.cleanupInterval'), 'h')
  assert.equal(units.get('spec.smtp.commandTimeLimit'), 's')
})
