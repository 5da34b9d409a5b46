// The replay of a session as a machine: times, what is blamed on a backend, and the check of the PROXY header. The
// dialogues are in test/sessions/same-session.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseEhloReply } from '../../../gateway/core/ehlo-keywords-offered.ts'
import type { ReplayPlan } from '../../../gateway/core/replay-plan.ts'
import { type Replay, type ReplayEffect, type ReplayEvent, replayStep, startReplay } from '../../../gateway/core/replay.ts'

const promised = parseEhloReply(['x', 'SIZE 100', 'DSN'])
const atRcpt: ReplayPlan = { goal: 'RCPT', helo: 'EHLO c\r\n', mail: 'MAIL FROM:<a>\r\n', rcpt: 'RCPT TO:<b>\r\n', promised }
const atStarttls: ReplayPlan = { goal: 'STARTTLS', helo: 'EHLO c\r\n' }
const greeting: ReplayEvent = { type: 'greeted', text: '220 b\r\n', checkHeader: false }
const offered = '250-b\r\n250-SIZE 100\r\n250-STARTTLS\r\n250 DSN\r\n'
const says = (text: string): ReplayEvent => ({ type: 'data', text })

/** In short words: `send EHLO c`, `leave QUIT`, `failed gone`. */
function inWords(effect: ReplayEffect): string {
  switch (effect.do) {
    case 'call':
      return effect.mayWait ? 'call or wait' : 'call'
    case 'send':
      return `send ${effect.text.trimEnd()}`
    case 'arm':
      return `arm ${effect.ms}`
    case 'disarm':
      return 'disarm'
    case 'leave':
      return effect.quit ? 'leave QUIT' : 'leave'
    case 'learn':
      return `learn ${[...effect.offered.names].join(' ')}`
    case 'blame':
      return `blame ${effect.why}`
    case 'finish':
      return wordsOf(effect)
  }
}

function wordsOf({ outcome }: Extract<ReplayEffect, { do: 'finish' }>): string {
  if (outcome.is === 'joined') return `joined ${outcome.reply.trimEnd()}`
  return outcome.is === 'failed' ? `failed ${outcome.why}` : `refused at ${outcome.at}: ${outcome.reply.text.trimEnd()}`
}

/** What each event does; a number lets so many milliseconds pass. */
function play(plan: ReplayPlan, events: readonly (ReplayEvent | number)[]): readonly string[][] {
  let now = 0
  const { replay, effects } = startReplay(plan, now)
  assert.deepEqual(effects.map(inWords), ['call or wait'])
  return events.flatMap((event) => {
    if (typeof event !== 'number') return [replayStep(replay, now, event).map(inWords)]
    now += event
    return []
  })
}

const cases: readonly { what: string; plan?: ReplayPlan; events: readonly (ReplayEvent | number)[]; does: readonly string[][] }[] = [
  {
    what: 'one command at a time, and no time limit for RCPT',
    events: [greeting, says(offered), says('250 ok\r\n'), says('250 yes\r\n')],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['learn SIZE STARTTLS DSN', 'arm 60000', 'send MAIL FROM:<a>'],
      ['disarm', 'send RCPT TO:<b>'],
      ['disarm', 'joined 250 yes'],
    ],
  },
  {
    what: 'part of a reply does nothing',
    events: [greeting, says('250-b\r\n250-SIZ'), says('E 100\r\n250 DSN\r'), says('\n')],
    does: [['arm 60000', 'send EHLO c'], [], [], ['learn SIZE DSN', 'arm 60000', 'send MAIL FROM:<a>']],
  },
  {
    what: 'a backend that is too slow is left for another one',
    events: [greeting, 60_000, { type: 'timeout' }, greeting],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['blame timeout', 'disarm', 'leave', 'call or wait'],
      ['arm 60000', 'send EHLO c'],
    ],
  },
  {
    what: 'after four minutes no other one is called',
    events: [230_000, greeting, 10_000, { type: 'timeout' }],
    does: [
      ['arm 10000', 'send EHLO c'],
      ['blame timeout', 'disarm', 'leave', 'failed timeout'],
    ],
  },
  {
    what: 'a late timer means nothing while RCPT is answered',
    events: [greeting, says(offered), says('250 ok\r\n'), { type: 'timeout' }],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['learn SIZE STARTTLS DSN', 'arm 60000', 'send MAIL FROM:<a>'],
      ['disarm', 'send RCPT TO:<b>'],
      [],
    ],
  },
  {
    what: 'a promise that is not kept is not a failure of the backend, and there is nothing to wait for',
    events: [greeting, says('250-b\r\n250 SIZE 100\r\n'), { type: 'noBackend', hasFailed: false }],
    does: [['arm 60000', 'send EHLO c'], ['learn SIZE', 'disarm', 'leave QUIT', 'call'], ['failed promise']],
  },
  {
    what: 'no backend at all',
    events: [{ type: 'noBackend', hasFailed: true }, greeting, { type: 'lost' }],
    does: [['failed gone'], [], []],
  },
  {
    what: 'STARTTLS that is not offered by the only backend',
    plan: atStarttls,
    events: [greeting, says('250 b\r\n'), { type: 'noBackend', hasFailed: false }],
    does: [['arm 60000', 'send EHLO c'], ['learn ', 'disarm', 'leave QUIT', 'call'], ['failed notOffered']],
  },
  {
    what: 'STARTTLS that is not offered by one, and the other one is lost',
    plan: atStarttls,
    events: [greeting, { type: 'lost' }, greeting, says('250 b\r\n'), { type: 'noBackend', hasFailed: false }],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['blame gone', 'disarm', 'leave', 'call or wait'],
      ['arm 60000', 'send EHLO c'],
      ['learn ', 'disarm', 'leave QUIT', 'call'],
      ['failed gone'],
    ],
  },
  {
    what: 'nothing follows the result',
    events: [greeting, says('550 no\r\n'), says('more'), { type: 'lost' }, { type: 'timeout' }, greeting],
    does: [['arm 60000', 'send EHLO c'], ['disarm', 'leave QUIT', 'refused at HELO: 550 no'], [], [], [], []],
  },
  ...[500, 502, 503, 221].map((code) => ({
    what: `${code} to EHLO may be the reply to a PROXY header that was not read`,
    events: [{ ...greeting, checkHeader: true }, says(`${code} what\r\n`)],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['blame header', 'disarm', 'leave', 'call'],
    ],
  })),
  {
    what: 'other refusals of EHLO show that the header was read',
    events: [{ ...greeting, checkHeader: true }, says('550 no\r\n')],
    does: [
      ['arm 60000', 'send EHLO c'],
      ['disarm', 'leave QUIT', 'refused at HELO: 550 no'],
    ],
  },
  {
    what: 'without HELO the backend is asked with NOOP whether it has read the header',
    plan: { ...atRcpt, helo: undefined, promised: undefined },
    events: [{ ...greeting, checkHeader: true }, says('250 ok\r\n'), says('503 helo first\r\n')],
    does: [
      ['arm 60000', 'send NOOP'],
      ['arm 60000', 'send MAIL FROM:<a>'],
      ['disarm', 'leave QUIT', 'refused at MAIL: 503 helo first'],
    ],
  },
  {
    what: 'a NOOP that is refused is the reply to the header',
    plan: { goal: 'STARTTLS', helo: undefined },
    events: [{ ...greeting, checkHeader: true }, says('502 what\r\n')],
    does: [
      ['arm 60000', 'send NOOP'],
      ['blame header', 'disarm', 'leave', 'call'],
    ],
  },
  {
    what: 'a greeting with more behind it is not one',
    events: [{ ...greeting, text: '220 b\r\n250 what\r\n' }],
    does: [['blame garbage', 'disarm', 'leave', 'call']],
  },
]

describe('the replay of a session', () => {
  for (const { what, plan = atRcpt, events, does } of cases) test(what, () => assert.deepEqual(play(plan, events), does))

  test('is over after its result', () => {
    const { replay } = startReplay(atRcpt, 0)
    replayStep(replay, 0, { type: 'noBackend', hasFailed: false })
    assert.equal((replay satisfies Replay).at, 'over')
  })
})
