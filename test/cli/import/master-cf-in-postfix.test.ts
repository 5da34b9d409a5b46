// Options of master.cf and answers of tables, compared with what Postfix's own postconf and postmap say.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'node:test'
import fc from 'fast-check'
import { importPostfixCommand } from '../../../cli/import/command.ts'
import { parseMasterCf } from '../../../cli/import/master-cf.ts'
import { unless } from '../../peers/require.ts'
import { importFiles } from './cases.ts'

const skip = unless('postfix')

/** The lines of `postconf -P`, without repetitions of one name. */
function overridesInPostfix(folder: string): readonly string[] {
  const printed = execFileSync('postconf', ['-c', folder, '-P'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })
  return printed.split('\n').filter((line) => line !== '')
}

test('the options of each service are those that postconf -P prints', { skip }, () => {
  const name = fc.constantFrom('postscreen_greet_wait', 'postscreen_upstream_proxy_protocol', 'stress', 'smtpd_banner')
  const plain = fc.constantFrom('1s', 'haproxy', '$x', '${x?{a}:{b}}', '')
  const blanks = fc.constantFrom('a b', '$myhostname ESMTP', '{a} b', 'x=y')
  const option = fc.oneof(
    fc.tuple(name, plain).map((pair) => `-o ${pair.join('=')}`),
    fc.tuple(name, fc.oneof(plain, blanks)).map((pair) => `-o { ${pair.join(' = ')} }`),
    fc.constantFrom('-v', '-D'),
  )
  const separator = fc.constantFrom(' ', '\n  ', '\n# comment\n\t')
  const service = fc.array(fc.tuple(separator, option), { maxLength: 5 })
  fc.assert(
    fc.property(fc.array(service, { minLength: 20, maxLength: 40 }), (services) => {
      const master = services.map((options, at) => `${at + 1} inet n - n - 1 postscreen${options.flat().join('')}\n`).join('')
      importFiles('postfix', { 'main.cf': 'compatibility_level = 3.6\n', 'master.cf': master }, [], (_, folder) => {
        const { services: read, errors } = parseMasterCf(master, 'master.cf')
        assert.deepEqual(errors, [])
        const ours = read.flatMap(({ id, overrides }) => [...overrides].map(([parameter, value]) => `${id}/${parameter} = ${value}`.trim()))
        assert.deepEqual(
          ours.toSorted(),
          [...new Map(overridesInPostfix(folder).map((line) => [line.split(' = ')[0], line.trim()])).values()].toSorted(),
          master,
        )
      })
    }),
    { numRuns: 3 },
  )
})

test('the command for a reply map that cannot be read here makes one that can', { skip }, () => {
  const sites = 'compatibility_level = 3.6\npostscreen_dnsbl_sites = a.example.org=127.0.0.2*3,\n  k1.zen.dq.spamhaus.net*2\n'
  const files = {
    'main.cf': `${sites}postscreen_dnsbl_reply_map = regexp:TABLE\n`,
    'names.regexp': '/^.*\\.zen\\.dq\\.[[=s=]]/ zen\n/^[a]\\./ first list\n',
  }
  importFiles('postfix', files, [], (_, folder) => {
    const main = join(folder, 'main.cf')
    writeFileSync(main, readFileSync(main, 'utf8').replace('TABLE', join(folder, 'names.regexp')))
    const { stderr } = importPostfixCommand([main])
    const command = /run on the mail host: (.*?) ; then/.exec(stderr)?.[1] ?? ''
    execFileSync('sh', ['-c', command], { cwd: folder, env: { ...process.env, MAIL_CONFIG: folder } })
    writeFileSync(main, `${sites}postscreen_dnsbl_reply_map = texthash:dnsbl_reply\n`)
    const { stdout, exitCode } = importPostfixCommand([main])
    assert.equal(exitCode, 0)
    assert.match(stdout, /a\.example\.org: "first list"\n +zen\.dq\.spamhaus\.net: zen\n/)
  })
})
