// The policy's permanent access list, and what becomes of clients that it rejects.
import { action, choice, documented, group, list, record, text } from './field.ts'
import { entryOf, networks, networksCheckedAtRunTime } from './forms.ts'

export const accessActions = ['Permit', 'Reject', 'Dunno'] as const

const tableFile = text({ min: 1, max: 1024, pattern: '^[^\\x00-\\x1f]+$', why: 'must be the path of a file' })

/**
 * How many entries the access list may have, and how many networks one of them. The API server estimates the cost of a rule over the networks as if
 * all lists were full, and allows about 117,000 of them. An object in etcd has room for fewer.
 */
const entriesAtMost = 100
const networksAtMost = 1000

const rule = record({
  action: documented(choice(accessActions), {
    doc: 'What the table says about a client in these networks. Dunno leaves the table and goes on with the next entry of the access list.',
  }),
  cidrs: documented(networksCheckedAtRunTime(1, 10_000), { doc: 'The addresses and networks that the rule is for.', tenancy: 'own' }),
})

const table = record({
  file: documented(tableFile.exactOptional(), {
    doc: 'A table in the form of cidr_table(5), for long lists; the path is relative to the policy file. A name that ends in .gz stands for a file in gzip form. Only one of file, rules and configMap.',
    tenancy: 'own',
  }),
  rules: documented(list(rule, { min: 1, max: 1000 }).exactOptional(), {
    doc: 'Rules in order; the first that matches decides. Only one of file, rules and configMap.',
  }),
  configMap: documented(entryOf('ConfigMap').exactOptional(), {
    doc: 'A table in the form of cidr_table(5) from a ConfigMap; a key that ends in .gz stands for gzip form (binaryData). For gateways that the operator runs; elsewhere use file. Only one of file, rules and configMap.',
  }),
})

const entry = record({
  action: documented(choice(accessActions).exactOptional(), {
    doc: 'Permit: the client skips all tests. Reject: denylist.action decides. Dunno: the search ends and the tests decide. Goes with cidrs or exceptCIDRs.',
  }),
  cidrs: documented(networks(1, networksAtMost).exactOptional(), {
    doc: 'The addresses and networks that the entry is for.',
    tenancy: 'own',
  }),
  exceptCIDRs: documented(networks(1, networksAtMost).exactOptional(), {
    doc: 'The entry is for every address that is in none of these networks.',
    tenancy: 'own',
  }),
  table: documented(table.exactOptional(), { doc: 'A table of rules, from a file or written here.' }),
})

export const access = documented(list(entry, { max: entriesAtMost }).default([]), {
  doc: 'The permanent access list: the first entry that decides about a client does. Each entry has either an action with networks, or a table.',
  postfix: { own: 'postscreen_access_list' },
  zimbra: ['zimbraMtaPostscreenAccessList'],
  convert: { as: 'accessList' },
  differs:
    'The default of Postfix is permit_mynetworks; here nobody is permitted unless listed. Host bits set beyond a prefix length are refused in any place.',
})

export const denylist = group(
  {
    action: action('Ignore', {
      doc: 'What to do with a client that the access list rejects.',
      postfix: { own: 'postscreen_denylist_action', old: ['postscreen_blacklist_action'] },
      zimbra: ['zimbraMtaPostscreenBlacklistAction'],
    }),
  },
  { doc: 'Clients that the access list rejects.' },
)
