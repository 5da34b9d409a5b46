// No parameter of postscreen is forgotten: each is a field of the policy, has a say in one, or has a reason why it is left out.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { builtInDefaults } from '../../../cli/import/built-in-defaults.ts'
import { parametersWithoutField, smtpdHandshake } from '../../../cli/import/parameters-without-field.ts'
import { tlsParameters } from '../../../cli/import/tls-settings.ts'
import { withoutEffect, zimbraParameters } from '../../../cli/import/zimbra-attributes.ts'
import { fields } from '../../../crds/schema/fields.ts'
import { postfixParameters, zimbraAttributes } from '../../../crds/schema/parameters.ts'

/** Every parameter that postscreen, dnsblog and the server side of tlsproxy read, from Postfix 2.8 to 3.12. */
const core = `
postscreen_access_list postscreen_denylist_action postscreen_blacklist_action postscreen_allowlist_interfaces postscreen_whitelist_interfaces
postscreen_dnsbl_allowlist_threshold postscreen_dnsbl_whitelist_threshold postscreen_greet_banner postscreen_greet_wait postscreen_greet_action
postscreen_greet_ttl postscreen_dnsbl_sites postscreen_dnsbl_action postscreen_dnsbl_threshold postscreen_dnsbl_reply_map postscreen_dnsbl_timeout
postscreen_dnsbl_min_ttl postscreen_dnsbl_max_ttl postscreen_dnsbl_ttl postscreen_pipelining_enable postscreen_pipelining_action
postscreen_pipelining_ttl postscreen_non_smtp_command_enable postscreen_non_smtp_command_action postscreen_non_smtp_command_ttl
postscreen_bare_newline_enable postscreen_bare_newline_action postscreen_bare_newline_ttl postscreen_forbidden_commands
postscreen_command_count_limit postscreen_command_time_limit postscreen_helo_required postscreen_disable_vrfy_command
postscreen_discard_ehlo_keywords postscreen_discard_ehlo_keyword_address_maps postscreen_command_filter postscreen_reject_footer
postscreen_reject_footer_maps postscreen_expansion_filter postscreen_client_connection_count_limit postscreen_pre_queue_limit
postscreen_post_queue_limit postscreen_cache_map postscreen_cache_cleanup_interval postscreen_cache_retention_time postscreen_watchdog_timeout
postscreen_upstream_proxy_protocol postscreen_upstream_proxy_timeout postscreen_tls_security_level postscreen_use_tls postscreen_enforce_tls
smtpd_service_name dnsblog_service_name tlsproxy_service_name dnsblog_reply_delay respectful_logging dns_ncache_ttl_fix_enable soft_bounce
line_length_limit message_size_limit delay_logging_resolution_limit info_log_addr_format info_log_address_format smtputf8_enable max_idle
postscreen_whitelist_networks postscreen_blacklist_networks postscreen_hangup_action postscreen_greet_enable postscreen_dnsbl_enable
smtpd_banner smtpd_helo_required smtpd_discard_ehlo_keywords smtpd_discard_ehlo_keyword_address_maps smtpd_reject_footer smtpd_reject_footer_maps
smtpd_forbidden_commands smtpd_client_connection_count_limit smtpd_tls_security_level smtpd_use_tls smtpd_enforce_tls disable_vrfy_command
default_process_limit smtpd_command_filter tlsproxy_watchdog_timeout tlsproxy_use_tls tlsproxy_enforce_tls tlsproxy_tls_security_level
postscreen_starttls_timeout smtpd_starttls_timeout myhostname
`
const handshake = `
always_issue_session_ids ask_ccert CAfile CApath ccert_verifydepth cert_file chain_files ciphers dcert_file dh1024_param_file dh512_param_file dkey_file
eccert_file eckey_file eecdh_grade enable_rpk exclude_ciphers fingerprint_digest key_file loglevel mandatory_ciphers mandatory_exclude_ciphers
mandatory_protocols protocols req_ccert
`
const words = (text: string): readonly string[] => text.split(/\s+/).filter((word) => word !== '')

const everyParameter = [
  ...words(core),
  ...words(handshake).flatMap((name) => [`postscreen_tls_${name}`, `tlsproxy_tls_${name}`, `smtpd_tls_${name}`]),
  ...['postscreen_tls_loglevel_maps', 'postscreen_tls_trace_size_limit', 'tlsproxy_tls_session_cache_timeout'],
]

test('every parameter has a field, has a say in one, or has a reason for being left out', () => {
  const mapped = postfixParameters()
  const lost = everyParameter.filter(
    (name) => !mapped.has(name) && !tlsParameters.includes(name) && !parametersWithoutField.has(name) && !smtpdHandshake.has(name),
  )
  assert.deepEqual(lost, [])
})

test('no parameter has both a field and a reason for being left out', () => {
  const mapped = postfixParameters()
  assert.deepEqual(
    [...parametersWithoutField.keys()].filter((name) => mapped.has(name) || tlsParameters.includes(name)),
    [],
  )
})

test('every parameter that a field names has a built-in default, unless it comes from the machine or is newer', () => {
  const tls = ['cert_file', 'key_file', 'protocols', 'ciphers', 'exclude_ciphers'].map((name) => `postscreen_tls_${name}`)
  const newer = [...tls, 'postscreen_starttls_timeout', 'myhostname']
  assert.deepEqual(
    [...postfixParameters().keys()].filter((name) => !builtInDefaults.has(name) && !newer.includes(name)),
    [],
  )
})

test('the 28 attributes of Zimbra, and those that postscreen inherits, each set a parameter, but for one without effect', () => {
  const known = new Set(zimbraParameters().map(({ name }) => name))
  const attributes = [...zimbraAttributes().keys()]
  assert.deepEqual(
    attributes.filter((name) => !known.has(name)),
    [withoutEffect],
  )
  const own = [...new Set([...attributes, ...known])].filter((name) => name.startsWith('zimbraMtaPostscreen'))
  assert.equal(own.length, 28)
  const withDefault = new Set(zimbraParameters().flatMap((one) => (one.default === undefined ? [] : [one.name])))
  assert.deepEqual(
    own.filter((name) => !withDefault.has(name)),
    [withoutEffect],
  )
})

test('every parameter that an attribute sets is one of postscreen', () => {
  const strange = zimbraParameters().filter(({ parameter }) => !everyParameter.includes(parameter) && parameter !== 'mynetworks')
  assert.deepEqual(strange, [])
})

test('every field that names a parameter says how it is converted', () => {
  assert.deepEqual(
    fields().filter(({ postfixNames, convert }) => postfixNames.own !== undefined && convert === undefined),
    [],
  )
})
