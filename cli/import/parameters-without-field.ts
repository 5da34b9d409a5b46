// Postfix parameters of postscreen and its helpers for which a policy has no field, each with the reason that is shown
// to users.

const ownStore = 'the gateway stores the temporary allowlist differently'
const ownProcess = 'it applies to processes of Postfix, which the gateway does not use'
const ownDns = 'the gateway has its own DNS client'
const ownTls = 'the gateway has no such setting for the TLS handshake'
const neverReleased = 'it exists only in development snapshots before Postfix 2.8'

const reasons: Readonly<Record<string, string>> = {
  postscreen_cache_map: ownStore,
  postscreen_watchdog_timeout: 'Kubernetes restarts a gateway that does not respond to its liveness probe',
  postscreen_expansion_filter: 'footers of the gateway contain only addresses, ports, times and host names',
  postscreen_whitelist_networks: `${neverReleased}; use postscreen_access_list`,
  postscreen_blacklist_networks: `${neverReleased}; use postscreen_access_list`,
  postscreen_hangup_action: neverReleased,
  postscreen_greet_enable: 'no released postscreen reads it; an empty postscreen_greet_banner disables the test',
  postscreen_dnsbl_enable: 'no released postscreen reads it; an empty postscreen_dnsbl_sites disables the test',
  smtpd_service_name: 'clean clients are handed off to the mail servers in spec.backend',
  dnsblog_service_name: ownDns,
  dnsblog_reply_delay: ownDns,
  dns_ncache_ttl_fix_enable: `${ownDns}, which reads the SOA record of negative replies`,
  tlsproxy_service_name: ownProcess,
  tlsproxy_watchdog_timeout: ownProcess,
  tlsproxy_use_tls: 'only spec.tls.level enables TLS',
  tlsproxy_enforce_tls: 'only spec.tls.level requires TLS',
  tlsproxy_tls_security_level: 'only spec.tls.level controls TLS',
  max_idle: 'the gateway does not stop when it is idle',
  respectful_logging: 'the log of the gateway always says ALLOWLISTED and DENYLISTED',
  delay_logging_resolution_limit: 'the log of the gateway always has two significant digits',
  info_log_address_format: 'the log of the gateway always quotes addresses in the external form',
  info_log_addr_format: 'the log of the gateway always quotes addresses in the external form',
  smtpd_command_filter: 'postscreen does not use it, although its manual says so; set postscreen_command_filter',
}

/** Handshake settings, named postscreen_tls_ (Postfix 3.12) and tlsproxy_tls_ (before). */
const handshake: readonly string[] = [
  ...['always_issue_session_ids', 'ask_ccert', 'CAfile', 'CApath', 'ccert_verifydepth', 'dcert_file', 'dh1024_param_file'],
  ...['dh512_param_file', 'dkey_file', 'eecdh_grade', 'enable_rpk', 'fingerprint_digest', 'loglevel', 'loglevel_maps', 'req_ccert'],
  ...['session_cache_timeout', 'trace_size_limit'],
]

const ownLists = 'the grades in spec.tls.ciphers are the default lists of Postfix; to exclude ciphers, use smtpd_tls_exclude_ciphers'

/** Settings of Postfix's TLS library that affect the handshake. */
const library: Readonly<Record<string, string>> = {
  tls_high_cipherlist: ownLists,
  tls_medium_cipherlist: ownLists,
  tls_low_cipherlist: ownLists,
  tls_export_cipherlist: ownLists,
  tls_preempt_cipherlist: 'for TLS 1.2 and older, the gateway uses the cipher preference of the client',
  tls_eecdh_auto_curves: ownTls,
  tls_ffdhe_auto_groups: ownTls,
  tls_ssl_options: ownTls,
  tls_disable_workarounds: ownTls,
  tls_server_sni_maps: 'the policy supports one certificate',
  tls_config_file: ownTls,
  tls_config_name: ownTls,
}

/**
 * Settings of smtpd that affect the handshake unless postscreen has its own; they are reported only if TLS is enabled.
 */
export const smtpdHandshake: ReadonlyMap<string, string> = new Map([
  ...handshake.map((name): [string, string] => [`smtpd_tls_${name}`, ownTls]),
  ...Object.entries(library),
])

/** The reason for each parameter that postscreen or its helpers read and the policy cannot express. */
export const parametersWithoutField: ReadonlyMap<string, string> = new Map([
  ...Object.entries(reasons),
  ...handshake.flatMap((name): [string, string][] => [
    [`postscreen_tls_${name}`, ownTls],
    [`tlsproxy_tls_${name}`, ownTls],
  ]),
])
