// The list of sessions: the newest on top, each a line that opens to its story. Nothing moves under the reader: while a
// story is open, or the pointer or the focus is in the list, new lines wait.
import { byId, clock, count, h, icon, put, say, swatch, took } from './dom.js'
import { groupOf, groups, wordOf } from './outcomes.js'

const mostKept = 500
const shownAtFirst = 14
const chips = [
  ['on', 'known', 'Handed on'],
  ['back', 'back', 'Come back'],
  ['no', 'list', 'Turned away'],
  ['hang', 'hang', 'Hung up'],
  ['none', 'none', 'No mail server'],
]
/** What the filter takes for an address or a network. */
const address = /^(?=.*[.:])[0-9a-f:.]+(?:\/\d{1,3})?$/i

export function sessionList({ explain }) {
  const all = []
  const known = new Set()
  const open = new Set()
  const view = { kinds: new Set(), text: '', only: undefined, shown: shownAtFirst, waiting: 0, isPaused: false, isHovered: false, found: undefined, asked: 0, askedAt: 0, showsEnvelopes: true, everCame: false }

  const isFiltered = () => view.text !== '' || view.kinds.size > 0 || view.only !== undefined
  const matches = ({ outcome }) => {
    const group = groupOf[outcome]
    return (view.kinds.size === 0 || view.kinds.has(group.kind)) && (view.only === undefined || view.only === group.id)
  }
  const outcomesShown = () => groups.filter((group) => matches({ outcome: group.of[0] })).flatMap((group) => group.of)

  function add(sessions, isWhole) {
    if (isWhole) {
      all.length = 0
      known.clear()
    }
    const fresh = sessions.filter(({ session }) => !known.has(session))
    if (fresh.length === 0 && !isWhole) return
    for (const { session } of fresh) known.add(session)
    all.unshift(...fresh)
    for (const { session } of all.splice(mostKept)) known.delete(session)
    view.everCame ||= all.length > 0
    if (!isWhole) view.waiting += fresh.filter(matches).length
    if (isWhole) draw()
    else follow()
  }

  const holds = () => view.isPaused || view.isHovered || open.size > 0 || byId('rows').contains(document.activeElement)

  function follow() {
    if (holds()) return showWaiting()
    const fresh = view.waiting
    view.waiting = 0
    if (isFiltered() && Date.now() - view.askedAt > 2000) void search()
    else draw(isFiltered() ? 0 : fresh)
  }

  function showWaiting() {
    byId('newer').hidden = view.waiting === 0
    say('newer', `${count(view.waiting)} newer, show`)
  }

  /** Asks the gateway, which remembers more sessions than this page. */
  async function search() {
    if (!isFiltered()) {
      view.found = undefined
      return draw()
    }
    const query = new URLSearchParams()
    if (address.test(view.text) && (view.text.includes('/') || isAddress(view.text))) query.set('address', view.text)
    else if (view.text !== '') query.set('text', view.text)
    if (view.kinds.size > 0 || view.only !== undefined) query.set('outcome', outcomesShown().join(','))
    const asked = ++view.asked
    view.askedAt = Date.now()
    try {
      const response = await fetch(`live/sessions?${query}`)
      const { sessions } = response.ok ? await response.json() : { sessions: [] }
      if (asked !== view.asked) return
      view.found = sessions
      view.waiting = 0
      draw()
    } catch {
      // The stream says that the gateway is gone.
    }
  }

  function draw(fresh = 0) {
    showWaiting()
    const lines = (isFiltered() ? (view.found ?? all) : all).filter(matches)
    const rows = byId('rows')
    const before = new Map([...rows.children].map((item) => [item.dataset.session, item]))
    const items = lines.slice(0, view.shown).map((line, i) => {
      const item = before.get(line.session) ?? itemOf(line)
      item.classList.toggle('fresh', i < fresh)
      return item
    })
    if (items.length > 0) {
      // Only what has changed is touched, so that the focus stays where it is.
      items.forEach((item, i) => {
        if (rows.children[i] !== item) rows.insertBefore(item, rows.children[i] ?? null)
      })
      while (rows.children.length > items.length) rows.lastChild.remove()
    } else put(rows, emptyItem())
    byId('more').hidden = lines.length <= view.shown
  }

  function emptyItem() {
    if (!isFiltered()) return h('li', { class: 'empty' }, 'No client has come yet. Each session will be a line here, and opens to its story.')
    const item = h('li', { class: 'empty' }, 'No session that the gateway remembers matches. ')
    item.append(h('button', { class: 'btn', id: 'clear' }, 'Clear the filter'))
    return item
  }

  function itemOf(line) {
    const group = groupOf[line.outcome]
    const row = h(
      'button',
      { class: 'row', 'aria-expanded': 'false' },
      icon('chevron', 'i'),
      h('span', { class: 't mono mute' }, clock(line.decidedAt)),
      h('span', { class: 'c mono cut', title: line.client }, line.client),
      h('span', { class: 'o' }, swatch(group), h('span', { class: 'cut' }, wordOf(line))),
      h('span', { class: 'w cut mute' }, h('bdi', {}, line.why)),
      h('span', { class: 'd num mute' }, took(line.decidedAt - line.began)),
    )
    const item = h('li', { 'data-session': line.session }, row)
    row.addEventListener('click', () => void toggle(item, row, line))
    return item
  }

  async function toggle(item, row, line) {
    if (open.delete(line.session)) {
      item.querySelector('.story')?.remove()
      row.setAttribute('aria-expanded', 'false')
      return
    }
    open.add(line.session)
    row.setAttribute('aria-expanded', 'true')
    const story = h('div', { class: 'story' }, h('p', { class: 'mute' }, 'Asking for the story …'))
    item.append(story)
    story.replaceChildren(...(await storyOf(line)))
  }

  async function storyOf(line) {
    const acts = h(
      'div',
      { class: 'acts' },
      h('button', { class: 'btn', onclick: () => explain(line.client) }, 'Explain this address'),
      h('button', { class: 'btn', onclick: () => filter(line.client) }, 'Only this address'),
    )
    const about = h('p', { class: 'small mute note any' }, `session ${line.session}${line.worker === undefined ? '' : `, worker ${line.worker}`}${view.showsEnvelopes ? '' : '; what the client said is not shown: admin.showEnvelopes is false'}`)
    try {
      const response = await fetch(`live/session?id=${encodeURIComponent(line.session)}`)
      if (!response.ok) return [h('p', { class: 'mute' }, (await response.text()).trim()), acts]
      const { events, moreEvents } = await response.json()
      const lines = events.map(({ afterSeconds, text }) => h('li', {}, h('span', { class: 'mono mute num' }, `+${afterSeconds.toFixed(2)} s`), h('bdi', { class: 'mono any' }, text)))
      const more = moreEvents > 0 ? [h('p', { class: 'mute small' }, `${count(moreEvents)} more events were not kept.`)] : []
      return [h('ol', {}, lines), ...more, about, acts]
    } catch {
      return [h('p', { class: 'mute' }, 'The gateway does not answer.'), acts]
    }
  }

  function filter(text) {
    view.text = text.trim()
    byId('find').value = text
    view.shown = shownAtFirst
    open.clear()
    byId('rows').replaceChildren()
    remember()
    void search()
  }

  /** In the address of the page, so that a colleague can be sent it. */
  function remember() {
    const query = new URLSearchParams(location.hash.slice(1))
    for (const [name, value] of [['find', view.text], ['kinds', [...view.kinds].join()]]) {
      if (value === '') query.delete(name)
      else query.set(name, value)
    }
    history.replaceState(null, '', query.size === 0 ? location.pathname : `#${query}`)
  }

  function clear() {
    view.kinds.clear()
    for (const chip of byId('chips').children) chip.setAttribute('aria-pressed', 'false')
    if (view.only !== undefined) byId('legend').querySelector('[aria-pressed=true]')?.click()
    filter('')
  }

  const asked = new URLSearchParams(location.hash.slice(1))
  view.text = (asked.get('find') ?? '').trim()
  byId('find').value = view.text
  view.kinds = new Set((asked.get('kinds') ?? '').split(',').filter((kind) => chips.some(([id]) => id === kind)))

  for (const [kind, id, name] of chips) {
    const group = groups.find((one) => one.id === id)
    const toggleKind = (event) => {
      if (!view.kinds.delete(kind)) view.kinds.add(kind)
      event.currentTarget.setAttribute('aria-pressed', String(view.kinds.has(kind)))
      filter(view.text)
    }
    byId('chips').append(h('button', { class: 'btn chip', 'data-kind': kind, 'aria-pressed': String(view.kinds.has(kind)), onclick: toggleKind }, swatch(group), name))
  }
  let typing
  byId('find').addEventListener('input', (event) => {
    clearTimeout(typing)
    const { value } = event.target
    typing = setTimeout(() => filter(value), 200)
  })
  byId('hold').addEventListener('click', (event) => {
    view.isPaused = !view.isPaused
    event.currentTarget.setAttribute('aria-pressed', String(view.isPaused))
    say('hold', view.isPaused ? 'Follow' : 'Pause')
    if (!view.isPaused) follow()
  })
  byId('rows').addEventListener('pointerenter', () => (view.isHovered = true))
  byId('rows').addEventListener('pointerleave', () => {
    view.isHovered = false
    follow()
  })
  byId('rows').addEventListener('click', (event) => {
    if (event.target.id === 'clear') clear()
  })
  byId('rows').addEventListener('keydown', (event) => {
    const item = event.target.closest('.row')?.parentNode
    const next = { ArrowDown: item?.nextSibling, ArrowUp: item?.previousSibling }[event.key]
    if (next === undefined || next === null) return
    event.preventDefault()
    next.firstChild.focus()
  })
  byId('newer').addEventListener('click', () => {
    const fresh = view.waiting
    view.waiting = 0
    if (isFiltered()) void search()
    else draw(fresh)
  })
  byId('more').addEventListener('click', () => {
    view.shown += 25
    draw()
  })
  if (isFiltered()) void search()

  return {
    add,
    filter,
    only(id) {
      view.only = id
      void search()
    },
    showsEnvelopes(is) {
      view.showsEnvelopes = is
    },
    get kept() {
      return all.length
    },
  }
}

/** Whether it is a whole IPv4 or IPv6 address, and not its beginning. */
function isAddress(text) {
  return text.includes(':') ? /^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$|::/i.test(text) : /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
}
