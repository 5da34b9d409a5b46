// What depends on the old host or works in another way here: left out or kept, and always said.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importFiles, importMain } from './cases.ts'

const base = 'compatibility_level = 3.6\nmyhostname = mx.example.org\nmynetworks = 127.0.0.0/8\n'
const said = (notes: readonly string[], pattern: RegExp): boolean => notes.some((note) => pattern.test(note))

test('leaves out the server addresses of the old host, on which no client of the gateway could pass', () => {
  for (const list of ['198.51.100.5 [2001:db8::5]', '!198.51.100.5 static:all', 'inline:{198.51.100.5=x}']) {
    const text = `${base}postscreen_allowlist_interfaces = ${list}\n`
    const { spec, notes } = importMain(text)
    assert.equal(spec?.['allowlist'], undefined, list)
    assert.ok(said(notes, /^postscreen_allowlist_interfaces: .*--keep-interfaces/), list)
  }
  const kept = importMain(`${base}postscreen_allowlist_interfaces = !198.51.100.5 static:all\n`, '--keep-interfaces')
  assert.deepEqual(kept.spec?.['allowlist'], { interfaces: ['!198.51.100.5', 'all'] })
  assert.ok(!said(kept.notes, /keep-interfaces/))
})

test('says that the name of the host is missing', () => {
  const { notes } = importMain('compatibility_level = 3.6\nmynetworks = 127.0.0.0/8\nsmtpd_banner = $myhostname ESMTP\n')
  assert.ok(said(notes, /^myhostname is not set: its default depends on the mail host/))
  assert.ok(!said(importMain(base).notes, /myhostname is not set/))
})

test('recommends a Valkey in the place of a memcache, and leaves out the cleanup interval that only a memcache can do without', () => {
  const { spec, notes } = importMain(`${base}postscreen_cache_map = memcache:/etc/postfix/c\npostscreen_cache_cleanup_interval = 0\n`)
  assert.equal(spec?.['allowlist'], undefined)
  assert.ok(said(notes, /allowlist\.store: Valkey/) && said(notes, /^postscreen_cache_cleanup_interval: 0 is useful only with memcache/))
  const own = importMain(`${base}postscreen_cache_cleanup_interval = 0\n`)
  assert.deepEqual(own.spec?.['allowlist'], { cleanupInterval: '0s' })
  assert.ok(!said(own.notes, /Valkey/))
})

test('says that readers of the log will see new words, where Postfix logged the old ones', () => {
  const words = /WHITELISTED and BLACKLISTED.*ALLOWLISTED and DENYLISTED/
  for (const [line, told] of [
    ['compatibility_level = 2', true],
    ['', true],
    ['compatibility_level = 3.6', false],
    ['compatibility_level = 3.6\nrespectful_logging = no', true],
    ['compatibility_level = 2\nrespectful_logging = yes', false],
  ] as const) {
    assert.equal(said(importMain(`myhostname = a.example\nmynetworks = 127.0.0.1\n${line}\n`).notes, words), told, line)
  }
})

test('names each list that has shut down', () => {
  for (const list of [
    'dnsbl.sorbs.net',
    'spam.dnsbl.sorbs.net',
    'ix.dnsbl.manitu.net',
    'DNSBL.NJABL.ORG',
    'list.dsbl.org',
    'dnsbl.ahbl.org',
  ]) {
    assert.ok(
      said(
        importMain(`${base}postscreen_dnsbl_sites = ${list}*2\n`).notes,
        new RegExp(`^postscreen_dnsbl_sites: ${list}: .*shut down.*remove`),
      ),
      list,
    )
  }
  const { notes } = importMain(`${base}postscreen_dnsbl_sites = cbl.abuseat.org zen.spamhaus.org\n`)
  assert.ok(said(notes, /cbl\.abuseat\.org: .*use zen\.spamhaus\.org/))
  importFiles('zimbra', { input: 'zimbraMtaPostscreenDnsblSites: bl.spamcannibal.org\n' }, [], (zimbra) =>
    assert.ok(said(zimbra.notes, /^zimbraMtaPostscreenDnsblSites: bl\.spamcannibal\.org: .*shut down/)),
  )
})

test('leaves out lists of domain names, with a note', () => {
  const { notes, spec } = importMain(`${base}postscreen_dnsbl_sites = dbl.spamhaus.org*2 multi.uribl.com bl.spamcop.net*3\n`)
  assert.ok(said(notes, /dbl\.spamhaus\.org: this list contains domain names.*it is left out/))
  assert.ok(said(notes, /multi\.uribl\.com: this list contains domain names/))
  assert.deepEqual(spec?.['dnsbl'], { sites: [{ domain: 'bl.spamcop.net', weight: 3 }] })
})

test('reports what the policy does not allow together with all other errors', () => {
  const { errors } = importMain(
    `${base}postscreen_greet_ttl = 367d\npostscreen_dnsbl_action = frob\npostscreen_command_count_limit = x\npostscreen_access_list = cidr:/no/such\n`,
  )
  for (const name of ['postscreen_greet_ttl', 'postscreen_dnsbl_action', 'postscreen_command_count_limit', 'postscreen_access_list'])
    assert.ok(said(errors, new RegExp(`^${name}: `)), `${name}\n${errors.join('\n')}`)
})

test('exempts the one table that --allow-missing-tables names', () => {
  const files = {
    'main.cf': `${base}postscreen_command_filter = pcre:/etc/postfix/filter.pcre\npostscreen_access_list = cidr:/etc/postfix/missing.cidr\n`,
    'filter.pcre': '/^AUTH.*$/ NOOP\n',
  }
  for (const name of ['pcre:/etc/postfix/filter.pcre', '/etc/postfix/filter.pcre', 'filter.pcre', 'postscreen_command_filter']) {
    importFiles('postfix', files, [`--allow-missing-tables=${name}`], ({ errors, notes }) => {
      assert.equal(errors.length, 1, errors.join('\n'))
      assert.match(errors[0] ?? '', /^postscreen_access_list: cidr:\/etc\/postfix\/missing\.cidr: /)
      assert.ok(said(notes, /^postscreen_command_filter: .*omitted$/))
    })
  }
  importFiles(
    'postfix',
    files,
    ['--allow-missing-tables=filter.pcre', '--allow-missing-tables=missing.cidr', '--allow-missing-tables=typo'],
    (both) => {
      assert.deepEqual(both.errors, [])
      assert.ok(said(both.notes, /^--allow-missing-tables=typo: no table with this name/))
    },
  )
  importFiles('postfix', files, ['--allow-missing-tables'], ({ errors }) => assert.deepEqual(errors, []))
})
