// The built-in defaults of the Postfix parameters that postscreen reads, directly or through the default of another
// parameter (postconf -d). myhostname, mydomain and mynetworks are missing, because they depend on the machine on which
// Postfix runs.
import { parseMainCf } from './main-cf.ts'

/**
 * Postfix 3.7 to 3.11. Older releases differ in smtpd_forbidden_commands (up to 3.6: CONNECT GET POST), and newer ones
 * in the type of postscreen_cache_map. Neither affects the policy.
 */
const general = `
postscreen_access_list = permit_mynetworks
postscreen_allowlist_interfaces = \${postscreen_whitelist_interfaces?{$postscreen_whitelist_interfaces}:{static:all}}
postscreen_bare_newline_action = ignore
postscreen_bare_newline_enable = no
postscreen_bare_newline_ttl = 30d
postscreen_blacklist_action =
postscreen_cache_cleanup_interval = 12h
postscreen_cache_map = btree:$data_directory/postscreen_cache
postscreen_cache_retention_time = 7d
postscreen_client_connection_count_limit = $smtpd_client_connection_count_limit
postscreen_command_count_limit = 20
postscreen_command_filter =
postscreen_command_time_limit = \${stress?{10}:{300}}s
postscreen_denylist_action = \${postscreen_blacklist_action?{$postscreen_blacklist_action}:{ignore}}
postscreen_disable_vrfy_command = $disable_vrfy_command
postscreen_discard_ehlo_keyword_address_maps = $smtpd_discard_ehlo_keyword_address_maps
postscreen_discard_ehlo_keywords = $smtpd_discard_ehlo_keywords
postscreen_dnsbl_action = ignore
postscreen_dnsbl_allowlist_threshold = \${postscreen_dnsbl_whitelist_threshold?{$postscreen_dnsbl_whitelist_threshold}:{0}}
postscreen_dnsbl_max_ttl = \${postscreen_dnsbl_ttl?{$postscreen_dnsbl_ttl}:{1}}h
postscreen_dnsbl_min_ttl = 60s
postscreen_dnsbl_reply_map =
postscreen_dnsbl_sites =
postscreen_dnsbl_threshold = 1
postscreen_dnsbl_timeout = 10s
postscreen_dnsbl_ttl =
postscreen_dnsbl_whitelist_threshold =
postscreen_enforce_tls = $smtpd_enforce_tls
postscreen_expansion_filter = $smtpd_expansion_filter
postscreen_forbidden_commands = $smtpd_forbidden_commands
postscreen_greet_action = ignore
postscreen_greet_banner = $smtpd_banner
postscreen_greet_ttl = 1d
postscreen_greet_wait = \${stress?{2}:{6}}s
postscreen_helo_required = $smtpd_helo_required
postscreen_non_smtp_command_action = drop
postscreen_non_smtp_command_enable = no
postscreen_non_smtp_command_ttl = 30d
postscreen_pipelining_action = enforce
postscreen_pipelining_enable = no
postscreen_pipelining_ttl = 30d
postscreen_post_queue_limit = $default_process_limit
postscreen_pre_queue_limit = $default_process_limit
postscreen_reject_footer = $smtpd_reject_footer
postscreen_reject_footer_maps = $smtpd_reject_footer_maps
postscreen_tls_security_level = $smtpd_tls_security_level
postscreen_upstream_proxy_protocol =
postscreen_upstream_proxy_timeout = 5s
postscreen_use_tls = $smtpd_use_tls
postscreen_watchdog_timeout = 10s
postscreen_whitelist_interfaces =

smtpd_banner = $myhostname ESMTP $mail_name
smtpd_client_connection_count_limit = 50
smtpd_command_filter =
smtpd_discard_ehlo_keyword_address_maps =
smtpd_discard_ehlo_keywords =
smtpd_enforce_tls = no
smtpd_expansion_filter = \\t\\40!"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_\`abcdefghijklmnopqrstuvwxyz{|}~
smtpd_forbidden_commands = CONNECT GET POST regexp:{{/^[^A-Z]/ Bogus}}
smtpd_helo_required = no
smtpd_reject_footer =
smtpd_reject_footer_maps =
smtpd_service_name = smtpd
smtpd_starttls_timeout = \${stress?{10}:{300}}s
smtpd_timeout = \${stress?{10}:{300}}s
smtpd_tls_CAfile =
smtpd_tls_CApath =
smtpd_tls_always_issue_session_ids = yes
smtpd_tls_ask_ccert = no
smtpd_tls_auth_only = no
smtpd_tls_ccert_verifydepth = 9
smtpd_tls_cert_file =
smtpd_tls_chain_files =
smtpd_tls_ciphers = medium
smtpd_tls_dcert_file =
smtpd_tls_dh1024_param_file =
smtpd_tls_dh512_param_file =
smtpd_tls_dkey_file = $smtpd_tls_dcert_file
smtpd_tls_eccert_file =
smtpd_tls_eckey_file = $smtpd_tls_eccert_file
smtpd_tls_eecdh_grade = auto
smtpd_tls_exclude_ciphers =
smtpd_tls_fingerprint_digest = \${{$compatibility_level} <level {3.6} ? {md5} : {sha256}}
smtpd_tls_key_file = $smtpd_tls_cert_file
smtpd_tls_loglevel = 0
smtpd_tls_mandatory_ciphers = medium
smtpd_tls_mandatory_exclude_ciphers =
smtpd_tls_mandatory_protocols = >=TLSv1
smtpd_tls_protocols = >=TLSv1
smtpd_tls_req_ccert = no
smtpd_tls_security_level =
smtpd_use_tls = no

tlsproxy_enforce_tls = $smtpd_enforce_tls
tlsproxy_service_name = tlsproxy
tlsproxy_use_tls = $smtpd_use_tls
tlsproxy_watchdog_timeout = 10s

command_directory = /usr/sbin
compatibility_level = 0
config_directory = /etc/postfix
daemon_directory = /usr/lib/postfix/sbin
data_directory = /var/lib/postfix
default_database_type = hash
default_process_limit = 100
delay_logging_resolution_limit = 2
disable_vrfy_command = no
dns_ncache_ttl_fix_enable = no
dnsblog_reply_delay = 0s
dnsblog_service_name = dnsblog
inet_interfaces = all
inet_protocols = all
info_log_address_format = external
line_length_limit = 2048
mail_name = Postfix
mail_owner = postfix
mail_version = 3.11.6
max_idle = 100s
max_use = 100
message_size_limit = 10240000
meta_directory = /etc/postfix
mydestination = $myhostname, localhost.$mydomain, localhost
mynetworks_style = \${{$compatibility_level} <level {2} ? {subnet} : {host}}
myorigin = $myhostname
queue_directory = /var/spool/postfix
relay_domains = \${{$compatibility_level} <level {2} ? {$mydestination} : {}}
respectful_logging = \${{$compatibility_level} <level {3.6} ? {no} : {yes}}
service_name =
setgid_group = postdrop
smtputf8_enable = \${{$compatibility_level} <level {1} ? {no} : {yes}}
soft_bounce = no
stress =
`

/**
 * The TLS settings of the tlsproxy helper. Each has the value of smtpd's setting with the same name unless it is set.
 */
const tlsproxySettings: readonly string[] = [
  ...[
    'CAfile',
    'CApath',
    'always_issue_session_ids',
    'ask_ccert',
    'ccert_verifydepth',
    'cert_file',
    'chain_files',
    'ciphers',
    'dcert_file',
    'dkey_file',
  ],
  ...[
    'dh1024_param_file',
    'dh512_param_file',
    'eccert_file',
    'eckey_file',
    'eecdh_grade',
    'exclude_ciphers',
    'fingerprint_digest',
    'key_file',
    'loglevel',
  ],
  ...['mandatory_ciphers', 'mandatory_exclude_ciphers', 'mandatory_protocols', 'protocols', 'req_ccert', 'security_level'],
]

/** The text of each parameter's default, not expanded. */
export const builtInDefaults: ReadonlyMap<string, string> = new Map([
  ...[...parseMainCf(general, 'built-in defaults').settings].map(([name, { value }]): [string, string] => [name, value]),
  ...tlsproxySettings.map((name): [string, string] => [`tlsproxy_tls_${name}`, `$smtpd_tls_${name}`]),
])

/** Parameters whose value Postfix computes on the machine on which it runs, so that no file contains it. */
export const machineDependent: readonly string[] = ['myhostname', 'mydomain', 'mynetworks']
