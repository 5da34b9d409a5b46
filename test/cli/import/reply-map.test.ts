// postscreen_dnsbl_reply_map: only the domains of the sites are looked up, in tables of any kind.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { importFiles } from './cases.ts'

const base = 'compatibility_level = 3.6\nmyhostname = mx.example.org\nmynetworks = 127.0.0.0/8\n'
const sites = 'postscreen_dnsbl_sites = a.example.org*2 b.example.org\n'

const tables: readonly (readonly [string, string, Readonly<Record<string, string>>])[] = [
  ['texthash:/t', 'a.example.org one\nc.example.org never\n', { 'a.example.org': 'one' }],
  ['hash:/t', 'a.example.org one\n', { 'a.example.org': 'one' }],
  ['proxy:hash:/t', 'a.example.org one\n', { 'a.example.org': 'one' }],
  ['regexp:/t', '/^([[:alnum:]]+)\\.example\\.org$/ list $1\n', { 'a.example.org': 'list a', 'b.example.org': 'list b' }],
  ['pcre:/t', '/^(?:a)\\.(\\w+)/ ${1}\n', { 'a.example.org': 'example' }],
  ['inline:{a.example.org=one, {b.example.org = two words}}', '', { 'a.example.org': 'one', 'b.example.org': 'two words' }],
  ['static:list', '', { 'a.example.org': 'list', 'b.example.org': 'list' }],
  ['pipemap:{texthash:/t, inline:{one=two}}', 'a.example.org one\nb.example.org none\n', { 'a.example.org': 'two' }],
  ['unionmap:{texthash:/t, static:x}', 'a.example.org one\n', { 'a.example.org': 'one,x', 'b.example.org': 'x' }],
  ['cidr:/t', '0.0.0.0/0 never\n', {}],
]

for (const [table, text, names] of tables) {
  test(`reads the names of lists from ${table.replace(/\{.*/, '{…}')}`, () => {
    importFiles('postfix', { 'main.cf': `${base}${sites}postscreen_dnsbl_reply_map = ${table}\n`, t: text }, [], ({ dnsbl, errors }) => {
      assert.deepEqual(errors, [])
      assert.deepEqual(dnsbl['replyMap'] ?? {}, names)
    })
  })
}

for (const table of ['ldap:/etc/postfix/names.cf', 'regexp:/t', 'socketmap:inet:127.0.0.1:9:x', 'pipemap:{texthash:/no, static:x}']) {
  test(`says how Postfix can be asked where ${table} cannot be read`, () => {
    importFiles(
      'postfix',
      { 'main.cf': `${base}${sites}postscreen_dnsbl_reply_map = ${table}\n`, t: '/[[.x.]]/ y\n' },
      [],
      ({ errors }) => {
        assert.equal(errors.length, 1, errors.join('\n'))
        assert.match(errors[0] ?? '', /run on the mail host: postconf -hx postscreen_dnsbl_sites \| .* \| postmap -q - .* > dnsbl_reply/)
        assert.match(errors[0] ?? '', /--allow-missing-tables=/)
      },
    )
  })
}
