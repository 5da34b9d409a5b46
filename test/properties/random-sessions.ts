// Random policies, and random events of sessions: commands, hostile bytes, answers of DNS lists and mail servers, in any order.
import fc from 'fast-check'
import type { Action, Event, TimerName } from '../../gateway/core/vocabulary.ts'
import { type SpecFragment, stored } from '../support/core-session.ts'

const domains = ['bl.example', 'wl.example'] as const
export const addresses = ['192.0.2.1', '192.0.2.2', '2001:db8::1'] as const

const action = fc.constantFrom<Action>('Ignore', 'Enforce', 'Drop')
const deepTest = fc.record({ enabled: fc.boolean(), action })

export const policies: fc.Arbitrary<SpecFragment> = fc.record(
  {
    mode: fc.oneof({ weight: 4, arbitrary: fc.constant('Enforce' as const) }, { weight: 1, arbitrary: fc.constant('Audit' as const) }),
    greet: fc.record({ action, banner: fc.constantFrom('$banner', '$banner', ''), wait: fc.constantFrom('1s', '6s') }),
    dnsbl: fc.record({
      action,
      threshold: fc.constantFrom(1, 3),
      allowThreshold: fc.constantFrom(0, -2),
      sites: fc.constantFrom([], [{ domain: domains[0], weight: 3 }], [{ domain: domains[0] }, { domain: domains[1], weight: -2 }]),
    }),
    deepTests: fc.record({
      pipelining: deepTest,
      nonSMTPCommand: deepTest,
      bareNewline: deepTest,
      handoff: fc.constantFrom('SameSession', 'Reconnect'),
      tls: fc.constantFrom('PassThrough', 'Terminate'),
    }),
    smtp: fc.record({
      heloRequired: fc.boolean(),
      softBounce: fc.boolean(),
      commandCountLimit: fc.constantFrom(3, 20),
      lineLengthLimit: fc.constantFrom(512, 2048),
      rejectFooter: fc.constantFrom('', '\\c; see there', 'from $client_address\\nat $localtime'),
      commandFilter: fc.constantFrom([], [{ command: 'NOOP', replacement: 'QUIT' }]),
    }),
    access: fc.constantFrom<NonNullable<SpecFragment['access']>>(
      [],
      [],
      [{ action: 'Permit', cidrs: [addresses[1]] }],
      [{ action: 'Reject', cidrs: [addresses[0]] }],
    ),
    denylist: fc.record({ action }),
    allowlist: fc.record({ interfaces: fc.constantFrom(['all'], ['all'], ['!198.51.100.1', 'all']) }),
    limits: fc.record({
      connectionsPerClient: fc.constantFrom(0, 2),
      preQueue: fc.constantFrom(10, 100),
      postQueue: fc.constantFrom(5, 100),
    }),
    tls: fc.constantFrom<NonNullable<SpecFragment['tls']>>(
      { level: 'None' },
      { level: 'May', certFile: 'c', keyFile: 'k' },
      { level: 'Encrypt', certFile: 'c', keyFile: 'k' },
    ),
  },
  { requiredKeys: [] },
)

export const snippets = [
  'EHLO x',
  'HELO x',
  'MAIL FROM:<a@b>',
  'RCPT TO:<c@d>',
  'RCPT',
  'DATA',
  'BDAT 1',
  'RSET',
  'NOOP',
  'VRFY x',
  'ETRN x',
  'QUIT',
  'STARTTLS',
  'GET / HTTP/1.1',
  'Subject: x',
]
export const hostile = [
  '\r',
  '\n',
  '\0',
  '\x1b[31m',
  '\x7f',
  '\xff',
  '\xc2\x85',
  '\xe2\x80\xa8',
  '\r\n.\r\n',
  ' ',
  '\t',
  '"',
  '\\',
  '<',
  '%s',
  'x'.repeat(600),
  '\r'.repeat(3000),
]
const data: fc.Arbitrary<Event> = fc
  .oneof(
    {
      weight: 5,
      arbitrary: fc.tuple(fc.constantFrom(...snippets), fc.constantFrom('\r\n', '\r\n', '\r\n', '\n', '')).map((parts) => parts.join('')),
    },
    { weight: 2, arbitrary: fc.array(fc.constantFrom(...snippets, ...hostile, '\r\n'), { maxLength: 8 }).map((parts) => parts.join('')) },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
  )
  .map((text) => ({ type: 'data', bytes: Buffer.from(text, 'latin1') }))

const answer: fc.Arbitrary<Event> = fc
  .tuple(
    fc.constantFrom(...domains),
    fc.constantFrom([], ['127.0.0.2'], ['127.255.255.254'], ['127.0.0.2', '127.0.0.9']),
    fc.integer({ min: -1, max: 9000 }),
    fc.boolean(),
  )
  .map(([domain, found, ttl, complete]) => ({ type: 'dnsbl', answer: { domain, addresses: found, ttl }, complete }))

const recalled: fc.Arbitrary<Event> = fc
  .constantFrom(
    undefined,
    undefined,
    '+9;+9;+9;+9;+9',
    '-9;-9;-9;-9;-9',
    '0;0;0;0;0',
    '+9;-9;1;0;+99',
    '',
    'x;y',
    '99999999999999999999999;1',
  )
  .map((record) => ({ type: 'recalled', record: record === undefined ? undefined : stored(record) }))

const timer: fc.Arbitrary<Event> = fc.constantFrom<TimerName>('greetWait', 'command').map((name) => ({ type: 'timer', name }))

/** `ring`: the timer that the session has asked for. */
export type Happening = Event | { readonly type: 'ring' }
export const happening: fc.Arbitrary<Happening> = fc.oneof(
  { weight: 8, arbitrary: data },
  { weight: 3, arbitrary: answer },
  { weight: 3, arbitrary: recalled },
  { weight: 4, arbitrary: fc.constant<Happening>({ type: 'ring' }) },
  { weight: 1, arbitrary: timer },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Happening>(
      { type: 'connect' },
      { type: 'handedOff' },
      { type: 'handOffFailed', how: 'connect' },
      { type: 'handOffFailed', how: 'send' },
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom<Happening>(
      { type: 'replayed', outcome: { is: 'joined', reply: '250 2.1.5 Ok\r\n' } },
      { type: 'replayed', outcome: { is: 'refused', at: 'MAIL', reply: { code: 550, text: '550-no\r\n550 never\r\n' } } },
      { type: 'replayed', outcome: { is: 'refused', at: 'STARTTLS', reply: { code: 454, text: '454 later\r\n' } } },
      { type: 'replayed', outcome: { is: 'refused', at: 'HELO', reply: { code: 421, text: '421 gone\r\n' } } },
      ...(['gone', 'timeout', 'garbage', 'promise', 'notOffered'] as const).map(
        (why) => ({ type: 'replayed', outcome: { is: 'failed', why } }) as const,
      ),
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom<Happening>({ type: 'end' }, { type: 'gone' }, { type: 'shutdown' }) },
)

/** When an event comes, and to which session. */
export const moment = fc.record({
  who: fc.nat(13),
  later: fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(0, 5, 900, 6000) },
    { weight: 1, arbitrary: fc.integer({ min: -9_000_000, max: 9_000_000 }) },
  ),
  happens: happening,
})
