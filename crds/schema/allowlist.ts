// The policy's fields about the temporary allowlist.
import { parseNetwork } from '../addresses.ts'
import { documented, duration, group, list, text } from './field.ts'

/** `all`, an address or a network, each also with `!` before it. */
function interfaceProblem(pattern: string): string | undefined {
  const plain = pattern.replace(/^!/, '')
  if (plain === 'all') return undefined
  const parsed = parseNetwork(plain)
  return 'why' in parsed ? parsed.why : undefined
}

export const allowlist = group(
  {
    interfaces: documented(
      list(
        text({
          min: 1,
          max: 50,
          pattern: '^!?(all|[0-9A-Fa-f.:]+(/[0-9]{1,3})?)$',
          why: 'must be all, an address or a network such as 192.0.2.1 or 192.0.2.0/24, or one of these after !',
          problem: interfaceProblem,
        }),
        { max: 100 },
      ).default(['all']),
      {
        doc: 'On which server addresses clients may earn the temporary allowlist: addresses, networks or all; with ! before it (then in quotes) not on these. The first match decides; no match means not. Clients that only ever try a backup MX address never get in.',
        postfix: { own: 'postscreen_allowlist_interfaces', old: ['postscreen_whitelist_interfaces'] },
        zimbra: ['zimbraMtaPostscreenWhitelistInterfaces'],
        convert: { as: 'addressMatchList' },
      },
    ),
    retention: duration(
      '7d',
      { max: '366d' },
      {
        doc: 'How long an entry is kept after all its tests have expired.',
        postfix: { own: 'postscreen_cache_retention_time' },
        zimbra: ['zimbraMtaPostscreenCacheRetentionTime'],
      },
    ),
    cleanupInterval: duration(
      '12h',
      { min: '0s', max: '366d' },
      {
        doc: 'The time between two cleanups of the temporary allowlist. 0s: no cleanup.',
        postfix: { own: 'postscreen_cache_cleanup_interval' },
        zimbra: ['zimbraMtaPostscreenCacheCleanupInterval'],
      },
    ),
  },
  { doc: 'The temporary allowlist: clients that passed the tests.' },
)
