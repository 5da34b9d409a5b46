// Reply footers (section 3.9 of postscreen's behaviour).
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { wire } from '../../../gateway/core/replies.ts'
import { appendFooter } from '../../../gateway/core/reply-footer.ts'
import { drive, type SpecFragment } from '../../support/core-session.ts'
import { valueOf } from '../../../crds/values/read.ts'
import { readReplyFooter } from '../../../crds/values/reply-footer.ts'

const macros = { client_address: '192.0.2.1', client_port: '40000', localtime: 'Nov 14 22:13:20', server_name: 'mx.example.com' }

const cases: readonly { readonly what: string; readonly text: string; readonly template: string; readonly want: string }[] = [
  { what: 'is a line of its own, with the code', text: '550 Foo', template: 'Bar', want: '550-Foo\r\n550 Bar' },
  { what: 'repeats the enhanced status code', text: '550 5.1.1 Foo', template: 'Bar', want: '550-5.1.1 Foo\r\n550 5.1.1 Bar' },
  { what: 'goes on behind \\c', text: '550 5.1.1 Foo', template: '\\c; see there', want: '550 5.1.1 Foo; see there' },
  {
    what: 'has several lines',
    text: '421 4.3.2 Foo',
    template: 'one\\ntwo\\nthree',
    want: '421-4.3.2 Foo\r\n421-4.3.2 one\r\n421-4.3.2 two\r\n421 4.3.2 three',
  },
  { what: 'has lines behind \\c', text: '450 4.1.1 Foo', template: '\\c bar\\nbaz', want: '450-4.1.1 Foo bar\r\n450 4.1.1 baz' },
  { what: 'knows \\c at the very start only', text: '550 Foo', template: 'x\\c\\n\\cy', want: '550-Foo\r\n550-x\\c\r\n550 \\cy' },
  { what: 'may be an empty line', text: '550 Foo', template: '\\n', want: '550-Foo\r\n550-\r\n550 ' },
  {
    what: 'takes the last line of several',
    text: '450 5.1.1 Foo\n4.1.1 Bar',
    template: 'Baz',
    want: '450-5.1.1 Foo\r\n450-4.1.1 Bar\r\n450 4.1.1 Baz',
  },
  {
    what: 'takes no host name for a status code',
    text: '421 5.example.com Bye',
    template: 'Bar',
    want: '421-5.example.com Bye\r\n421 Bar',
  },
  { what: 'takes a status code at the start only', text: '550 Foo 5.1.1 bar', template: 'Baz', want: '550-Foo 5.1.1 bar\r\n550 Baz' },
  { what: 'takes numbers of three digits at most', text: '550 5.1234.1 Foo', template: 'Baz', want: '550-5.1234.1 Foo\r\n550 Baz' },
  { what: 'also in the last number', text: '550 5.1.1234 Foo', template: 'Baz', want: '550-5.1.1234 Foo\r\n550 Baz' },
  { what: 'takes three digits', text: '550 5.123.123 Foo', template: 'Baz', want: '550-5.123.123 Foo\r\n550 5.123.123 Baz' },
  { what: 'takes a status code without a text', text: '450 4.1.1', template: 'Baz', want: '450-4.1.1\r\n450 4.1.1 Baz' },
  { what: 'takes a status code of the classes 2, 4 and 5 only', text: '550 3.1.1 Foo', template: 'Bar', want: '550-3.1.1 Foo\r\n550 Bar' },
  {
    what: 'has macros in three forms, and $$',
    text: '550 Foo',
    template: '$client_address:${client_port} $(localtime) $server_name$$5',
    want: '550-Foo\r\n550 192.0.2.1:40000 Nov 14 22:13:20 mx.example.com$5',
  },
  { what: 'that is empty adds nothing', text: '550 Foo', template: '', want: '550 Foo' },
]

describe('a footer', () => {
  for (const { what, text, template, want } of cases)
    test(what, () => {
      const refusal = { code: Number(text.slice(0, 3)), text: text.slice(4) }
      assert.equal(wire(appendFooter(refusal, valueOf(readReplyFooter(template)), macros)), `${want}\r\n`)
    })
})

describe('T46: the footer of a policy', () => {
  const engine = (smtp: SpecFragment['smtp']) =>
    drive({ greet: { banner: '' }, deepTests: { pipelining: { enabled: true } }, smtp: smtp ?? {} })
      .connect('192.0.2.1')
      .ignoringAllThat()

  test('follows refusals only', () => {
    engine({ rejectFooter: '$client_address at $localtime' })
      .says('NOOP', 'HELP')
      .hears('250 2.0.0 Ok', '502-5.5.2 Error: command not recognized', '502 5.5.2 192.0.2.1 at Nov 14 22:13:20')
  })

  test('follows the 421 of a limit', () => {
    engine({ rejectFooter: 'sorry', commandTimeLimit: '10s' })
      .at(10_000)
      .hears('421-4.4.2 mx.example.com Error: timeout exceeded', '421 4.4.2 sorry')
  })

  test('follows the 421 at the door', () => {
    const gateway = drive({ smtp: { rejectFooter: '\\c ($client_port)' }, limits: { connectionsPerClient: 1 } })
    gateway.connect('192.0.2.1')
    gateway.connect('192.0.2.1').hears('421 4.7.0 Error: too many connections (40001)')
  })

  test('may be another one for a reply, by its text before soft bounce', () => {
    engine({
      softBounce: true,
      rejectFooter: 'general',
      rejectFooterFor: [{ reply: '502 5.5.2 Error: command not recognized', footer: '\\c, special' }],
    })
      .says('HELP', 'RCPT')
      .hears('402 4.5.2 Error: command not recognized, special', '403-4.5.1 Error: need MAIL command', '403 4.5.1 general')
  })

  test('is not logged', () => {
    engine({ rejectFooter: 'sorry' })
      .says('MAIL FROM:<>', 'RCPT TO:<a@b>')
      .logs('NOQUEUE: reject: RCPT from CLIENT: 450 4.3.2 Service currently unavailable; from=<>, to=<a@b>, proto=SMTP, helo=<>')
  })
})
