// The live page of the operator: all policies and gateways.
import { byId, bytes, clock, count, duration, h, icon, inWords, minuteOf, percent, plural, put, say, swatch } from './dom.js'
import { byGroup, groups, refusedOf, totalOf } from './outcomes.js'
import { Plot } from './plot.js'
import { PolicyList } from './policies.js'
import { follow } from './stream.js'
import { startTheme } from './theme.js'

const minuteMs = 60_000
let state
let rows = []
const list = new PolicyList()
const plot = new Plot(byId('plot'), (cursor) => drawLegend(cursor))

const keyOf = ({ namespace, name }) => `${namespace}/${name}`

/** An update has the policies that have changed, and the names of all. */
function merged(fresh, isWhole) {
  if (isWhole || state === undefined) return fresh
  const known = new Map([...state.policies, ...fresh.policies].map((one) => [keyOf(one), one]))
  return { ...fresh, policies: fresh.names.map((name) => known.get(name)).filter((one) => one !== undefined) }
}

function hear(fresh, isWhole) {
  state = merged(fresh, isWhole)
  document.body.classList.remove('s-lost')
  showHealth(healthOf())
  put('live', icon('ok', 'g ok'), 'Live')
  say('clock', clock(state.at))
  const { identity, namespaces, version, startedAt } = state.operator
  put('where', [identity !== '' && h('span', { class: 'mono' }, identity), h('span', {}, namespaces.length === 0 ? 'all namespaces' : namespaces.join(', ')), h('span', {}, `${version}, up ${duration(state.at - startedAt)}`)])
  drawHour()
  drawOperator()
  list.show({ policies: state.policies, at: state.at, leads: leads() })
  drawEvents()
  drawVersions()
}

const leads = () => state.operator.leadsSince !== undefined
const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1)
/** No watch has received anything, not even a bookmark, for so long. */
const silentMs = 3 * 60_000

/** The worst thing that is known. */
function healthOf() {
  const { policies, at, operator } = state
  const facts = factsOf()
  if (!leads()) {
    const todo = operator.lease === '' ? [] : [`Which one: kubectl -n ${operator.lease.split('/')[0]} get lease ${operator.lease.split('/')[1]}`]
    return { is: 'idle', text: 'This operator stands by: another one leads.', facts: 'It takes over when the lease expires. Gateways need neither.', todo }
  }
  const silent = operator.heardAt !== undefined && at - operator.heardAt > silentMs
  const troubled = policies.filter(({ attention }) => attention.some(({ tone }) => tone !== 'going'))
  const going = policies.filter(({ attention }) => attention.length > 0).length - troubled.length
  if (silent) return { is: 'warn', text: `What you see may be old: the API server was last heard of ${duration(at - operator.heardAt)} ago.`, facts: 'Gateways need neither it nor the operator.', todo: [] }
  if (policies.length === 0) return { is: 'idle', text: 'There is no PostscreenPolicy yet.', facts: 'Apply one: kubectl apply -f docs/examples/policy.yaml', todo: [] }
  if (troubled.length > 0) {
    const isBad = troubled.some(({ attention }) => attention.some(({ tone }) => tone === 'bad'))
    const moves = going === 0 ? '' : `; ${inWords(going)} ${going === 1 ? 'is' : 'are'} on ${going === 1 ? 'its' : 'their'} way`
    const text = policies.length === 1 ? 'The policy needs attention.' : `${sentenceCase(inWords(troubled.length))} of ${inWords(policies.length)} policies ${troubled.length === 1 ? 'needs' : 'need'} attention${moves}.`
    return { is: isBad ? 'bad' : 'warn', text, facts, todo: todoOf(troubled) }
  }
  if (going > 0) return { is: 'half', text: `${sentenceCase(inWords(going))} of ${inWords(policies.length)} policies ${going === 1 ? 'is' : 'are'} on ${going === 1 ? 'its' : 'their'} way.`, facts, todo: [] }
  return { is: 'ok', text: policies.length === 1 ? 'All is well: the policy is ready.' : `All is well: ${inWords(policies.length)} policies are ready.`, facts, todo: [] }
}

const weight = { bad: 0, warn: 1, going: 2 }

/** The worst first. */
function todoOf(troubled) {
  const all = troubled.flatMap((one) => one.attention.map((attention) => ({ ...attention, key: keyOf(one) }))).filter(({ tone }) => tone !== 'going')
  const lines = all.toSorted((a, b) => weight[a.tone] - weight[b.tone]).map(({ key, sentence, advice }) => `${key}: ${sentence}.${advice === '' ? '' : ` ${advice}`}`)
  return lines.length > 4 ? [...lines.slice(0, 3), `and ${lines.length - 3} more, in the list below`] : lines
}

function factsOf() {
  const gateways = state.policies.flatMap((one) => one.gateways)
  const row = byGroup(state.hour.minutes.at(-2) ?? [], state.outcomes)
  const total = totalOf(row)
  const ready = gateways.filter((one) => one.ready).length
  return `${plural(total, 'session')} in the last minute at ${plural(gateways.length, 'gateway')}, ${ready} of them ready${total === 0 ? '' : `; ${percent(refusedOf(row), total)} refused`}.`
}

function showHealth({ is, text, facts, todo }) {
  byId('health').className = `panel health is-${is}`
  put('sign', icon(is))
  say('sentence', text)
  say('facts', facts)
  put('todo', todo.map((line) => h('li', {}, icon('chevron'), h('span', {}, line))))
  document.title = `${{ warn: '▲ ', bad: '■ ', idle: '○ ', half: '○ ' }[is] ?? ''}Postscreen operator`
}

function drawHour() {
  const { hour, outcomes, at } = state
  rows = hour.minutes.map((row) => byGroup(row, outcomes))
  plot.show({ rows, at, lastMinute: hour.lastMinute, marks: [] })
  const last = rows.at(-2)
  const total = totalOf(last)
  say('permin', count(total))
  say('share', total === 0 ? 'in the last minute' : `${percent(refusedOf(last), total)} refused`)
}

function drawLegend(cursor) {
  if (rows.length === 0) return
  const row = rows[cursor ?? rows.length - 2]
  const whole = rows.slice(0, -1)
  const sum = (of) => whole.reduce((total, one) => total + of(one), 0)
  const all = sum(totalOf)
  say('l-at', cursor === undefined ? 'a minute' : minuteOf(state.hour.lastMinute - (rows.length - 1 - cursor) * minuteMs))
  const line = (group) => h('tr', {}, h('td', {}, h('span', { class: 'state' }, swatch(group), group.name)), h('td', { class: 'num' }, count(row[group.id])), h('td', { class: 'num' }, count(sum((one) => one[group.id]))), h('td', { class: 'num mute' }, percent(sum((one) => one[group.id]), all)))
  put(byId('legend').tBodies[0], groups.toReversed().map(line), h('tr', { class: 'sum' }, h('td', { class: 'mute' }, 'All'), h('td', { class: 'num' }, count(totalOf(row))), h('td', { class: 'num' }, count(all)), h('td')))
}

function drawOperator() {
  const { operator, at } = state
  const { heardAt, leadsSince, waiting, passes, changes, requests, memoryBytes, lease } = operator
  say('opinfo', leads() ? 'leads' : 'stands by')
  const entry = (term, text) => [h('dt', {}, term), h('dd', {}, text)]
  put('op', [
    ...entry('API server', heardAt === undefined ? (leads() ? 'not heard of yet' : 'not watched') : `heard of ${duration(at - heardAt)} ago`),
    ...entry('Lease', lease === '' ? 'no election' : leads() ? `held for ${duration(at - leadsSince)}` : 'held by another operator'),
    ...entry('Waiting', plural(waiting, 'policy', 'policies')),
    ...entry('Passes', `${count(passes.count)}, ${passes.failed === 0 ? 'none failed' : `${count(passes.failed)} failed`}`),
    ...entry('A pass takes', passes.count === 0 ? '–' : `${Math.max(1, Math.round(passes.meanMs))} ms on average`),
    ...entry('Changes', `${count(changes)} objects created, changed or removed`),
    ...entry('Requests', `${count(requests.count)}, ${requests.failed === 0 ? 'none failed' : `${count(requests.failed)} failed`}`),
    ...entry('Memory', bytes(memoryBytes)),
  ])
}

function drawEvents() {
  const line = ({ at, policy, type, reason, note }) => h('tr', {}, h('td', { class: 'mono' }, clock(at)), h('td', {}, policy), h('td', {}, type === 'Warning' && icon('warn', 'g warn'), type === 'Warning' && ' ', h('b', {}, reason), ' ', h('span', { class: 'mute' }, note)))
  put(byId('events').tBodies[0], state.events.length > 0 ? state.events.slice(0, 20).map(line) : h('tr', {}, h('td', { class: 'mute' }, 'Nothing since it leads.')))
}

function drawVersions() {
  const all = state.policies.flatMap((one) => one.gateways)
  const known = Object.entries(Object.groupBy(all, ({ version }) => version ?? '')).toSorted(([a], [b]) => (a < b ? 1 : -1))
  const line = ([version, some]) => h('tr', {}, h('td', { class: 'mono' }, version === '' ? 'not known' : version), h('td', { class: 'num' }, plural(some.length, 'gateway')))
  put(byId('vers').tBodies[0], known.length > 0 ? known.map(line) : h('tr', {}, h('td', { class: 'mute' }, 'No gateway runs.')))
}

const outcomeSign = { handedOff: 'ok', refused: 'bad', dropped: 'bad', deferred: 'warn', healthCheck: 'idle' }

async function explain(address) {
  const box = byId('explain')
  box.hidden = address === ''
  if (address === '') return
  const title = (...kids) => h('div', { class: 'head' }, h('h2', {}, h('span', { class: 'mono' }, address), ...kids))
  put(box, title(': one gateway of each policy is asked …'))
  try {
    const response = await fetch(`explain?address=${encodeURIComponent(address)}`)
    if (!response.ok) return put(box, title(': ', (await response.text()).trim()))
    const { policies, leftOut } = await response.json()
    const line = (one) => h('li', {}, h('span', {}, h('span', { class: 'mute' }, `${one.namespace}/`), h('b', {}, one.name)), h('span', {}, icon(outcomeSign[one.outcome] ?? 'idle', `g ${outcomeSign[one.outcome] ?? 'idle'}`), ' ', one.sentence ?? one.why))
    put(box, title(policies.length === 0 ? ': there is no policy' : ''), h('ul', {}, policies.map(line)), leftOut > 0 && h('p', { class: 'mute' }, `and ${leftOut} policies that were not asked`))
  } catch {
    put(box, title(': the operator does not answer'))
  }
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
    const act = { '/': () => byId('ask').focus(), f: () => byId('find').focus(), t: () => byId('theme').click() }[event.key]
    if (act === undefined) return
    event.preventDefault()
    act()
  })
}

startTheme()
listenToKeys()
byId('askform').addEventListener('submit', (event) => {
  event.preventDefault()
  void explain(byId('ask').value.trim())
})
follow('live/events', {
  onState: hear,
  onLost({ retryMs, lastAt, full }) {
    document.body.classList.add('s-lost')
    put('live', icon('idle', 'g idle'), 'Reconnecting')
    const text = full ? 'Many people look at this page already.' : retryMs > 0 ? `No word from the operator. Trying again in ${Math.ceil(retryMs / 1000)} s.` : 'No word from the operator. Trying again.'
    showHealth({ is: 'idle', text, facts: lastAt === undefined ? '' : `What you see is from ${clock(lastAt)}. Gateways work without the operator.`, todo: [] })
  },
})
