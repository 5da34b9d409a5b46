// The plot of the last hour: sixty-one stacked bars, one for each minute; SVG, so that a theme costs nothing.
import { count, minuteOf, svg } from './dom.js'
import { groups } from './outcomes.js'

const left = 40
const top = 8
const bottom = 20
const minuteMs = 60_000

export class Plot {
  #element
  #onRead
  #data
  #cursor
  #only
  #width = 600
  #parts

  /** @param onRead called with the minute that is read, or undefined */
  constructor(element, onRead) {
    this.#element = element
    this.#onRead = onRead
    const grid = svg('g', { class: 'grid' }, element)
    const clip = svg('rect', {}, svg('clipPath', { id: 'plot-clip' }, element))
    const area = svg('g', { 'clip-path': 'url(#plot-clip)' }, element)
    this.#parts = {
      grid,
      clip,
      layers: groups.map(({ id }) => svg('path', { class: 'layer', 'data-o': id }, area)),
      partial: svg('rect', { class: 'partial' }, area),
      marks: svg('g', { class: 'marks' }, area),
      hair: svg('rect', { class: 'hair', visibility: 'hidden' }, area),
      axis: svg('g', {}, element),
    }
    this.#listen()
    new ResizeObserver(() => this.#draw()).observe(element)
  }

  /** @param data rows, one for each minute; at, lastMinute, marks */
  show(data) {
    const isFirst = this.#data === undefined
    this.#data = data
    if (isFirst) this.#read(undefined)
    else this.#draw()
  }

  /** Draws only one group of outcomes, or all. */
  only(id) {
    this.#only = id
    this.#draw()
  }

  #shownOf(row) {
    return groups.map(({ id }) => (this.#only === undefined || this.#only === id ? row[id] : 0))
  }

  #draw() {
    if (this.#data === undefined) return
    const { rows, at, lastMinute } = this.#data
    const { clip, partial, hair } = this.#parts
    const height = this.#element.clientHeight || 196
    this.#width = this.#element.clientWidth || 600
    const [inner, tall] = [this.#width - left, height - top - bottom]
    const step = inner / (rows.length - 1)
    set(this.#element, { viewBox: `0 0 ${this.#width} ${height}` })
    set(clip, { x: left, y: 0, width: inner, height })
    const most = Math.max(5, ...rows.map((row) => this.#shownOf(row).reduce((sum, one) => sum + one, 0)))
    const unit = unitOf(most)
    const roof = Math.ceil(most / unit) * unit
    const moved = Math.min(1, Math.max(0, (at - lastMinute) / minuteMs))
    const x = (i) => left + (i - moved) * step
    const y = (value) => top + tall - (value / roof) * tall
    const width = Math.max(1, step - (step > 5 ? 1.5 : 0.6))
    this.#drawGrid(roof, unit, y)
    this.#drawBars(x, y, width)
    this.#drawTimes(x, width, height)
    this.#drawMarks(x, tall)
    set(partial, { x: x(rows.length - 1), y: top, width, height: tall })
    set(hair, { visibility: this.#cursor === undefined ? 'hidden' : 'visible', x: x(this.#cursor ?? 0) - 1, y: top, width: width + 2, height: tall })
    this.#onRead(this.#cursor)
  }

  #drawBars(x, y, width) {
    const paths = groups.map(() => '')
    this.#data.rows.forEach((row, i) => {
      let sum = 0
      this.#shownOf(row).forEach((value, k) => {
        if (value === 0) return
        const [from, to] = [y(sum), y(sum + value)]
        sum += value
        paths[k] += `M${x(i).toFixed(1)} ${from.toFixed(1)}V${(to + (from - to > 2.2 ? 0.7 : 0)).toFixed(1)}h${width.toFixed(1)}V${from.toFixed(1)}z`
      })
    })
    this.#parts.layers.forEach((layer, k) => layer.setAttribute('d', paths[k]))
  }

  #drawGrid(roof, unit, y) {
    const { grid } = this.#parts
    grid.replaceChildren()
    for (let value = 0; value <= roof; value += unit) {
      svg('line', { class: value === 0 ? 'base' : '', x1: left, x2: this.#width, y1: y(value), y2: y(value) }, grid)
      svg('text', { class: 'y', x: left - 8, y: y(value) + 4 }, grid).textContent = count(value)
    }
  }

  #drawTimes(x, width, height) {
    const { rows, lastMinute } = this.#data
    const { axis } = this.#parts
    axis.replaceChildren()
    for (let i = 0; i < rows.length; i++) {
      const time = lastMinute - (rows.length - 1 - i) * minuteMs
      if (new Date(time).getUTCMinutes() % 10 !== 0 || x(i) < left + 8 || x(i) > this.#width - 20) continue
      svg('text', { class: 'x', x: x(i) + width / 2, y: height - 4 }, axis).textContent = minuteOf(time)
    }
  }

  #drawMarks(x, tall) {
    const { marks: all, rows, lastMinute } = this.#data
    const { marks } = this.#parts
    marks.replaceChildren()
    for (const { at, text } of all) {
      const place = x(rows.length - 1 + (at - lastMinute) / minuteMs)
      if (place < left) continue
      svg('line', { x1: place, x2: place, y1: top, y2: top + tall }, marks)
      const isLast = place > this.#width - 70
      const label = svg('text', { x: place + (isLast ? -5 : 5), y: top + 9, ...(isLast && { 'text-anchor': 'end' }) }, marks)
      label.textContent = text
    }
  }

  #read(place) {
    if (this.#data === undefined) return
    const { rows, lastMinute } = this.#data
    this.#cursor = place === undefined ? undefined : Math.max(0, Math.min(rows.length - 1, place))
    this.#draw()
    const i = this.#cursor ?? rows.length - 2
    const spoken = groups.toReversed().map(({ id, name }) => `${count(rows[i][id])} ${name}`)
    this.#element.setAttribute('aria-valuenow', i)
    this.#element.setAttribute('aria-valuetext', `${minuteOf(lastMinute - (rows.length - 1 - i) * minuteMs)}: ${spoken.join(', ')}`)
  }

  #listen() {
    const element = this.#element
    element.addEventListener('pointermove', (event) => {
      if (this.#data === undefined) return
      const { rows, at, lastMinute } = this.#data
      const share = (event.clientX - element.getBoundingClientRect().left - left) / (this.#width - left)
      this.#read(Math.floor(share * (rows.length - 1) + Math.min(1, (at - lastMinute) / minuteMs)))
    })
    element.addEventListener('pointerleave', () => this.#read(undefined))
    element.addEventListener('blur', () => this.#read(undefined))
    element.addEventListener('keydown', (event) => {
      if (this.#data === undefined) return
      const last = this.#data.rows.length - 1
      const now = this.#cursor ?? last
      const places = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, Escape: undefined }
      if (!Object.hasOwn(places, event.key)) return
      event.preventDefault()
      this.#read(places[event.key])
    })
  }
}

function set(node, props) {
  for (const [name, value] of Object.entries(props)) node.setAttribute(name, value)
}

/** At most five lines, in round steps. */
function unitOf(most) {
  for (let ten = 1; ; ten *= 10) for (const unit of [ten, 2 * ten, 5 * ten]) if (most / unit <= 4.2) return unit
}
