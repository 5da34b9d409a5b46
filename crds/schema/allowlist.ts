// The fields of the temporary allowlist.
import { interfaceWhy, readInterfacePattern } from '../values/interface-pattern.ts'
import { hostBitsWhy } from '../values/network.ts'
import { clientPrefix } from './client-prefix.ts'
import { choice, documented, duration, type FormRule, group, list, parsed } from './field.ts'
import { valkey } from './valkey.ts'

/** The form of a pattern for the API server. */
const interfaceRules = (): readonly FormRule[] => {
  const plain = "self.startsWith('!') ? self.substring(1) : self"
  return [
    { rule: `self in ['all', '!all'] || isCIDR(${plain}) || isIP(${plain})`, message: interfaceWhy },
    { rule: `!isCIDR(${plain}) || cidr(${plain}) == cidr(${plain}).masked()`, message: hostBitsWhy },
  ]
}

export const allowlist = group(
  {
    store: documented(choice(['Local', 'Valkey']).default('Local'), {
      doc: 'Where the temporary allowlist is stored. Local: each gateway has its own list, in its data directory if it has one, otherwise in memory. Valkey: all gateways share one list in a Valkey or Redis server.',
      differs:
        'Postfix shares a cache through proxymap or memcache (postscreen_cache_map), where the last write replaces the others. With Valkey, the records of several gateways are merged.',
    }),
    prefix: clientPrefix(
      {
        ipv4: 'The number of leading bits of an IPv4 address that identify a client. 32: each address is a client. 24: all 256 addresses of a network are one client, and share the tests that one of them passed.',
        ipv6: 'The number of leading bits of an IPv6 address that identify a client. A host usually owns a /64 network and can use every address in it. 128: each address is a client, as in postscreen.',
      },
      {
        doc: 'The prefix lengths by which addresses are grouped into clients, for the temporary allowlist and for limits.connectionsPerClient. With networks, all hosts of a sender are known after one of them passed the tests, and they share one connection limit. After a change, entries with the old prefix length are no longer found.',
        differs: 'postscreen supports only single addresses.',
      },
    ),
    valkey,
    interfaces: documented(
      list(parsed({ max: 50, why: interfaceWhy, tooLong: interfaceWhy, rules: interfaceRules() }, readInterfacePattern), {
        max: 100,
      }).prefault(['all']),
      {
        doc: 'The server addresses on which clients can get into the temporary allowlist: addresses, networks or all. An entry with ! in front (put it in quotes) excludes these addresses. The first match decides; an address that matches no entry is excluded. This keeps out clients that only connect to a backup MX address.',
        postfix: { own: 'postscreen_allowlist_interfaces', old: ['postscreen_whitelist_interfaces'] },
        zimbra: ['zimbraMtaPostscreenWhitelistInterfaces'],
        tenancy: 'own',
        convert: { as: 'addressMatchList' },
      },
    ),
    retention: duration(
      '7d',
      { max: '366d' },
      {
        doc: 'The time that an entry is kept after all its tests have expired. A Valkey server deletes the entry after this time.',
        postfix: { own: 'postscreen_cache_retention_time' },
        zimbra: ['zimbraMtaPostscreenCacheRetentionTime'],
      },
    ),
    cleanupInterval: duration(
      '12h',
      { min: '0s', max: '366d' },
      {
        doc: 'The time between two cleanups of the temporary allowlist, for a list that the gateway itself stores. 0s: no cleanup.',
        postfix: { own: 'postscreen_cache_cleanup_interval' },
        zimbra: ['zimbraMtaPostscreenCacheCleanupInterval'],
      },
    ),
  },
  { doc: 'The temporary allowlist: the clients that passed the tests.' },
)
