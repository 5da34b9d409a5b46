// The live page of a gateway: follows the stream of its state and draws it.
import { byId, clock, count, h, icon, minuteOf, percent, put, say, swatch } from './dom.js'
import { explain } from './explain.js'
import { healthOf, lostHealth } from './health.js'
import { byGroup, groups, refusedOf, totalOf } from './outcomes.js'
import { drawBans, drawHeader, drawLimits, drawLists, drawLive, drawMailServers, drawNetworks, drawPhases, drawPolicy, drawProcess, drawToday } from './panels.js'
import { Plot } from './plot.js'
import { SessionList } from './sessions.js'
import { follow } from './stream.js'
import { startTheme } from './theme.js'

const minuteMs = 60_000
let state
let rows = []
let before
let rate = { sessions: 0, leftOut: 0 }
let isCounting = false

const ask = (address) => {
  byId('ask').value = address
  byId('ask').scrollIntoView({ block: 'center' })
  void explain(address)
}
const list = new SessionList(ask)
const plot = new Plot(byId('plot'), (cursor) => drawLegend(cursor))

/** Merges the last minutes of an update into the hour. */
function merged(hour, isWhole) {
  if (isWhole || state?.hour === null || state === undefined || hour === null) return hour
  const begun = Math.max(0, Math.round((hour.lastMinute - state.hour.lastMinute) / minuteMs))
  const known = [...state.hour.minutes, ...Array.from({ length: begun }, () => [])].slice(begun)
  return { ...hour, minutes: [...known.slice(0, -hour.minutes.length), ...hour.minutes] }
}

function hear(fresh, isWhole) {
  const hour = merged(fresh.hour, isWhole)
  before = state?.process
  state = { ...fresh, hour }
  // The first update behind a whole state may cover more than a second.
  rate = isWhole || !isCounting ? { sessions: 0, leftOut: 0 } : { sessions: fresh.sessions.length, leftOut: fresh.sessionsLeftOut }
  isCounting = !isWhole
  list.showsEnvelopes = state.policy?.showEnvelopes !== false
  list.add(fresh.sessions, isWhole)
  draw()
}

function draw() {
  const isAudit = state.policy?.mode === 'Audit'
  document.body.className = isAudit ? 's-audit' : ''
  showHealth(healthOf(state))
  drawLive(true)
  say('clock', clock(state.at))
  drawHeader(state)
  drawHour(isAudit)
  drawToday(state)
  drawLists(state)
  drawMailServers(state)
  drawPhases(state)
  drawLimits(state)
  drawPolicy(state)
  drawNetworks(state)
  drawBans(state)
  drawProcess(state, before)
  say('rate', rateText())
}

const rateText = () => {
  const all = rate.sessions + rate.leftOut
  if (state.policy?.sessionsKept === 0) return 'none are kept: explain.recentSessions is 0'
  if (all === 0) return ''
  return `${count(all)} a second, ${rate.leftOut > 0 ? `${percent(rate.sessions, all)} of them shown` : 'all shown'}`
}

function showHealth({ is, text, facts, todo }) {
  byId('health').className = `panel health is-${is}`
  put('sign', icon(is))
  say('sentence', text)
  say('facts', facts)
  put('todo', todo.map((line) => h('li', {}, icon('chevron'), h('span', {}, line))))
  const sign = { warn: '▲ ', bad: '■ ', idle: '○ ', half: '○ ' }[is] ?? ''
  document.title = `${sign}${state?.policy?.name ?? 'no policy'} · Postscreen gateway`
}

function drawHour(isAudit) {
  const { hour, outcomes, marks, at } = state
  if (hour === null) return
  rows = hour.minutes.map((row) => byGroup(row, outcomes))
  plot.show({ rows, at, lastMinute: hour.lastMinute, marks })
  const last = rows.at(-2)
  const total = totalOf(last)
  say('plotinfo', isAudit ? 'pale: handed off, but Enforce mode would not' : 'last hour, by how they ended')
  say('permin', count(total))
  say('share', total === 0 ? 'in the last minute' : `${percent(refusedOf(last), total)} ${isAudit ? 'would be refused' : 'refused'}`)
}

function drawLegend(cursor) {
  if (rows.length === 0) return
  const row = rows[cursor ?? rows.length - 2]
  const whole = rows.slice(0, -1)
  const hourOf = (id) => whole.reduce((sum, one) => sum + one[id], 0)
  const all = whole.reduce((sum, one) => sum + totalOf(one), 0)
  say('l-at', cursor === undefined ? 'a minute' : minuteOf(state.hour.lastMinute - (rows.length - 1 - cursor) * minuteMs))
  for (const { id } of groups) {
    const line = byId(`legend-${id}`)
    line.hidden = id === 'none' && hourOf(id) + rows.at(-1)[id] === 0
    const texts = [count(row[id]), count(hourOf(id)), percent(hourOf(id), all)]
    texts.forEach((text, i) => {
      if (line.cells[i + 1].textContent !== text) line.cells[i + 1].textContent = text
    })
  }
  say('legend-minute', count(totalOf(row)))
  say('legend-hour', count(all))
}

let only
function isolate(id) {
  only = only === id ? undefined : id
  for (const group of groups) {
    const line = byId(`legend-${group.id}`)
    line.classList.toggle('off', only !== undefined && only !== group.id)
    line.querySelector('button').setAttribute('aria-pressed', String(only === group.id))
  }
  plot.only(only)
  list.only(only)
}

function makeLegend() {
  const line = (group) =>
    h('tr', { id: `legend-${group.id}` }, h('td', {}, h('button', { 'aria-pressed': 'false', title: 'Show only these, here and below', onclick: () => isolate(group.id) }, swatch(group), h('span', { class: 'lab' }, group.name))), h('td', { class: 'num' }), h('td', { class: 'num' }), h('td', { class: 'num mute' }))
  byId('legend').tBodies[0].append(...groups.toReversed().map(line), h('tr', { class: 'sum' }, h('td', { class: 'mute' }, 'All'), h('td', { class: 'num', id: 'legend-minute' }), h('td', { class: 'num', id: 'legend-hour' }), h('td')))
}

function listenToKeys() {
  addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target.matches?.('input')) {
      if (event.key !== 'Escape') return
      if (event.target.id === 'ask') byId('explain').hidden = true
      event.target.blur()
      return
    }
    const act = { '/': () => byId('ask').focus(), f: () => byId('find').focus(), p: () => byId('hold').click(), t: () => byId('theme').click() }[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  })
}

byId('nets').addEventListener('click', ({ target }) => {
  if (!target.matches('button')) return
  list.filter(target.textContent)
  byId('p-tail').scrollIntoView({ block: 'start' })
})
startTheme()
makeLegend()
listenToKeys()
if (innerWidth < 760) for (const field of document.querySelectorAll('.field')) field.placeholder = field.placeholder.replace(/ +\( . \)/, '')
byId('askform').addEventListener('submit', (event) => {
  event.preventDefault()
  void explain(byId('ask').value.trim())
})
const asked = new URLSearchParams(location.hash.slice(1)).get('ask')
if (asked !== null) ask(asked)
follow('live/events', {
  onState: hear,
  onLost(lost) {
    document.body.classList.add('s-lost')
    drawLive(false)
    showHealth(lostHealth({ ...lost, at: Date.now() }))
  },
})
