// Text of a policy is parsed by its schema and nowhere else: everything behind it gets values. Where other text is parsed is listed here.
import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('..', import.meta.url))

/** Files outside crds/ that may parse text with the readers of crds/values/, and whose text it is. A folder ends in a slash. */
const allowed: Readonly<Record<string, string>> = {
  'cli/import/': 'settings of Postfix and Zimbra',
  'cli/allowlist/options.ts': 'arguments of the command line',
  'cli/apply.ts': 'arguments of the command line',
  'cli/bans.ts': 'arguments of the command line',
  'cli/demo.ts': 'arguments of the command line',
  'cli/explain.ts': 'arguments of the command line',
  'cli/explain/subjects.ts': 'arguments of the command line, and addresses from DNS',
  'cli/gateway.ts': 'arguments of the command line',
  'cli/lists.ts': 'arguments of the command line',
  'cli/operator.ts': 'arguments of the command line',
  'cli/log.ts': 'arguments of the command line',
  'cli/simulate.ts': 'arguments of the command line',
  'cli/log/filter.ts': 'arguments of the command line, and addresses of clients, from logs',
  'cli/simulate/': 'addresses of clients, from logs, and files of networks',
  'cli/resolver-option.ts': 'arguments of the command line',
  'cli/spf.ts': 'arguments of the command line',
  'gateway/core/address-table.ts': 'addresses of clients, from sockets',
  'gateway/core/allowlist-key.ts': 'addresses of clients, and keys of allowlist files',
  'gateway/core/explain/': 'addresses that an administrator asks about',
  'gateway/core/dnsbl-query-name.ts': 'addresses of clients, from sockets',
  'gateway/core/proxy-header.ts': 'PROXY headers',
  'gateway/core/spf/expand-spf.ts': 'SPF records and addresses from DNS',
  'gateway/core/spf/spf-bounds.ts': 'its own constants',
  'gateway/core/spf/spf-record.ts': 'SPF records from DNS',
  'gateway/linux/socket-address.ts': "addresses in the kernel's form",
  'gateway/observability/explain/': 'addresses that an administrator asks about',
  'gateway/policy-files/table-file.ts': 'table files',
  'gateway/spf/sender-text.ts': 'networks that were kept on disk or in the shared store',
  'operator/compile/access-tables.ts': 'tables of ConfigMaps',
}

/** Names of the readers that a file imports from crds/values/. */
function readersIn(path: string): readonly string[] {
  const imports = readFileSync(join(root, path), 'utf8').matchAll(/import (?!type)\{([^}]*)\} from '[^']*crds\/values\/[^']*'/g)
  const names = [...imports].flatMap(([, list = '']) => list.split(',').map((name) => name.trim()))
  return names.filter((name) => /^(?:(?:read|parse)[A-Z]|canonicalAddress\b|logicalLines\b)/.test(name))
}

const files = globSync('{gateway,operator,cli,runtime}/**/*.ts', { cwd: root })
const parsing = files.filter((path) => readersIn(path).length > 0)
const isAllowedBy = (entry: string) => (path: string) => (entry.endsWith('/') ? path.startsWith(entry) : path === entry)

test('no code behind the schema parses text of a policy', () => {
  const wrong = parsing.filter((path) => !Object.keys(allowed).some((entry) => isAllowedBy(entry)(path)))
  assert.deepEqual(
    wrong.map((path) => `${path} imports ${readersIn(path).join(', ')}`),
    [],
  )
})

test('every exception is still needed', () => {
  assert.deepEqual(
    Object.keys(allowed).filter((entry) => !parsing.some(isAllowedBy(entry))),
    [],
  )
})
