// What may be promised of what backends offer, and which of them limits the promise.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type OfferedKeywords, parseEhloReply } from '../../../gateway/core/ehlo-keywords-offered.ts'
import { type BackendOffer, keywordLines, promiseOf, sameKeywords } from '../../../gateway/core/promise-of-backends.ts'

const offering = (...lines: string[]): OfferedKeywords => parseEhloReply(['mx.example.test', ...lines])

/** A backend that offers these keywords to every client. */
function backend(name: string, ...lines: string[]): BackendOffer {
  const offered = offering(...lines)
  return { backend: name, offered, certain: offered.names }
}
const unknown = (name: string): BackendOffer => ({ backend: name, offered: undefined, certain: new Set() })

const all = ['SIZE 100', 'STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING']

const cases: readonly {
  readonly what: string
  readonly backends: readonly BackendOffer[]
  readonly promise: string
  readonly limitedBy?: readonly string[]
}[] = [
  { what: 'one backend: all that it offers', backends: [backend('a', ...all)], promise: all.join(' ') },
  {
    what: 'keywords outside the allow list are never promised',
    backends: [
      backend('a', 'PIPELINING', 'VRFY', 'ETRN', 'AUTH PLAIN', 'XCLIENT NAME', 'XVERP', 'BINARYMIME', 'REQUIRETLS', 'X-OTHER', '8BITMIME'),
    ],
    promise: 'ENHANCEDSTATUSCODES 8BITMIME',
  },
  { what: 'ENHANCEDSTATUSCODES always', backends: [backend('a')], promise: 'ENHANCEDSTATUSCODES' },
  ...['STARTTLS', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING'].map((missing) => ({
    what: `${missing} only if all offer it`,
    backends: [backend('a', ...all), backend('b', ...all.filter((line) => line !== missing))],
    promise: all.filter((line) => line !== missing).join(' '),
    limitedBy: [`b does not offer ${missing}`],
  })),
  {
    what: 'the smallest SIZE',
    backends: [backend('a', 'SIZE 300'), backend('b', 'SIZE 200'), backend('c', 'SIZE 200')],
    promise: 'SIZE 200 ENHANCEDSTATUSCODES',
    limitedBy: ['b accepts messages of up to 200 bytes', 'c accepts messages of up to 200 bytes'],
  },
  {
    what: 'SIZE without a number and SIZE 0 do not win',
    backends: [backend('a', 'SIZE'), backend('b', 'SIZE 0'), backend('c', 'SIZE 700')],
    promise: 'SIZE 700 ENHANCEDSTATUSCODES',
    limitedBy: ['c accepts messages of up to 700 bytes'],
  },
  {
    what: 'SIZE without a number if none states one',
    backends: [backend('a', 'SIZE'), backend('b', 'SIZE 0')],
    promise: 'SIZE ENHANCEDSTATUSCODES',
  },
  {
    what: 'no SIZE if one backend offers none',
    backends: [backend('a', 'SIZE 300'), backend('b')],
    promise: 'ENHANCEDSTATUSCODES',
    limitedBy: ['b does not offer SIZE'],
  },
  {
    what: 'a backend of which nothing is known only limits what must be certain',
    backends: [backend('a', ...all), unknown('b')],
    promise: 'SIZE 100 STARTTLS ENHANCEDSTATUSCODES 8BITMIME SMTPUTF8',
    limitedBy: ['b has not shown yet whether it offers DSN', 'b has not shown yet whether it offers CHUNKING'],
  },
  {
    what: 'a backend that does not offer a keyword to every client',
    backends: [{ ...backend('a', ...all), certain: new Set(['CHUNKING', 'SMTPUTF8']) }, backend('b', ...all)],
    promise: all.filter((line) => line !== 'DSN').join(' '),
    limitedBy: ['a does not offer DSN to every client'],
  },
  {
    what: 'no backend is blamed for what none offers',
    backends: [backend('a', '8BITMIME'), backend('b', '8BITMIME')],
    promise: 'ENHANCEDSTATUSCODES 8BITMIME',
  },
]

for (const { what, backends, promise, limitedBy = [] } of cases) {
  test(what, () => {
    const promised = promiseOf(backends)
    assert.ok(promised !== undefined)
    assert.equal(keywordLines(promised.promise).join(' '), promise)
    assert.deepEqual(
      promised.limitedBy.map((limit) => `${limit.backend} ${limit.why}`),
      limitedBy,
    )
  })
}

test('nothing is promised of backends of which nothing is known', () => {
  assert.equal(promiseOf([]), undefined)
  assert.equal(promiseOf([unknown('a'), unknown('b')]), undefined)
})

test('replies are the same if they offer the same of what can be promised', () => {
  assert.equal(sameKeywords(offering('SIZE 5', 'DSN', 'XVERP'), offering('DSN', 'SIZE 5', 'AUTH')), true)
  assert.equal(sameKeywords(offering('SIZE 5'), offering('SIZE 6')), false)
  assert.equal(sameKeywords(offering('SIZE'), offering()), false)
  assert.equal(sameKeywords(offering('DSN'), offering('CHUNKING')), false)
})
