// The stream of the live page: nothing without a viewer, the same text for all of them, few viewers, and none that is slow.
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { LivePages, type LiveSource } from '../../../../gateway/observability/live/live-pages.ts'
import { type LiveState, liveState } from '../../../../gateway/observability/live/live-state.ts'
import { LiveStream, type Viewer, viewersAtMost } from '../../../../runtime/live-stream.ts'

const none = { now: 0, most: viewersAtMost }
const empty = (): LiveState =>
  liveState({
    at: 1,
    reports: [],
    since: { notReady: null, draining: null },
    viewers: none,
    bans: undefined,
    status: {},
    sessionsAtMost: 5,
  })

function viewer() {
  const texts: string[] = []
  const state = { unread: 0, closed: false }
  const one: Viewer = {
    write: (text) => void texts.push(text),
    get unread() {
      return state.unread
    },
    close: () => (state.closed = true),
  }
  return { one, texts, state }
}

/** Waits for a condition, however slow the machine is. */
async function until(is: () => boolean): Promise<void> {
  while (!is()) await sleep(2)
}

function streaming() {
  const asked = { all: 0, new: 0 }
  const stream = new LiveStream({
    everyMs: 2,
    state: (what) => {
      asked[what]++
      return Promise.resolve(empty())
    },
  })
  return { stream, asked }
}

describe('the stream', () => {
  test('computes nothing before the first viewer, nor after the last one', async () => {
    const { stream, asked } = streaming()
    await sleep(20)
    assert.deepEqual(asked, { all: 0, new: 0 })
    const { one } = viewer()
    await stream.add(one)
    await until(() => asked.new > 1)
    stream.remove(one)
    const { new: before } = asked
    await sleep(20)
    assert.ok(asked.new <= before + 1)
  })

  test('gives each viewer the whole first, and then all of them the same', async () => {
    const { stream, asked } = streaming()
    const [a, b] = [viewer(), viewer()]
    await stream.add(a.one)
    await stream.add(b.one)
    await until(() => b.texts.length > 2)
    stream.close()
    assert.match(a.texts[0] ?? '', /^event: all\ndata: \{.*\}\n\n$/)
    assert.match(b.texts.at(-1) ?? '', /^event: new\ndata: \{.*\}\n\n$/)
    assert.equal(asked.all, 2)
    assert.ok(a.state.closed && b.state.closed)
    assert.equal(stream.viewers, 0)
  })

  test('closes a viewer that does not read', async () => {
    const { stream } = streaming()
    const [slow, quick] = [viewer(), viewer()]
    await stream.add(slow.one)
    await stream.add(quick.one)
    slow.state.unread = 1e6
    await until(() => slow.state.closed)
    assert.equal(stream.viewers, 1)
    stream.close()
  })

  test('goes on when a worker does not answer once', async () => {
    let fails = true
    const stream = new LiveStream({
      everyMs: 2,
      state: (what) => (what === 'new' && fails ? Promise.reject(new Error('no answer')) : Promise.resolve(empty())),
    })
    const { one, texts } = viewer()
    await stream.add(one)
    await sleep(10)
    fails = false
    await until(() => texts.length > 1)
    stream.close()
  })
})

describe('the pages of the live view', () => {
  const source: LiveSource = {
    status: () => ({}),
    notReady: () => [],
    drainingSince: null,
    reports: () => Promise.resolve([]),
    bans: () => undefined,
    search: (query) => [
      { session: 's', client: JSON.stringify(query), began: 1, decidedAt: 2, outcome: 'new', audit: false, why: 'Passed every test' },
    ],
    find: (id) => (id === 's' ? { session: 's', client: '192.0.2.1', began: '', events: [], moreEvents: 0 } : undefined),
  }

  for (const [query, code, text] of [
    ['', 200, /"client":"\{\\"text\\":\\"\\"\}"/],
    [
      'address=192.0.2.0/24&outcome=new,dnsbl&text=ABC',
      200,
      /\\"text\\":\\"abc\\",\\"address\\":\\"192.0.2.0\/24\\",\\"outcomes\\":\[\\"new\\"/,
    ],
    ['address=x', 400, /^address: must be an address/],
    ['outcome=x', 400, /^outcome: expected some of known, new/],
    ['page=1', 400, /^unknown parameter "page"/],
  ] as const) {
    test(`answer ${code} to /live/sessions?${query}`, async () => {
      const page = await new LivePages(source).sessions(new URLSearchParams(query))
      assert.equal(page.code, code)
      assert.match(page.text, text)
    })
  }

  test('have the story of a session while it is remembered', async () => {
    const pages = new LivePages(source)
    assert.equal((await pages.session(new URLSearchParams('id=s'))).code, 200)
    assert.equal((await pages.session(new URLSearchParams('id=t'))).code, 404)
    assert.equal((await pages.session(new URLSearchParams())).code, 404)
  })
})
