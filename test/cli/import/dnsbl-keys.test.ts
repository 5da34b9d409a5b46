// Keys of DNS lists that stand in domains: they go into a Secret or a file, and nothing that an import prints has them.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { innerKey, splitKey, withoutKeys } from '../../../cli/import/dnsbl-keys.ts'
import { importFiles, importMain } from './cases.ts'

const key = 'abcdefghijklmnopqrstuvwxyz'
const base = 'compatibility_level = 3.6\nmyhostname = mx.example.org\nmynetworks = 127.0.0.0/8\n'

const keyed: readonly (readonly [string, string])[] = [
  [`${key}.zen.dq.spamhaus.net`, 'zen.dq.spamhaus.net'],
  ['shortkey.authbl.dq.spamhaus.net', 'authbl.dq.spamhaus.net'],
  ['KEY.ZEN.DQ.SPAMHAUS.NET', 'ZEN.DQ.SPAMHAUS.NET'],
  ['0123456789abcdef0123456789abcdef.combined.mail.abusix.zone', 'combined.mail.abusix.zone'],
  ['mycode.r.mail-abuse.com', 'r.mail-abuse.com'],
  ['customer7.b.barracudacentral.org', 'b.barracudacentral.org'],
  ['k1.sip.invaluement.com', 'sip.invaluement.com'],
  ['k1.multi.surbl.org', 'multi.surbl.org'],
  ['a1b2c3d4e5.bl.lists.example', 'bl.lists.example'],
  ['550e8400-e29b-41d4-a716-446655440000.bl.lists.example', 'bl.lists.example'],
]

for (const [domain, list] of keyed) {
  test(`finds the key in ${domain}`, () => {
    assert.deepEqual(splitKey(domain), { key: domain.slice(0, domain.indexOf('.')), domain: list })
  })
}

const plain = [
  ...['zen.spamhaus.org', 'b.barracudacentral.org', 'bl.spamcop.net', 'list.dnswl.org', 'dnsbl-1.uceprotect.net', 'ix.dnsbl.manitu.net'],
  ...['hostkarma.junkemailfilter.com', 'dnsbl.sorbs.net', 'recent.spam.dnsbl.sorbs.net', 'psbl.surriel.com', 'ips.backscatterer.org'],
  ...['bl.mailspike.net', 'wl.mailspike.net', 'backscatter.spameatingmonkey.net', 'truncate.gbudb.net', 'all.s5h.net', 'bl.0spam.org'],
  ...['sa-accredit.habeas.com', 'query.bondedsender.org', 'swl.spamhaus.org', 'bl.score.senderscore.com', 'dyna.spamrats.com'],
  ...['spam.dnsbl.anonmails.de', 'netblockbl.spamgrouper.to', 'combined.rbl.msrbl.net', 'dnsblchile.org', 'black.junkemailfilter.com'],
]

test('takes no public list for one with a key', () => {
  assert.deepEqual(
    plain.filter((domain) => splitKey(domain) !== undefined || innerKey(domain) !== undefined),
    [],
  )
})

test('moves the key out of domain and replyMap, into a file or a Secret', () => {
  const files = {
    'main.cf': `${base}dqs = ${key}\npostscreen_dnsbl_sites = $dqs.zen.dq.spamhaus.net=127.0.0.[2..11]*3 \${dqs}.zen.dq.spamhaus.net=127.0.0.4\npostscreen_dnsbl_reply_map = texthash:/etc/postfix/reply\n`,
    reply: `${key}.zen.dq.spamhaus.net zen.spamhaus.org\n`,
  }
  importFiles('postfix', files, [], ({ spec, stdout, stderr }) => {
    const site = { domain: 'zen.dq.spamhaus.net', keyFile: 'dnsbl-key' }
    assert.deepEqual(spec?.['dnsbl'], {
      sites: [
        { ...site, replies: '127.0.0.[2..11]', weight: 3 },
        { ...site, replies: '127.0.0.4' },
      ],
      replyMap: { 'zen.dq.spamhaus.net': 'zen.spamhaus.org' },
    })
    assert.ok(!(stdout + stderr).includes(key))
  })
  importFiles('postfix', files, ['--for', 'kubernetes', '--name', 'mx'], ({ spec, stdout, stderr }) => {
    assert.match(JSON.stringify(spec?.['dnsbl']), /"keySecret":\{"name":"mx-dnsbl-key","key":"key"\}/)
    assert.ok(!(stdout + stderr).includes(key))
  })
  importFiles('postfix', files, ['--print-key', 'dnsbl-key'], ({ stdout, stderr }) => assert.deepEqual([stdout, stderr], [key, '']))
  importFiles('postfix', files, ['--print-key', 'other'], ({ errors }) =>
    assert.deepEqual(errors, ['--print-key other: the input does not contain this key; expected one of dnsbl-key']),
  )
})

test('gives each key a name of its own', () => {
  const { stdout } = importMain(
    `${base}postscreen_dnsbl_sites = one.zen.dq.spamhaus.net two.combined.mail.abusix.zone one.sbl.dq.spamhaus.net\n`,
  )
  assert.deepEqual(
    [...stdout.matchAll(/keyFile: ([^}]+)/g)].map(([, name]) => name),
    ['dnsbl-key', 'dnsbl-key-2', 'dnsbl-key'],
  )
})

const wrong: readonly string[] = [
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net=127.0.0.999`,
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net*x`,
  `postscreen_dnsbl_sites = zen.${key}.dq.lists.example`,
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net\npostscreen_dnsbl_sites = bl.example.org`,
  `dqs_key = ${key}\ndqs_key = other\npostscreen_dnsbl_sites = $dqs_key.zen.dq.spamhaus.net`,
  `postscreen_dnsbl_sites ${key}.zen.dq.spamhaus.net`,
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net\npostscreen_dnsbl_reply_map = inline:{${key}.zen.dq.spamhaus.net}`,
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net\npostscreen_dnsbl_reply_map = static:${key}.zen.dq.spamhaus.net`,
  `postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net\nsmtpd_banner = $${key}`,
]

for (const line of wrong) {
  test(`never shows the key: ${JSON.stringify(line.replaceAll(key, 'KEY'))}`, () => {
    const { stdout, stderr } = importMain(`${base}${line}\n`)
    assert.ok(!(stdout + stderr).includes(key), stdout + stderr)
  })
}

test('hides keys in any text', () => {
  assert.equal(withoutKeys('x a1b2c3d4e5.bl.lists.example=127.0.0.2 y', []), 'x <key>.bl.lists.example=127.0.0.2 y')
})

test('the command that makes the file can be typed as it is printed', () => {
  const program = fileURLToPath(new URL('../../../cli/postscreen.js', import.meta.url))
  importFiles('postfix', { "it's main.cf": `${base}postscreen_dnsbl_sites = ${key}.zen.dq.spamhaus.net\n` }, [], (_, folder) => {
    const shell = `'${process.execPath}' '${program}' import postfix "it's main.cf" 2>&1 >policy | sed -n 's/^  //p' > todo && sh -e todo && cat dnsbl-key`
    assert.equal(execFileSync('sh', ['-c', shell], { cwd: folder, encoding: 'utf8', env: {} }), key)
  })
})
