// Rules across the fields of spec.allowlist: as CEL for the API server, and as code for files that did not pass
// through an API server (see rules.ts).
import { fieldsOf } from '../is-object.ts'
import type { Rule, Written } from './rule.ts'

/** A field that is missing, empty or an empty list counts as not set. */
const says = (value: unknown): boolean => value !== undefined && value !== '' && !(Array.isArray(value) && value.length === 0)
const saying = (value: Written, names: readonly string[]): number => names.filter((name) => says(value[name])).length

/** CEL for a text that is not empty. */
const filled = (field: string): string => `(has(${field}) && ${field} != '')`

export const allowlistRules: readonly Rule[] = [
  {
    at: 'spec.allowlist',
    field: 'valkey',
    cel: `!has(self.store) || self.store != 'Valkey' || (has(self.valkey) && [has(self.valkey.addresses) && self.valkey.addresses.size() > 0, has(self.valkey.urlSecret), ${filled('self.valkey.urlFile')}].exists_one(given, given))`,
    message: 'must have exactly one of addresses, urlSecret and urlFile when store is Valkey',
    holds: (value) => value['store'] !== 'Valkey' || saying(fieldsOf(value['valkey']), ['addresses', 'urlSecret', 'urlFile']) === 1,
  },
  {
    at: 'spec.allowlist.valkey',
    field: 'masterName',
    cel: `(has(self.mode) && self.mode == 'Sentinel') == ${filled('self.masterName')}`,
    message: 'must be set when mode is Sentinel, and must not be set otherwise',
    holds: (value) => (value['mode'] === 'Sentinel') === says(value['masterName']),
  },
  {
    at: 'spec.allowlist.valkey',
    field: 'database',
    cel: "!has(self.mode) || self.mode != 'Cluster' || !has(self.database) || self.database == 0",
    message: 'must be 0 when mode is Cluster',
    holds: (value) => value['mode'] !== 'Cluster' || value['database'] === undefined || value['database'] === 0,
  },
  {
    at: 'spec.allowlist.valkey',
    cel: `!has(self.passwordSecret) || !${filled('self.passwordFile')}`,
    message: 'must have at most one of passwordSecret and passwordFile',
    holds: (value) => saying(value, ['passwordSecret', 'passwordFile']) < 2,
  },
  {
    at: 'spec.allowlist.valkey',
    cel: `!(has(self.urlSecret) || ${filled('self.urlFile')}) || !(${filled('self.username')} || has(self.passwordSecret) || ${filled('self.passwordFile')})`,
    message: 'must not have username, passwordSecret or passwordFile together with a URL; the URL contains them',
    holds: (value) => saying(value, ['urlSecret', 'urlFile']) === 0 || saying(value, ['username', 'passwordSecret', 'passwordFile']) === 0,
  },
  {
    at: 'spec.allowlist.valkey.tls',
    cel: `!${filled('self.secretName')} || !${filled('self.caFile')}`,
    message: 'must have at most one of secretName and caFile',
    holds: (value) => saying(value, ['secretName', 'caFile']) < 2,
  },
]
