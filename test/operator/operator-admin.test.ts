// The operator's health and metrics over HTTP.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { OperatorPages } from '../../operator/live/operator-pages.ts'
import { type AdminPages, serveAdmin } from '../../operator/operator-admin.ts'

const well: AdminPages = {
  live: new OperatorPages({ page: async () => undefined, now: Date.now, facts: () => assert.fail(), watched: () => [], events: () => [] }),
  sick: () => undefined,
  notReady: () => undefined,
  metrics: async () => ({ type: 'text/plain; version=0.0.4', text: 'up 1\n' }),
}

async function ask(t: TestContext, path: string, pages: AdminPages) {
  const server = await serveAdmin({ address: '127.0.0.1', port: 0 }, pages)
  t.after(() => server.close())
  const answer = await fetch(`http://${server.address}${path}`)
  return { code: answer.status, text: await answer.text(), type: answer.headers.get('content-type') }
}

const cases: readonly {
  readonly path: string
  readonly what: string
  readonly pages?: Partial<AdminPages>
  readonly code: number
  readonly text: string
}[] = [
  { path: '/healthz', what: 'while all is well', code: 200, text: 'ok\n' },
  {
    path: '/healthz',
    what: 'with the reason when it is not',
    pages: { sick: () => 'the watch of pods has been silent for too long' },
    code: 503,
    text: 'the watch of pods has been silent for too long\n',
  },
  { path: '/readyz', what: 'while all is well', code: 200, text: 'ok\n' },
  { path: '/readyz', what: 'with the reason when it is not', pages: { notReady: () => 'not yet' }, code: 503, text: 'not yet\n' },
  { path: '/readyz?verbose', what: 'whatever is asked besides', code: 200, text: 'ok\n' },
  { path: '/metrics', what: 'as Prometheus reads it', code: 200, text: 'up 1\n' },
  {
    path: '/metrics',
    what: 'with what is wrong',
    pages: { metrics: () => Promise.reject(new Error('no registry')) },
    code: 500,
    text: 'no registry\n',
  },
  {
    path: '/other',
    what: 'with what there is',
    code: 404,
    text: 'there are /, /healthz, /readyz, /metrics, /live, /live/events and /explain\n',
  },
  {
    path: '/../healthz/x',
    what: 'with what there is',
    code: 404,
    text: 'there are /, /healthz, /readyz, /metrics, /live, /live/events and /explain\n',
  },
]

describe('the admin server answers', () => {
  for (const { path, what, pages, code, text } of cases) {
    test(`${path} ${what} (${code})`, async (t) => {
      const answer = await ask(t, path, { ...well, ...pages })
      assert.deepEqual([answer.code, answer.text], [code, text])
    })
  }

  test('/metrics with the type that it was given', async (t) =>
    assert.equal((await ask(t, '/metrics', well)).type, 'text/plain; version=0.0.4'))
})

test('a port that is taken is told', async (t) => {
  const server = await serveAdmin({ address: '127.0.0.1', port: 0 }, well)
  t.after(() => server.close())
  await assert.rejects(serveAdmin({ address: '127.0.0.1', port: Number(server.address.split(':').at(-1)) }, well), { code: 'EADDRINUSE' })
})
