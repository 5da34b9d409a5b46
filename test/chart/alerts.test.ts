// Every alert has a page that says what it means and what to do, and the link to it works.
import assert from 'node:assert/strict'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import { blocksOf } from '../docs/blocks.ts'
import { type Alert, alertGroups, alerts } from './alerts.ts'

const root = new URL('../../', import.meta.url)
const text = (path: string): string => readFileSync(new URL(path, root), 'utf8')
const pageOf = ({ alert }: Alert): string => `docs/alerts/${alert}.md`

const { repository } = JSON.parse(text('package.json')) as { readonly repository: { readonly url: string } }
const home = repository.url.replace(/^git\+/, '').replace(/\.git$/, '')

/** Alerts about an event, which nothing can outlast. */
const atOnce = ['PostscreenPolicyRefused']

const units: Readonly<Record<string, string>> = { s: 'second', m: 'minute', h: 'hour' }

/** `5m` as `after 5 minutes`. */
function words(duration: string | undefined): string {
  if (duration === undefined) return 'at once'
  const [, count = '', unit = ''] = /^(\d+)([smh])$/.exec(duration) ?? assert.fail(duration)
  return `after ${count} ${units[unit]}${count === '1' ? '' : 's'}`
}

test('every alert has a page, and every page an alert', () => {
  const pages = readdirSync(new URL('docs/alerts/', root)).filter((name) => name !== 'README.md')
  assert.deepEqual(pages.toSorted(), alerts.map(({ alert }) => `${alert}.md`).toSorted())
})

test('the list of alerts has all of them in order, with their severity', () => {
  const rows = [...text('docs/alerts/README.md').matchAll(/^\| \[(\w+)\]\((\w+)\.md\) \| (\w+) \| (.+) \|$/gm)]
  assert.deepEqual(
    rows.map(([, name, page, severity]) => [name, page, severity]),
    alerts.map(({ alert, labels }) => [alert, alert, labels.severity]),
  )
})

for (const alert of alerts) {
  test(`${alert.alert}: the link to its page works`, () => {
    assert.equal(alert.annotations['runbook_url'], `${home}/blob/main/${pageOf(alert)}`)
    assert.ok(existsSync(new URL(pageOf(alert), root)))
  })

  test(`${alert.alert}: its page has the meaning, how to check and what to do`, () => {
    const page = text(pageOf(alert))
    const head = `# ${alert.alert}\n\nSeverity: ${alert.labels.severity}. It fires ${words(alert.for)}.\n\n## Meaning\n`
    assert.equal(page.slice(0, head.length), head)
    const parts = page.split(/^## /m).slice(1)
    assert.deepEqual(
      parts.map((part) => part.split('\n')[0]),
      ['Meaning', 'How to check', 'What to do'],
    )
    for (const part of parts) assert.ok(part.split('\n').slice(1).join('').length > 60, part)
    assert.ok(blocksOf(pageOf(alert), page).some(({ language }) => ['sh', 'promql'].includes(language)))
    assert.match(parts[2] ?? '', /^- /m)
  })

  test(`${alert.alert}: its texts and times make sense`, () => {
    const { summary = '', description = '' } = alert.annotations
    assert.ok(['critical', 'warning'].includes(alert.labels.severity))
    assert.equal(alert.for === undefined, atOnce.includes(alert.alert))
    assert.match(summary, /^[A-Z{].*[^.]$/)
    assert.ok(summary.length <= 120, summary)
    assert.match(description, /\.$/)
    assert.ok(!description.includes('\n'))
  })

  test(`${alert.alert}: its texts name only labels that its expression keeps`, () => {
    const kept = [...alert.expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, names = '']) => names.split(/, */))
    // An expression without an aggregation keeps all labels.
    const all = kept.length === 0 && !/\b(sum|max|min|count)\(/.test(alert.expr)
    const named = Object.values(alert.annotations).flatMap((one) => [...one.matchAll(/\$labels\.(\w+)/g)].map(([, label = '']) => label))
    assert.deepEqual(
      named.filter((label) => !all && !kept.includes(label)),
      [],
    )
  })
}

test('alerts have unique names, in two groups', () => {
  assert.equal(new Set(alerts.map(({ alert }) => alert)).size, alerts.length)
  assert.deepEqual(
    alertGroups.map(({ name }) => name),
    ['postscreen-gateway', 'postscreen-operator'],
  )
})
