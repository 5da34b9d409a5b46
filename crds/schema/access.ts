// The fields of the permanent access list, and of what happens to the clients that it rejects.
import { seconds } from '../values/duration.ts'
import { action, choice, documented, group, list, record, text, time } from './field.ts'
import { entryOf, networks, networksCheckedAtRunTime } from './forms.ts'
import { nameProblem } from './host-name.ts'

const accessActions = ['Permit', 'Reject', 'Dunno'] as const

const tableFile = text({ min: 1, max: 1024, pattern: '^[^\\x00-\\x1f]+$', why: 'must be the path of a file' })

/**
 * The most entries that the access list may have, and the most networks in one entry. The API server estimates the cost
 * of a rule over the networks as if all lists were full, and allows about 117,000 networks. An object in etcd has room
 * for fewer.
 */
const entriesAtMost = 100
const networksAtMost = 1000

/** The most domains whose SPF records a policy uses: each costs up to 64 questions to DNS an hour. */
export const sendersAtMost = 50
const senderWhat = 'a domain such as example.com'
/** The API server checks only the characters: rules for labels would exceed its cost limit. The run time checks all. */
const senderDomain = text({
  min: 1,
  max: 253,
  pattern: '^[A-Za-z0-9._-]+$',
  why: `must be ${senderWhat}`,
  problem: nameProblem(senderWhat),
})

/** The longest pause between two refreshes of an SPF record, if the policy does not set it. */
export const usualRefresh = seconds(6 * 3600)

const rule = record({
  action: documented(choice(accessActions), {
    doc: 'The action for clients in these networks. Dunno ends the search in this table; the search continues with the next entry of the access list.',
  }),
  cidrs: documented(networksCheckedAtRunTime(1, 10_000), { doc: 'The addresses and networks that the rule applies to.', tenancy: 'own' }),
})

const table = record({
  file: documented(tableFile.exactOptional(), {
    doc: 'The path of a file in the format of cidr_table(5), for long lists. The path is relative to the policy file. A file whose name ends in .gz is decompressed. Set only one of file, rules and configMap.',
    tenancy: 'own',
  }),
  rules: documented(list(rule, { min: 1, max: 1000 }).exactOptional(), {
    doc: 'A list of rules. The first rule that matches the client decides. Set only one of file, rules and configMap.',
  }),
  configMap: documented(entryOf('ConfigMap').exactOptional(), {
    doc: 'A reference to a ConfigMap key that contains a table in the format of cidr_table(5). If the name of the key ends in .gz, the value (binaryData) is decompressed. Only for gateways that the operator runs; other gateways use file. Set only one of file, rules and configMap.',
  }),
})

const entry = record({
  action: documented(choice(accessActions).exactOptional(), {
    doc: 'The action for clients that match the entry. Permit: the client skips all tests. Reject: denylist.action decides. Dunno: the search ends and the tests decide. Requires cidrs, exceptCIDRs or spf.',
  }),
  cidrs: documented(networks(1, networksAtMost).exactOptional(), {
    doc: 'The addresses and networks that the entry applies to.',
    tenancy: 'own',
  }),
  exceptCIDRs: documented(networks(1, networksAtMost).exactOptional(), {
    doc: 'The entry applies to every address that is in none of these networks.',
    tenancy: 'own',
  }),
  spf: documented(
    list(senderDomain, {
      min: 1,
      max: sendersAtMost,
      type: 'set',
      canonical: (name) => name.toLowerCase(),
    }).exactOptional(),
    {
      doc: `Domains of senders. The entry applies to the networks that their SPF records permit, which the gateway reads from DNS and keeps current. Only with action Permit. A policy can have ${sendersAtMost} domains. Networks that are too wide, and terms that depend on a message, are left out; "postscreen spf DOMAIN" shows the result.`,
      differs: 'postscreen has no such entry; scripts such as postwhite write a table of networks.',
      tenancy: 'own',
    },
  ),
  refresh: documented(time({ min: '1h', max: '1d' }).exactOptional(), {
    doc: `The longest time between two refreshes of the SPF records in spf. When the TTL of a record is shorter, it is read sooner, but not more often than once an hour. Default: ${usualRefresh / 3600}h.`,
    unit: 'seconds',
  }),
  table: documented(table.exactOptional(), { doc: 'A table of rules: in a file, in a ConfigMap, or written in the policy.' }),
})

export const access = documented(list(entry, { max: entriesAtMost }).prefault([]), {
  doc: 'The permanent access list. The entries are searched in order, and the first entry that decides about a client ends the search. Each entry has either an action with networks or domains, or a table.',
  postfix: { own: 'postscreen_access_list' },
  zimbra: ['zimbraMtaPostscreenAccessList'],
  convert: { as: 'accessList' },
  differs:
    "Postfix's default is permit_mynetworks; here the default is an empty list. A network whose address has bits set beyond the prefix length is refused, wherever the address is written.",
})

export const denylist = group(
  {
    action: action('Ignore', {
      doc: 'The action for a client that the access list rejects.',
      postfix: { own: 'postscreen_denylist_action', old: ['postscreen_blacklist_action'] },
      zimbra: ['zimbraMtaPostscreenBlacklistAction'],
    }),
  },
  { doc: 'Settings for clients that the access list rejects.' },
)
