// docs/boards.md has every query of every panel, and every alert.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { alerts } from '../chart/alerts.ts'
import { alertLine, boardsPage, panelLine } from './boards-page.ts'
import { shownPanels } from './dashboard.ts'
import { expectedOf } from './expected.ts'

const lines = boardsPage().split('\n')
const panelLines = shownPanels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => panelLine({ panel: title, query: expr })))

test('the page has each query of each panel once, in order, with a value, and no other', () => {
  const rows = lines.slice(lines.indexOf('## Panels'), lines.indexOf('## Alerts')).filter((line) => /^\| (?!Panel|---)/.test(line))
  assert.equal(rows.length, panelLines.length)
  for (const [at, start] of panelLines.entries()) {
    assert.ok(rows[at]?.startsWith(start), `${start}\n${rows[at]}\nUPDATE=1 npm test -- test/boards/boards.live.test.ts`)
    assert.match(rows[at]?.slice(start.length) ?? '', /^.+ \|$/)
  }
})

test('the page has each alert once, in order, with what was seen, and no other', () => {
  const rows = lines.slice(lines.indexOf('## Alerts')).filter((line) => line.startsWith('| ['))
  assert.equal(rows.length, alerts.length)
  for (const [at, alert] of alerts.entries()) {
    assert.ok(rows[at]?.startsWith(alertLine(alert)), alert.alert)
    assert.match(rows[at]?.slice(alertLine(alert).length) ?? '', /^.+ \| .+ \|$/)
  }
})

test('there is an expectation for each query, and none for another', () => {
  assert.deepEqual(
    Object.fromEntries(Object.entries(expectedOf).map(([title, all]) => [title, all.length])),
    Object.fromEntries(shownPanels.map(({ title, targets = [] }) => [title, targets.length])),
  )
})
