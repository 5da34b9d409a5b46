// The list of sessions: the newest on top, each a line that opens to its story. Nothing moves under the reader: while a
// story is open, or the pointer or the focus is in the list, new lines wait.
import { byId, clock, count, h, icon, put, say, swatch, took } from './dom.js'
import { groupOf, groups, wordOf } from './outcomes.js'

const mostKept = 500
const shownAtFirst = 14
const chips = [
  ['on', 'known', 'Handed off'],
  ['back', 'back', 'Come back'],
  ['no', 'list', 'Refused'],
  ['hang', 'hang', 'Hung up'],
  ['none', 'none', 'No mail server'],
]
/** What the filter takes for an address or a network. */
const address = /^(?=.*[.:])[0-9a-f:.]+(?:\/\d{1,3})?$/i

export class SessionList {
  #all = []
  #known = new Set()
  #open = new Set()
  #kinds = new Set()
  #text = ''
  #only
  #shown = shownAtFirst
  #waiting = 0
  #isPaused = false
  #isHovered = false
  /** What the gateway has found for the filter. */
  #found
  #asked = 0
  #askedAt = 0
  #explain
  /** Whether the policy lets this page have what clients said. */
  showsEnvelopes = true

  /** @param explain called with an address */
  constructor(explain) {
    this.#explain = explain
    const asked = new URLSearchParams(location.hash.slice(1))
    this.#text = (asked.get('find') ?? '').trim()
    byId('find').value = this.#text
    this.#kinds = new Set((asked.get('kinds') ?? '').split(',').filter((kind) => chips.some(([id]) => id === kind)))
    this.#makeChips()
    this.#listenToTools()
    this.#listenToRows()
    if (this.#isFiltered()) void this.#search()
  }

  /** @param isWhole the others are forgotten */
  add(sessions, isWhole) {
    if (isWhole) {
      this.#all.length = 0
      this.#known.clear()
    }
    const fresh = sessions.filter(({ session }) => !this.#known.has(session))
    if (fresh.length === 0 && !isWhole) return
    for (const { session } of fresh) this.#known.add(session)
    this.#all.unshift(...fresh)
    for (const { session } of this.#all.splice(mostKept)) this.#known.delete(session)
    if (isWhole) return this.#draw()
    this.#waiting += fresh.filter((line) => this.#matches(line)).length
    this.#follow()
  }

  /** Shows only what matches: an address, a network or a text. */
  filter(text) {
    this.#text = text.trim()
    byId('find').value = text
    this.#shown = shownAtFirst
    this.#open.clear()
    byId('rows').replaceChildren()
    this.#remember()
    void this.#search()
  }

  /** Shows only this group of outcomes, or all. */
  only(id) {
    this.#only = id
    void this.#search()
  }

  #isFiltered() {
    return this.#text !== '' || this.#kinds.size > 0 || this.#only !== undefined
  }

  #matches({ outcome }) {
    const group = groupOf[outcome]
    return (this.#kinds.size === 0 || this.#kinds.has(group.kind)) && (this.#only === undefined || this.#only === group.id)
  }

  #holds() {
    return this.#isPaused || this.#isHovered || this.#open.size > 0 || byId('rows').contains(document.activeElement)
  }

  #follow() {
    if (this.#holds()) return this.#showWaiting()
    const fresh = this.#waiting
    this.#waiting = 0
    if (this.#isFiltered() && Date.now() - this.#askedAt > 2000) void this.#search()
    else this.#draw(this.#isFiltered() ? 0 : fresh)
  }

  #showWaiting() {
    byId('newer').hidden = this.#waiting === 0
    say('newer', `${count(this.#waiting)} newer, show`)
  }

  /** Asks the gateway, which remembers more sessions than this page. */
  async #search() {
    if (!this.#isFiltered()) {
      this.#found = undefined
      return this.#draw()
    }
    const asked = ++this.#asked
    this.#askedAt = Date.now()
    try {
      const response = await fetch(`live/sessions?${this.#query()}`)
      const { sessions } = response.ok ? await response.json() : { sessions: [] }
      if (asked !== this.#asked) return
      this.#found = sessions
      this.#waiting = 0
      this.#draw()
    } catch {
      // The stream says that the gateway is gone.
    }
  }

  #query() {
    const query = new URLSearchParams()
    const text = this.#text
    if (address.test(text) && (text.includes('/') || isAddress(text))) query.set('address', text)
    else if (text !== '') query.set('text', text)
    if (this.#kinds.size === 0 && this.#only === undefined) return query
    const shown = groups.filter((group) => this.#matches({ outcome: group.of[0] }))
    query.set('outcome', shown.flatMap((group) => group.of).join(','))
    return query
  }

  #draw(fresh = 0) {
    this.#showWaiting()
    const lines = (this.#isFiltered() ? (this.#found ?? this.#all) : this.#all).filter((line) => this.#matches(line))
    const rows = byId('rows')
    const before = new Map([...rows.children].map((item) => [item.dataset.session, item]))
    const items = lines.slice(0, this.#shown).map((line, i) => {
      const item = before.get(line.session) ?? this.#itemOf(line)
      item.classList.toggle('fresh', i < fresh)
      return item
    })
    if (items.length === 0) put(rows, this.#emptyItem())
    else {
      // Only what has changed is touched, so that the focus stays where it is.
      items.forEach((item, i) => {
        if (rows.children[i] !== item) rows.insertBefore(item, rows.children[i] ?? null)
      })
      while (rows.children.length > items.length) rows.lastChild.remove()
    }
    byId('more').hidden = lines.length <= this.#shown
  }

  #emptyItem() {
    if (!this.#isFiltered()) return h('li', { class: 'empty' }, 'No client has come yet. Each session will be a line here, and opens to its story.')
    return h('li', { class: 'empty' }, 'No session that the gateway remembers matches. ', h('button', { class: 'btn', id: 'clear' }, 'Clear the filter'))
  }

  #itemOf(line) {
    const row = h(
      'button',
      { class: 'row', 'aria-expanded': 'false' },
      icon('chevron', 'i'),
      h('span', { class: 't mono mute' }, clock(line.decidedAt)),
      h('span', { class: 'c mono cut', title: line.client }, line.client),
      h('span', { class: 'o' }, swatch(groupOf[line.outcome]), h('span', { class: 'cut' }, wordOf(line))),
      h('span', { class: 'w cut mute' }, h('bdi', {}, line.why)),
      h('span', { class: 'd num mute' }, took(line.decidedAt - line.began)),
    )
    const item = h('li', { 'data-session': line.session }, row)
    row.addEventListener('click', () => void this.#toggle(item, row, line))
    return item
  }

  async #toggle(item, row, line) {
    if (this.#open.delete(line.session)) {
      item.querySelector('.story')?.remove()
      row.setAttribute('aria-expanded', 'false')
      return
    }
    this.#open.add(line.session)
    row.setAttribute('aria-expanded', 'true')
    const story = h('div', { class: 'story' }, h('p', { class: 'mute' }, 'Asking for the story …'))
    item.append(story)
    story.replaceChildren(...(await this.#storyOf(line)))
  }

  async #storyOf(line) {
    const acts = h(
      'div',
      { class: 'acts' },
      h('button', { class: 'btn', onclick: () => this.#explain(line.client) }, 'Explain this address'),
      h('button', { class: 'btn', onclick: () => this.filter(line.client) }, 'Only this address'),
    )
    const worker = line.worker === undefined ? '' : `, worker ${line.worker}`
    const hidden = this.showsEnvelopes ? '' : '; what the client said is not shown: admin.showEnvelopes is false'
    const about = h('p', { class: 'small mute note any' }, `session ${line.session}${worker}${hidden}`)
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

  /** In the address of the page, so that a colleague can be sent it. */
  #remember() {
    const query = new URLSearchParams(location.hash.slice(1))
    for (const [name, value] of [['find', this.#text], ['kinds', [...this.#kinds].join()]]) {
      if (value === '') query.delete(name)
      else query.set(name, value)
    }
    history.replaceState(null, '', query.size === 0 ? location.pathname : `#${query}`)
  }

  #clear() {
    this.#kinds.clear()
    for (const chip of byId('chips').children) chip.setAttribute('aria-pressed', 'false')
    if (this.#only !== undefined) byId('legend').querySelector('[aria-pressed=true]')?.click()
    this.filter('')
  }

  #makeChips() {
    for (const [kind, id, name] of chips) {
      const onclick = (event) => {
        if (!this.#kinds.delete(kind)) this.#kinds.add(kind)
        event.currentTarget.setAttribute('aria-pressed', String(this.#kinds.has(kind)))
        this.filter(this.#text)
      }
      const group = groups.find((one) => one.id === id)
      byId('chips').append(h('button', { class: 'btn chip', 'data-kind': kind, 'aria-pressed': String(this.#kinds.has(kind)), onclick }, swatch(group), name))
    }
  }

  #listenToTools() {
    let typing
    byId('find').addEventListener('input', ({ target: { value } }) => {
      clearTimeout(typing)
      typing = setTimeout(() => this.filter(value), 200)
    })
    byId('hold').addEventListener('click', (event) => {
      this.#isPaused = !this.#isPaused
      event.currentTarget.setAttribute('aria-pressed', String(this.#isPaused))
      say('hold', this.#isPaused ? 'Follow' : 'Pause')
      if (!this.#isPaused) this.#follow()
    })
    byId('newer').addEventListener('click', () => {
      const fresh = this.#waiting
      this.#waiting = 0
      if (this.#isFiltered()) void this.#search()
      else this.#draw(fresh)
    })
    byId('more').addEventListener('click', () => {
      this.#shown += 25
      this.#draw()
    })
  }

  #listenToRows() {
    const rows = byId('rows')
    rows.addEventListener('pointerenter', () => (this.#isHovered = true))
    rows.addEventListener('pointerleave', () => {
      this.#isHovered = false
      this.#follow()
    })
    rows.addEventListener('click', (event) => {
      if (event.target.id === 'clear') this.#clear()
    })
    rows.addEventListener('keydown', (event) => {
      const item = event.target.closest('.row')?.parentNode
      const next = { ArrowDown: item?.nextSibling, ArrowUp: item?.previousSibling }[event.key]
      if (next === undefined || next === null) return
      event.preventDefault()
      next.firstChild.focus()
    })
  }
}

/** Whether it is a whole IPv4 or IPv6 address, and not its beginning. */
function isAddress(text) {
  return text.includes(':') ? /^([0-9a-f]{1,4}:){7}[0-9a-f]{1,4}$|::/i.test(text) : /^\d{1,3}(\.\d{1,3}){3}$/.test(text)
}
