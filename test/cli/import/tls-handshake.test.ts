// Lists of protocols, cipher grades and exclusions as Postfix reads them.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { asRange, parseExclusions, parseGrade, parseProtocols } from '../../../cli/import/tls-handshake.ts'

const all = ['TLSv1', 'TLSv1.1', 'TLSv1.2', 'TLSv1.3']

describe('a list of protocols', () => {
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ['', all],
    ['>=TLSv1', all],
    ['!SSLv2, !SSLv3', all],
    ['!SSLv2,!SSLv3,!TLSv1,!TLSv1.1', ['TLSv1.2', 'TLSv1.3']],
    ['!SSLv2:!SSLv3:!TLSv1', ['TLSv1.1', 'TLSv1.2', 'TLSv1.3']],
    ['TLSv1.2 TLSv1.3', ['TLSv1.2', 'TLSv1.3']],
    ['tlsv1.2', ['TLSv1.2']],
    ['TLSv1.2 TLSv1.3 !TLSv1.3', ['TLSv1.2']],
    ['>=TLSv1.2', ['TLSv1.2', 'TLSv1.3']],
    ['>=TLSv1.2, <=TLSv1.2', ['TLSv1.2']],
    ['<=tlsv1.2', ['TLSv1', 'TLSv1.1', 'TLSv1.2']],
    ['>=303', ['TLSv1.2', 'TLSv1.3']],
    ['>=0x0303 <=0304', ['TLSv1.2', 'TLSv1.3']],
    ['>=0302 !TLSv1.2', ['TLSv1.1', 'TLSv1.3']],
    ['SSLv3, TLSv1', ['TLSv1']],
    ['SSLv3', []],
    ['!TLSv1, !TLSv1.1, !TLSv1.2, !TLSv1.3', []],
    ['>=TLSv1.3 <=TLSv1.2', []],
  ]
  for (const [text, versions] of cases)
    test(`"${text}" allows ${versions.join(' ') || 'nothing'}`, () => assert.deepEqual(parseProtocols(text), { value: versions }))

  for (const text of ['TLSv1.4', '!TLS1', '>= TLSv1.2', '>=0305', '0303', '!0303', 'all', '>TLSv1', '>=0xx303'])
    test(`"${text}" is not valid`, () => {
      const parsed = parseProtocols(text)
      assert.ok('why' in parsed)
      assert.match(parsed.why, /^Invalid TLS protocol list ".*": ".*" is not valid; expected names such as /)
    })

  test('with a gap becomes the range of the newest versions', () => {
    assert.deepEqual(asRange(['TLSv1', 'TLSv1.2', 'TLSv1.3']), { range: ['TLSv1.2', 'TLSv1.3'], lost: ['TLSv1'] })
    assert.deepEqual(asRange(['TLSv1', 'TLSv1.1', 'TLSv1.3']), { range: ['TLSv1.3'], lost: ['TLSv1', 'TLSv1.1'] })
    assert.deepEqual(asRange(['TLSv1.1', 'TLSv1.2']), { range: ['TLSv1.1', 'TLSv1.2'], lost: [] })
    assert.deepEqual(asRange([]), { range: [], lost: [] })
  })
})

test('a grade is one of two, and older ones are reported', () => {
  assert.deepEqual(parseGrade('HIGH'), { value: { grade: 'High' } })
  assert.deepEqual(parseGrade('medium'), { value: { grade: 'Medium' } })
  const low = parseGrade('export')
  assert.ok('value' in low && low.value.grade === 'Medium' && /are no longer in OpenSSL/.test(low.value.note ?? ''))
  for (const wrong of ['null', '', 'strong']) assert.ok('why' in parseGrade(wrong), wrong)
})

test('exclusions are names between commas, blanks or colons, each once', () => {
  assert.deepEqual(parseExclusions('aNULL, MD5:DES aNULL kRSA+AES'), { value: { names: ['aNULL', 'MD5', 'DES', 'kRSA+AES'], ignored: [] } })
  assert.deepEqual(parseExclusions('anull, RC44, DES-CBC3-SHA'), { value: { names: ['DES-CBC3-SHA'], ignored: ['anull', 'RC44'] } })
  for (const signed of ['!aNULL', '-RC4', '+RC4', '@STRENGTH']) {
    const parsed = parseExclusions(`MD5 ${signed}`)
    assert.ok('why' in parsed)
    assert.equal(parsed.why, `invalid unary '!+-@' in cipher exclusion: "${signed}"; expected only the name`)
  }
})
