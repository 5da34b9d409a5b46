// The live page with ten thousand sessions: it draws a few, keeps some hundreds, and answers a filter.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { outcomes } from '../../gateway/core/outcome-names.ts'
import { serveAdmin } from '../../gateway/observability/admin.ts'
import { RecentSessions } from '../../gateway/observability/explain/recent-sessions.ts'
import { LiveNumbers } from '../../gateway/observability/live/live-numbers.ts'
import { filterOf, LivePages, sessionsFound } from '../../gateway/observability/live/live-pages.ts'
import { busiestOf, type LiveReport, processFigures } from '../../gateway/observability/live/live-report.ts'
import type { Log } from '../../gateway/observability/log.ts'
import { stateBeforePolicy } from '../../gateway/observability/serving-state.ts'
import { statusPage } from '../../gateway/observability/status.ts'
import { memoryAllowlist } from '../../gateway/allowlist/allowlist-memory.ts'
import { chooseNetwork } from '../../gateway/sockets/choose-network.ts'
import { unless } from '../peers/require.ts'
import { Browser } from './browser.ts'

const skip = unless('chromium')
const count = 10_000

const nothing = (): undefined => undefined
const log: Log = {
  session: nothing,
  dnsbl: nothing,
  relay: nothing,
  tls: nothing,
  sessionWarning: nothing,
  debug: nothing,
  info: nothing,
  warning: nothing,
  flush: async () => undefined,
}

/** A gateway without clients, whose numbers and sessions the test makes up. */
function pretended() {
  const [numbers, recent] = [new LiveNumbers(), new RecentSessions()]
  recent.keep(1000, { nameOf: (domain) => domain, showsEnvelopes: true })
  const remembered = recent.remembering(log)
  const serving = stateBeforePolicy(memoryAllowlist())
  const status = () =>
    statusPage({
      version: '1.2.3',
      sockets: chooseNetwork('node'),
      draining: false,
      notReady: [],
      refused: undefined,
      keptAt: undefined,
      skipped: [],
      serving,
    })
  const report = (after: number): LiveReport => ({
    numbers: numbers.read(),
    reconnects: { told: 0, came: 0, delays: [] },
    busiest: busiestOf(serving.screening),
    policy: null,
    tail: recent.newest(after, sessionsFound),
    process: processFigures(),
  })
  const session = (n: number): void => {
    const client = { address: `10.${n >> 8}.${n & 255}.1`, port: 1025 }
    const outcome = outcomes[n % outcomes.length] ?? 'new'
    remembered.session(`s${n}`, { event: 'CONNECT', client, server: { address: '198.51.100.1', port: 25 } })
    numbers.decided(outcome, client.address)
    recent.decided(`s${n}`, outcome, false)
  }
  const live = new LivePages({
    status,
    notReady: () => [],
    drainingSince: null,
    reports: (after) => Promise.resolve([{ worker: undefined, report: report(after.get(0) ?? 0) }]),
    bans: nothing,
    search: (query) => recent.search(filterOf(query), sessionsFound),
    find: (id) => recent.find(id),
  })
  return { live, status, session }
}

test('ten thousand sessions leave the page small, and it still finds one of them', { skip }, async (t) => {
  const { live, status, session } = pretended()
  const admin = await serveAdmin(
    { address: '127.0.0.1', port: 0 },
    {
      live,
      status,
      notReady: () => [],
      metrics: () => Promise.resolve({ type: 'text/plain', text: '' }),
      explain: () => Promise.resolve(undefined),
      bans: nothing,
      changeBans: () => ({ code: 503, text: '' }),
    },
  )
  const browser = await Browser.start()
  t.after(async () => {
    live.close()
    admin.close()
    await browser.close()
  })
  const tab = await browser.tab({ width: 1440, height: 900 })
  await tab.open(`http://${admin.address}/`)
  await tab.until(`document.getElementById('live').textContent === 'Live'`)
  const nodesBefore = await tab.read<number>(`document.querySelectorAll('*').length`)
  for (let n = 0; n < count; n++) session(n)
  await tab.until(`document.querySelector('[data-step=connected] .num')?.textContent === '10,000'`)
  assert.equal(await tab.read(`document.querySelectorAll('.row').length`), 14)
  const nodes = await tab.read<number>(`document.querySelectorAll('*').length`)
  assert.ok(nodes - nodesBefore < 1000, `${nodes - nodesBefore} more nodes`)
  // Of an update only some lines are sent, and the page says so.
  await tab.until(`document.getElementById('rows').textContent.includes('10.39.15.1')`)
  await tab.read(
    `(() => { const find = document.getElementById('find'); find.value = '10.39.0.0/24'; find.dispatchEvent(new Event('input')) })()`,
  )
  await tab.until(`document.querySelectorAll('.row').length === 1 && document.querySelector('.row .c').textContent === '10.39.0.1'`)
  assert.deepEqual(tab.errors, [])
})
