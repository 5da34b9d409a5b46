// The plot of the last hour: sixty-one stacked bars, one for each minute; SVG, so that a theme costs nothing.
import { count, minuteOf, svg } from './dom.js'
import { groups } from './outcomes.js'

const left = 34
const top = 8
const bottom = 20
const minuteMs = 60_000

/**
 * @param onRead called with the minute that is read, or undefined
 * @returns {{ show: (data: object) => void, only: (id: string | undefined) => void }}
 */
export function plotOf(element, onRead) {
  const grid = svg('g', { class: 'grid' }, element)
  const clip = svg('rect', {}, svg('clipPath', { id: 'plot-clip' }, element))
  const area = svg('g', { 'clip-path': 'url(#plot-clip)' }, element)
  const layers = groups.map(({ id }) => svg('path', { class: 'layer', 'data-o': id }, area))
  const partial = svg('rect', { class: 'partial' }, area)
  const marks = svg('g', { class: 'marks' }, area)
  const hair = svg('rect', { class: 'hair', visibility: 'hidden' }, area)
  const axis = svg('g', {}, element)
  const view = { data: undefined, cursor: undefined, only: undefined, width: 600 }

  const set = (node, props) => {
    for (const [name, value] of Object.entries(props)) node.setAttribute(name, value)
  }
  const shownOf = (row) => groups.map(({ id }) => (view.only === undefined || view.only === id ? row[id] : 0))

  function draw() {
    if (view.data === undefined) return
    const { rows, at, lastMinute } = view.data
    const height = element.clientHeight || 196
    view.width = element.clientWidth || 600
    const [inner, tall] = [view.width - left, height - top - bottom]
    const step = inner / (rows.length - 1)
    set(element, { viewBox: `0 0 ${view.width} ${height}` })
    set(clip, { x: left, y: 0, width: inner, height })
    const most = Math.max(5, ...rows.map((row) => shownOf(row).reduce((sum, one) => sum + one, 0)))
    const unit = unitOf(most)
    const roof = Math.ceil(most / unit) * unit
    const y = (value) => top + tall - (value / roof) * tall
    const moved = Math.min(1, Math.max(0, (at - lastMinute) / minuteMs))
    const x = (i) => left + (i - moved) * step
    const width = Math.max(1, step - (step > 5 ? 1.5 : 0.6))
    drawGrid(roof, unit, y)
    const paths = groups.map(() => '')
    rows.forEach((row, i) => {
      let sum = 0
      shownOf(row).forEach((value, k) => {
        if (value === 0) return
        const [from, to] = [y(sum), y(sum + value)]
        sum += value
        paths[k] += `M${x(i).toFixed(1)} ${from.toFixed(1)}V${(to + (from - to > 2.2 ? 0.7 : 0)).toFixed(1)}h${width.toFixed(1)}V${from.toFixed(1)}z`
      })
    })
    layers.forEach((layer, k) => layer.setAttribute('d', paths[k]))
    drawTimes(rows.length, lastMinute, x, width, height)
    set(partial, { x: x(rows.length - 1), y: top, width, height: tall })
    drawMarks(view.data, x, step, tall)
    const { cursor } = view
    set(hair, { visibility: cursor === undefined ? 'hidden' : 'visible', x: x(cursor ?? 0) - 1, y: top, width: width + 2, height: tall })
    onRead(cursor)
  }

  function drawGrid(roof, unit, y) {
    grid.replaceChildren()
    for (let value = 0; value <= roof; value += unit) {
      svg('line', { class: value === 0 ? 'base' : '', x1: left, x2: view.width, y1: y(value), y2: y(value) }, grid)
      svg('text', { class: 'y', x: left - 8, y: y(value) + 4 }, grid).textContent = count(value)
    }
  }

  function drawTimes(rows, lastMinute, x, width, height) {
    axis.replaceChildren()
    for (let i = 0; i < rows; i++) {
      const time = lastMinute - (rows - 1 - i) * minuteMs
      if (new Date(time).getUTCMinutes() % 10 !== 0 || x(i) < left + 8 || x(i) > view.width - 20) continue
      svg('text', { class: 'x', x: x(i) + width / 2, y: height - 4 }, axis).textContent = minuteOf(time)
    }
  }

  function drawMarks({ marks: all, rows, lastMinute }, x, step, tall) {
    marks.replaceChildren()
    for (const { at, text } of all) {
      const place = x(rows.length - 1 + (at - lastMinute) / minuteMs)
      if (place < left) continue
      svg('line', { x1: place, x2: place, y1: top, y2: top + tall }, marks)
      const isLast = place > view.width - 70
      const label = svg('text', { x: place + (isLast ? -5 : 5), y: top + 9, ...(isLast && { 'text-anchor': 'end' }) }, marks)
      label.textContent = text
    }
  }

  function read(place) {
    if (view.data === undefined) return
    const { rows, lastMinute } = view.data
    view.cursor = place === undefined ? undefined : Math.max(0, Math.min(rows.length - 1, place))
    draw()
    const i = view.cursor ?? rows.length - 2
    const spoken = groups.toReversed().map(({ id, name }) => `${count(rows[i][id])} ${name}`)
    element.setAttribute('aria-valuenow', i)
    element.setAttribute('aria-valuetext', `${minuteOf(lastMinute - (rows.length - 1 - i) * minuteMs)}: ${spoken.join(', ')}`)
  }

  element.addEventListener('pointermove', (event) => {
    if (view.data === undefined) return
    const { rows, at, lastMinute } = view.data
    const share = (event.clientX - element.getBoundingClientRect().left - left) / (view.width - left)
    read(Math.floor(share * (rows.length - 1) + Math.min(1, (at - lastMinute) / minuteMs)))
  })
  element.addEventListener('pointerleave', () => read(undefined))
  element.addEventListener('blur', () => read(undefined))
  element.addEventListener('keydown', (event) => {
    if (view.data === undefined) return
    const last = view.data.rows.length - 1
    const now = view.cursor ?? last
    const places = { ArrowLeft: now - 1, ArrowRight: now + 1, Home: 0, End: last, Escape: undefined }
    if (!Object.hasOwn(places, event.key)) return
    event.preventDefault()
    read(places[event.key])
  })
  new ResizeObserver(draw).observe(element)
  return {
    show(data) {
      const isFirst = view.data === undefined
      view.data = data
      if (isFirst) read(undefined)
      else draw()
    },
    only(id) {
      view.only = id
      draw()
    },
  }
}

/** At most five lines, in round steps. */
function unitOf(most) {
  for (let ten = 1; ; ten *= 10) for (const unit of [ten, 2 * ten, 5 * ten]) if (most / unit <= 4.2) return unit
}
