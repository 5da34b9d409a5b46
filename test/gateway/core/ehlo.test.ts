// The EHLO reply and the keywords that it leaves out (section 3.6 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { ehloKeywords } from '../../../crds/values/ehlo-keywords.ts'
import { discardSet, ehloReply, formatDiscard, sameDiscard } from '../../../gateway/core/ehlo.ts'
import { type Reply, wire } from '../../../gateway/core/replies.ts'
import { drive, type Gateway, type SpecFragment } from '../../support/core-session.ts'

const features = { hostname: 'mx.example.com', messageSizeLimit: 10_240_000, vrfy: true, starttls: true, smtpUTF8: true }

/** The keywords that a reply announces. */
const announced = ({ text }: Reply): string[] => text.split('\n').slice(1)

test('the reply has every keyword, in order, and the last line no dash', () => {
  assert.equal(
    wire(ehloReply(features, new Set())),
    '250-mx.example.com\r\n250-SIZE 10240000\r\n250-VRFY\r\n250-ETRN\r\n250-STARTTLS\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n',
  )
})

test('SIZE has no number when the limit is 0', () =>
  assert.equal(announced(ehloReply({ ...features, messageSizeLimit: 0 }, new Set()))[0], 'SIZE'))

test('SIZE has its number from 1 on', () =>
  assert.equal(announced(ehloReply({ ...features, messageSizeLimit: 1 }, new Set()))[0], 'SIZE 1'))

test('VRFY, STARTTLS and SMTPUTF8 are announced only where they are on', () => {
  const reply = ehloReply({ ...features, vrfy: false, starttls: false, smtpUTF8: false }, new Set())
  assert.deepEqual(announced(reply), ['SIZE 10240000', 'ETRN', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'CHUNKING'])
})

test('each keyword can be left out', () => {
  for (const keyword of announced(ehloReply(features, new Set()))) {
    const name = keyword.split(' ', 1)[0] ?? ''
    assert.ok(!ehloReply(features, discardSet([name])).text.includes(name), name)
  }
})

test('T51: with everything discarded the host name is the last line', () => {
  assert.deepEqual(ehloReply(features, discardSet(ehloKeywords)), { code: 250, text: 'mx.example.com' })
})

describe('a set of discarded keywords', () => {
  test('takes names in any case and passes over unknown ones', () => {
    assert.deepEqual([...discardSet(['dsn', 'Etrn', 'silent-discard', 'FUTURERELEASE', ''])].toSorted(), ['DSN', 'ETRN', 'SILENT-DISCARD'])
  })

  test('is the same in any order', () => {
    assert.ok(sameDiscard(discardSet(['DSN', 'ETRN']), discardSet(['ETRN', 'DSN'])))
    assert.ok(!sameDiscard(discardSet(['DSN']), discardSet(['ETRN'])))
    assert.ok(!sameDiscard(discardSet(['DSN']), discardSet(['DSN', 'ETRN'])))
  })

  test("is logged in the order of Postfix's table, SMTPUTF8 under its odd name", () => {
    assert.equal(formatDiscard(discardSet(['CHUNKING', 'SMTPUTF8', '8BITMIME', 'DSN'])), '8BITMIME DSN EHLO_MASK_SMTPUTF8 CHUNKING')
  })
})

/** A gateway whose clients reach the dummy engine at once. */
const engine = (smtp: SpecFragment['smtp']): Gateway =>
  drive({ greet: { banner: '' }, deepTests: { pipelining: { enabled: true } }, smtp: smtp ?? {} })

describe('the keywords that a client is not told', () => {
  const ask = (smtp: SpecFragment['smtp']) => engine(smtp).connect('192.0.2.1').ignoringAllThat().says('EHLO client.example')

  test('are those of the general list, without a log line', () => {
    const client = ask({ discardEHLOKeywords: ['CHUNKING', 'DSN', 'SIZE', 'VRFY', 'ETRN'] }).logs()
    client.hears('250-mx.example.com', '250-ENHANCEDSTATUSCODES', '250-8BITMIME', '250 SMTPUTF8')
  })

  test('T51: are those of its own list instead, which is logged', () => {
    ask({ discardEHLOKeywords: ['DSN', 'SIZE'], discardEHLOKeywordsFor: [{ cidrs: ['192.0.2.0/24'], keywords: ['CHUNKING', 'ETRN'] }] })
      .logs('[192.0.2.1]40000: discarding EHLO keywords: ETRN CHUNKING')
      .hears('250-mx.example.com', '250-SIZE 10240000', '250-VRFY', '250-ENHANCEDSTATUSCODES', '250-8BITMIME', '250-DSN', '250 SMTPUTF8')
  })

  test('T51: are not logged with silent-discard', () => {
    const client = ask({ discardEHLOKeywordsFor: [{ cidrs: ['192.0.2.1'], keywords: ['silent-discard', 'CHUNKING'] }] }).logs()
    assert.ok(!client.replies().includes('250 CHUNKING'))
  })

  test('are not set, without a log line, where its own list is empty', () => {
    ask({ discardEHLOKeywords: ['CHUNKING'], discardEHLOKeywordsFor: [{ cidrs: ['192.0.2.1'], keywords: [] }] })
      .logs()
      .hears(
        '250-mx.example.com',
        '250-SIZE 10240000',
        '250-VRFY',
        '250-ETRN',
        '250-ENHANCEDSTATUSCODES',
        '250-8BITMIME',
        '250-DSN',
        '250-SMTPUTF8',
        '250 CHUNKING',
      )
  })

  test('are not logged where its own list is the general one', () => {
    ask({ discardEHLOKeywords: ['CHUNKING'], discardEHLOKeywordsFor: [{ cidrs: ['192.0.2.1'], keywords: ['CHUNKING'] }] }).logs()
  })

  test('are the general ones for all other clients', () => {
    const client = ask({ discardEHLOKeywords: ['CHUNKING'], discardEHLOKeywordsFor: [{ cidrs: ['192.0.2.2'], keywords: [] }] }).logs()
    assert.equal(client.replies().at(-1), '250 SMTPUTF8')
  })

  test('are those of the first list that names it', () => {
    ask({
      discardEHLOKeywordsFor: [
        { cidrs: ['192.0.2.0/24'], keywords: ['DSN'] },
        { cidrs: ['192.0.2.1'], keywords: ['ETRN'] },
      ],
    }).logs('[192.0.2.1]40000: discarding EHLO keywords: DSN')
  })
})
