// Notes about settings in main.cf that a policy cannot contain, because they depend on the mail host or the gateway
// does this in another way.
import { fields } from '../../crds/schema/fields.ts'
import { evaluated, type Source } from './source.ts'

/** Types of tables that several hosts can share; the gateway uses Valkey for this. */
const sharedCache = /^(proxy:)*(memcache|mongodb|mysql|pgsql|ldap|tcp|socketmap):/

/** Values that only the mail host knows, and behaviour of its programs that changes. */
export function noteHost(source: Source): void {
  const { configuration, findings, nameFor } = source
  if (!configuration.isSet('myhostname')) {
    const cure = `set spec.hostname if all gateways should use the same name (on the mail host: postconf -h myhostname)`
    findings.note(
      `${nameFor('myhostname')} is not set: its default depends on the mail host; the gateway uses the name of its own host or pod; ${cure}`,
    )
  }
  if (sharedCache.test(evaluated(source, 'postscreen_cache_map') ?? '')) {
    const how = 'set allowlist.store: Valkey and allowlist.valkey.addresses in the policy'
    findings.note(
      `${nameFor('postscreen_cache_map')}: several hosts share this table; gateways share their allowlist in a Valkey server: ${how}`,
    )
  }
  const respectful = evaluated(source, 'respectful_logging')?.toLowerCase()
  if (respectful === 'no') {
    const old =
      'Postfix logs WHITELISTED and BLACKLISTED here, because respectful_logging is no (the default below compatibility_level 3.6)'
    findings.note(`log: ${old}; the gateway logs ALLOWLISTED and DENYLISTED: update programs that read the log`)
  }
  const prefix = fields().find(({ path }) => path === 'spec.allowlist.prefix.ipv6')?.default
  if (prefix !== 128) {
    const how = 'set allowlist.prefix.ipv6: 128 for single addresses, as in Postfix'
    findings.note(
      `allowlist: IPv6 clients in the same /${String(prefix)} network share one entry in the temporary allowlist and one connection limit; ${how}`,
    )
  }
}
