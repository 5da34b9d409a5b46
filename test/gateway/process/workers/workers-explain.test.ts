// What a gateway with several workers explains: one judges, all remember.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ExplainPage } from '../../../../gateway/observability/explain/explain-page.ts'
import type { RecentSession } from '../../../../gateway/observability/explain/recent-sessions.ts'
import type { Question } from '../../../../gateway/process/workers/messages.ts'
import { type AskedWorker, explainWithWorkers } from '../../../../gateway/process/workers/workers-explain.ts'

const session = (name: string, began: string): RecentSession => ({
  session: name,
  client: '[192.0.2.1]:1',
  began,
  events: [],
  moreEvents: 0,
})

function worker(number: number, answers: Partial<Record<Question['what'], unknown>>, asked: string[]): AskedWorker {
  return {
    number,
    process: {
      ask: async (question) => {
        asked.push(`${number} ${question.what}`)
        return answers[question.what] as never
      },
    },
  }
}

const query = { subject: '192.0.2.1' }

test('the first running worker asks the lists, and the sessions of all come newest first', async () => {
  const asked: string[] = []
  const page = await explainWithWorkers(
    [
      { number: 1, process: undefined },
      worker(
        2,
        { explain: { version: '1', recent: { kept: 3, sessions: [session('a', '2026-12-01T00:00:02Z')] } } satisfies Partial<ExplainPage> },
        asked,
      ),
      worker(
        3,
        { recentSessions: { kept: 3, sessions: [session('b', '2026-12-01T00:00:03Z'), session('c', '2026-12-01T00:00:01Z')] } },
        asked,
      ),
      worker(4, {}, asked),
    ],
    query,
  )
  assert.deepEqual(asked, ['2 explain', '3 recentSessions', '4 recentSessions'])
  assert.equal(page?.recent.kept, 6)
  assert.deepEqual(
    page.recent.sessions.map(({ session: name, worker: of }) => [name, of]),
    [
      ['b', 3],
      ['a', 2],
      ['c', 3],
    ],
  )
})

test('without a policy there is no page, and without a running worker an error', async () => {
  assert.equal(await explainWithWorkers([worker(1, {}, [])], query), undefined)
  await assert.rejects(explainWithWorkers([{ number: 1, process: undefined }], query), /no worker is running/)
})
