// A real Prometheus scrapes real gateways and an operator while a known crowd comes: every panel shows what it should, no alert
// fires without its fault, and the five worst fire when their fault is brought about.
// Runs first: rates need half a minute of scrapes, and alerts must end again.
import assert from 'node:assert/strict'
import { connect } from 'node:net'
import { after, before, describe, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { alerts } from '../chart/alerts.ts'
import { visit } from '../page/crowd.ts'
import { unless } from '../peers/require.ts'
import { untilHolds } from '../support/until-holds.ts'
import { type PanelRow, seenText, valuesOf, writeBoardsPage } from './boards-page.ts'
import { crowd, returning } from './crowd.ts'
import { shownPanels } from './dashboard.ts'
import { type Expected, expectedOf } from './expected.ts'
import { countedOf, queryOf } from './panel-query.ts'
import type { Sample } from './prometheus.ts'
import { proofs } from './rules/proofs.ts'
import { fewConnections, type Site, startSite } from './site.ts'

/** A loaded machine may take its time. */
const patient = 300

/** The API server in memory starts no pods, so that the operator's policy is not ready, which is true. */
const always = ['PostscreenPolicyNotProgrammed', 'PostscreenPolicyNotReady']

function check(expected: Expected, samples: readonly Sample[], what: string): void {
  const values = valuesOf(samples)
  switch (expected.is) {
    case 'exact':
      assert.ok(samples.length > 0, `${what}: no series`)
      assert.deepEqual(Object.fromEntries(Object.entries(values).filter(([, value]) => value !== 0)), expected.values, what)
      return
    case 'between':
      assert.ok(samples.length > 0, `${what}: no series`)
      for (const [name, value] of Object.entries(values))
        assert.ok(value >= expected.least && value <= expected.most, `${what}: ${name} ${value}`)
      return
    case 'none':
      assert.deepEqual(values, {}, what)
  }
}

describe('a real Prometheus', { skip: unless('loopback', 'prometheus') }, () => {
  let site: Site
  const rows: PanelRow[] = []
  const normal = new Map<string, string>()
  const faults = new Map<string, string>()

  const firing = async (): Promise<readonly string[]> => {
    const all = await site.prometheus.alerts()
    return [...new Set(all.filter(({ state }) => state === 'firing').map(({ labels }) => labels['alertname'] ?? ''))].toSorted()
  }
  const value = async (expr: string): Promise<number> => (await site.prometheus.query(expr))[0]?.value ?? 0

  /** Does something again and again until these alerts fire. None but these and the others may. */
  async function untilFiring(names: readonly string[], others: readonly string[], again: () => Promise<unknown>): Promise<void> {
    const allowed = new Set([...always, ...names, ...others])
    await untilHolds(
      `${names.join(' and ')} fires`,
      async () => {
        await again()
        const now = await firing()
        assert.deepEqual(
          now.filter((name) => !allowed.has(name)),
          [],
        )
        return names.every((name) => now.includes(name))
      },
      patient,
    )
    for (const { state, labels } of await site.prometheus.alerts()) {
      const { alertname = '', severity: _, ...rest } = labels
      if (state === 'firing' && names.includes(alertname))
        faults.set(alertname, `live: fires (${Object.values(rest).join(' ') || 'no labels'})`)
    }
  }

  const untilCalm = (again: () => Promise<unknown>): Promise<void> =>
    untilHolds(
      'all alerts end',
      async () => {
        await again()
        return (await firing()).every((name) => always.includes(name))
      },
      patient,
    )

  /** A client that is permitted, to both gateways. */
  const knock = (): Promise<unknown> =>
    Promise.all([site.large, site.small].map(({ port }) => visit(port, { from: '127.0.0.88', is: 'good' })))

  before(async () => {
    site = await startSite()
    await untilHolds('all targets were scraped', async () => (await value('min(count_over_time(up[1h]) * up)')) >= 3, patient)
  })
  after(async () => {
    await site?.stop()
  })

  test('counts the crowd', async () => {
    await Promise.all(crowd.map((visitor) => visit(site.large.port, visitor)))
    // Written by one worker, so that the other one knows them as well.
    await untilHolds(
      'those that passed are remembered',
      async () => (await value('max(postscreen_allowlist_entries)')) === returning.length,
      patient,
    )
    for (const visitor of returning) await visit(site.large.port, visitor)
    const [visits, known] = [crowd.length + returning.length, returning.length + 1]
    await untilHolds(
      'all sessions have ended',
      async () => {
        const counted = await value('sum(postscreen_sessions_total)')
        const handedOff = await value('sum(postscreen_sessions_total{outcome="known"})')
        return counted === visits && handedOff === known && (await value('sum(postscreen_active_sessions)')) === 0
      },
      patient,
    )
    // Rates need two scrapes after the last change.
    await sleep(3000)
  })

  for (const { title, targets = [] } of shownPanels) {
    test(`the panel “${title}” shows what it should`, async () => {
      for (const [at, { expr, refId }] of targets.entries()) {
        const expected = expectedOf[title]?.[at] ?? assert.fail(`nothing is expected of ${title} ${refId}`)
        const counted = await site.prometheus.query(countedOf(expr))
        const note = expected.query === 'none' ? '; the query itself has no value on the first day' : ''
        rows.push({ panel: title, query: expr, seen: `${seenText(counted)}${note}` })
        check(expected, counted, `${title} ${refId}`)
        const itself = Object.keys(valuesOf(await site.prometheus.query(queryOf(expr))))
        const wanted = expected.query === 'none' ? [] : Object.keys(valuesOf(counted))
        assert.deepEqual(itself.toSorted(), wanted.toSorted(), `the query of ${title} ${refId}`)
      }
    })
  }

  test('no alert fires without its fault', async () => {
    await untilHolds('exactly those about the policy without pods fire', async () => (await firing()).join() === always.join(), patient)
    for (const { alert } of alerts) normal.set(alert, always.includes(alert) ? 'fires: there are no pods' : 'silent')
  })

  test('mail servers that are down: two alerts, which end when one works', async () => {
    site.mail.state = 'down'
    await untilFiring(['PostscreenMailServersDown', 'PostscreenNoMailServer'], ['PostscreenBackendErrors'], knock)
    site.mail.state = 'works'
    await untilCalm(knock)
  })

  test('a mail server that speaks another protocol', async () => {
    site.mail.state = 'other'
    const others = ['PostscreenBackendErrors', 'PostscreenMailServersDown', 'PostscreenNoMailServer']
    await untilFiring(['PostscreenMailServerMisconfigured'], others, knock)
    site.mail.state = 'works'
    await untilCalm(knock)
  })

  test('a gateway that is full', async () => {
    await untilFiring(['PostscreenConnectionsFull'], [], async () => {
      const held = Array.from({ length: 2 * fewConnections }, () => connect(site.small.port, '127.0.0.1').on('error', () => undefined))
      await sleep(1000)
      for (const socket of held) socket.destroy()
    })
    await untilCalm(() => sleep(500))
  })

  test('an operator that is gone', async () => {
    await site.operator.stop()
    await untilHolds('the alert fires', async () => (await firing()).includes('PostscreenOperatorNoLeader'), patient)
    faults.set('PostscreenOperatorNoLeader', 'live: fires')
  })

  // The page has what was seen.
  after(() => {
    if (process.env['UPDATE'] === undefined) return
    const inRules = (alert: string): string => `promtool: ${proofs[alert]?.faults[0]?.what ?? assert.fail(alert)}`
    writeBoardsPage(
      rows,
      alerts.map(({ alert, expr }) => ({ alert, expr, normal: normal.get(alert) ?? '', fault: faults.get(alert) ?? inRules(alert) })),
    )
  })
})
