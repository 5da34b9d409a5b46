// Requests for /explain: how many are answered, and what a request must say.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { AskLimit } from '../../../gateway/observability/explain/ask-limit.ts'
import type { ExplainPage, ExplainQuery } from '../../../gateway/observability/explain/explain-page.ts'
import { explainRequests } from '../../../gateway/observability/explain/explain-requests.ts'

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- no test looks into the page
const page = { version: '1' } as ExplainPage

test('ten questions are answered at once, then one every two seconds', () => {
  let now = 0
  const limit = new AskLimit(() => now)
  const taken = Array.from({ length: 12 }, () => limit.take())
  assert.deepEqual(taken, [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 2])
  now = 1999
  assert.equal(limit.take(), 1)
  now = 2001
  assert.equal(limit.take(), 0)
  assert.notEqual(limit.take(), 0)
  now = 10_000_000
  assert.deepEqual(
    Array.from({ length: 11 }, () => limit.take()).filter((wait) => wait > 0),
    [2],
  )
})

test('four are answered at a time', async () => {
  const waiting: (() => void)[] = []
  const answer = explainRequests(() => new Promise((resolve) => waiting.push(() => resolve(page))))
  const ask = () => answer(new URLSearchParams({ address: '192.0.2.1' }))
  const asked = Array.from({ length: 4 }, ask)
  assert.equal((await ask()).code, 429)
  waiting[0]?.()
  assert.equal((await asked[0])?.code, 200)
  const next = ask()
  for (const done of waiting) done()
  assert.equal((await next).code, 200)
})

test('a question that fails gives its place back', async () => {
  const answer = explainRequests(() => Promise.reject(new Error('no')), new AskLimit())
  for (let i = 0; i < 6; i++) await assert.rejects(answer(new URLSearchParams({ address: '192.0.2.1' })), /no/)
})

describe('a request must name one address or network:', () => {
  const cases: readonly (readonly [query: string, want: ExplainQuery | RegExp])[] = [
    ['address=192.0.2.1', { subject: '192.0.2.1' }],
    ['address=2001:db8::/32&server=::ffff:198.51.100.1', { subject: '2001:db8::/32', server: '198.51.100.1' }],
    ['address=192.0.2.1&address=192.0.2.2', /^expected one address/],
    ['', /^expected one address/],
    ['address=', /^address "": must be an address or a network such as/],
    ['address=mx.example.com', /^address "mx\.example\.com": must be/],
    ['address=192.0.2.1/24', /did you mean 192\.0\.2\.0\/24\?/],
    ['address=192.0.2.1%0a%1b[31m', /^address "192\.0\.2\.1\\\\n\\\\u\{1b\}\[31m"/],
    ['address=192.0.2.1&server=mx', /^server "mx": must be an address such as/],
    ['address=192.0.2.1&server=1.1.1.1&server=2.2.2.2', /^expected one server at most/],
    ['address=192.0.2.1&x=1', /^unknown parameter "x": there are address and server/],
  ]
  for (const [query, want] of cases)
    test(query === '' ? 'nothing' : query, async () => {
      let asked: ExplainQuery | undefined
      const { code, text } = await explainRequests(async (got) => {
        asked = got
        return page
      })(new URLSearchParams(query))
      if (want instanceof RegExp) {
        assert.equal(code, 400)
        assert.match(text, want)
        assert.equal(asked, undefined)
      } else assert.deepEqual([code, asked], [200, want])
    })
})

test('before the first policy the answer is 503', async () => {
  const { code, text } = await explainRequests(async () => undefined)(new URLSearchParams({ address: '192.0.2.1' }))
  assert.deepEqual([code, text], [503, 'no policy yet\n'])
})
