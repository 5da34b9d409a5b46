// The list of policies: one line each, which opens to its conditions and gateways.
import { byId, count, duration, h, icon, percent, put, say, state, svg } from './dom.js'

const toneSign = { ok: 'ok', warn: 'warn', bad: 'bad', going: 'half' }
const keyOf = ({ namespace, name }) => `${namespace}/${name}`
const ageOf = (at, time) => (Number.isNaN(Date.parse(time ?? '')) ? '–' : duration(at - Date.parse(time)).split(' ').slice(0, 2).join(' '))

export class PolicyList {
  #policies = []
  #at = 0
  #open = new Set()
  #onlyTroubled = false
  #text = ''

  constructor() {
    byId('find').addEventListener('input', ({ target }) => {
      this.#text = target.value.trim().toLowerCase()
      this.#draw()
    })
    byId('only').addEventListener('click', ({ target }) => {
      this.#onlyTroubled = !this.#onlyTroubled
      target.setAttribute('aria-pressed', String(this.#onlyTroubled))
      this.#draw()
    })
    byId('pols').addEventListener('click', ({ target }) => {
      const row = target.closest('.row')
      if (row !== null) this.#toggle(row.dataset.key)
    })
    byId('pols').addEventListener('keydown', (event) => {
      const step = { ArrowDown: 1, ArrowUp: -1 }[event.key]
      if (step === undefined) return
      event.preventDefault()
      const rows = [...byId('pols').querySelectorAll('.row')]
      rows[rows.indexOf(document.activeElement) + step]?.focus()
    })
  }

  /** @param leads whether this operator knows the policies */
  show({ policies, at, leads }) {
    this.#policies = policies
    this.#at = at
    const ready = policies.filter(({ verdict }) => verdict.tone === 'ok').length
    say('polinfo', policies.length === 0 ? '' : `${ready} of ${policies.length} ready`)
    this.#draw(leads)
  }

  #toggle(key) {
    if (!this.#open.delete(key)) this.#open.add(key)
    this.#draw()
  }

  #draw(leads = true) {
    const matches = (one) => this.#text === '' || JSON.stringify(one).toLowerCase().includes(this.#text)
    const shown = this.#policies.filter((one) => matches(one) && (!this.#onlyTroubled || one.attention.length > 0))
    const focused = document.activeElement?.dataset?.key
    put('pols', shown.length > 0 ? shown.map((one) => this.#item(one)) : h('li', { class: 'mute any' }, emptyText(this.#policies.length, leads)))
    if (focused !== undefined) [...byId('pols').querySelectorAll('.row')].find(({ dataset }) => dataset.key === focused)?.focus()
  }

  #item(one) {
    const key = keyOf(one)
    const isOpen = this.#open.has(key)
    return h('li', {}, lineOf(one, key, isOpen, this.#at), isOpen && storyOf(one, this.#at))
  }
}

const emptyText = (all, leads) =>
  all > 0 ? 'No policy matches.' : leads ? 'There is no PostscreenPolicy in the namespaces that this operator watches.' : 'The operator that leads knows the policies.'

function lineOf(one, key, isOpen, at) {
  const { namespace, name, mode, verdict, attention, createdAt, addresses, isManaged, hour } = one
  const minute = hour?.at(-2)
  const cells = [
    icon('chevron', 'i'),
    h('span', { class: 'n', title: key }, h('span', { class: 'mute' }, `${namespace}/`), h('b', {}, name)),
    h('span', { class: 'm' }, mode),
    h('span', { class: 'r' }, state(toneSign[verdict.tone], verdict.word)),
    h('span', { class: 'num o3' }, generationOf(one)),
    h('span', { class: 'o3' }, isManaged ? [boxes(one), `${one.updated} of ${one.total}`] : 'your own'),
    h('span', { class: 'num s' }, minute === undefined ? '–' : count(minute[2])),
    h('span', { class: 'o2' }, hour === undefined ? '' : spark(hour)),
    h('span', { class: 'num o3' }, minute === undefined ? '–' : percent(minute[1], minute[2])),
    h('span', { class: 'o2 mono', title: addresses.join(', ') }, isManaged ? (addresses[0] ?? '–') : ''),
    h('span', { class: 'num o2' }, ageOf(at, createdAt)),
    attention.length > 0 && h('span', { class: 'why' }, attention.map(({ sentence }) => sentence).join(' · ')),
  ]
  return h('button', { class: 'row pol', 'data-key': key, 'aria-expanded': String(isOpen) }, cells)
}

const generationOf = ({ generation, inForce }) => (inForce === undefined || inForce === generation ? String(generation) : `${inForce} → ${generation}`)

/** One for each pod: full takes clients, outlined red does not, outlined grey starts or drains. */
const boxes = ({ gateways }) =>
  h('span', { class: 'boxes', 'aria-hidden': 'true' }, gateways.slice(0, 8).map(({ ready, isEnding, trouble }) => h('i', { class: isEnding ? 'wait' : ready ? '' : trouble === undefined ? 'wait' : 'no' })))

/** Handed off below, refused above; each policy has its own scale. */
function spark(hour) {
  const [width, height] = [140, 22]
  const most = Math.max(1, ...hour.map(([on, no]) => on + no))
  const step = width / hour.length
  const paths = { on: '', no: '' }
  hour.forEach(([on, no], i) => {
    const [x, top, middle] = [(i * step).toFixed(1), ((on + no) / most) * (height - 1), (on / most) * (height - 1)]
    const bar = (from, to) => `M${x} ${(height - from).toFixed(1)}V${(height - to).toFixed(1)}h${(step - 0.5).toFixed(1)}V${(height - from).toFixed(1)}z`
    if (on > 0) paths.on += bar(0, middle)
    if (no > 0) paths.no += bar(middle, top)
  })
  const element = svg('svg', { class: 'spark', viewBox: `0 0 ${width} ${height}`, 'aria-hidden': 'true' })
  svg('line', { x1: 0, x2: width, y1: height - 0.5, y2: height - 0.5 }, element)
  for (const [name, d] of Object.entries(paths)) svg('path', { class: name, d }, element)
  return element
}

/** Stalled and Reconciling are good when they are false. */
const signOf = ({ type, status }) => (status === 'Unknown' ? 'idle' : (status === 'True') === !['Stalled', 'Reconciling'].includes(type) ? 'ok' : type === 'Reconciling' ? 'half' : 'warn')

function storyOf({ namespace, name, conditions, gateways, attention, notices, isManaged }, at) {
  const advice = attention.map((one) => one.advice).filter((text) => text !== '')
  const rows = gateways.map((one) =>
    h('tr', {}, h('td', { class: 'mono' }, one.name), h('td', {}, state(one.isEnding ? 'half' : one.ready ? 'ok' : one.trouble === undefined ? 'half' : 'bad', one.isEnding ? 'drains' : one.ready ? 'ready' : 'not ready')), h('td', { class: 'num' }, one.sessions === undefined ? '–' : `${count(one.sessions)}/min`), h('td', { class: 'num mute' }, ageOf(at, one.startedAt)), one.trouble && h('td', { class: 'msg' }, one.trouble)),
  )
  const pods = !isManaged ? h('p', { class: 'mute' }, 'The operator runs no gateways for this policy: spec.gateway is not set.') : rows.length === 0 ? h('p', { class: 'mute' }, 'There is no pod.') : h('table', {}, h('tbody', {}, rows))
  return h(
    'div',
    { class: 'open' },
    h('div', {}, h('h3', {}, 'Conditions'), h('table', {}, h('tbody', {}, conditions.map((one) => h('tr', {}, h('td', {}, state(signOf(one), one.type)), h('td', {}, one.reason), h('td', { class: 'msg' }, one.message), h('td', { class: 'num mute' }, ageOf(at, one.since))))))),
    h('div', {}, h('h3', {}, 'Gateways'), pods, notices.map((text) => h('p', { class: 'msg' }, text))),
    h('div', { class: 'cmd mono' }, [...advice, `kubectl -n ${namespace} describe postscreenpolicy ${name}`].join('\n')),
  )
}
