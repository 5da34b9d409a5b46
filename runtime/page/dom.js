// Small parts of the pages: nodes, signs, numbers. Texts are set as text only, so that nothing a client sent can become
// markup.

export const byId = (id) => document.getElementById(id)

/** Makes an element; `props`: attributes, `on…` listeners, and `style` as an object. */
export function h(tag, props = {}, ...kids) {
  const element = document.createElement(tag)
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === false) continue
    if (name.startsWith('on')) element.addEventListener(name.slice(2), value)
    else if (name === 'style') for (const [key, text] of Object.entries(value)) element.style.setProperty(key, text)
    else element.setAttribute(name, value === true ? '' : value)
  }
  element.append(...kids.flat().filter((kid) => kid !== undefined && kid !== null && kid !== false))
  return element
}

export const svgNamespace = 'http://www.w3.org/2000/svg'

export function svg(tag, props = {}, parent) {
  const element = document.createElementNS(svgNamespace, tag)
  for (const [name, value] of Object.entries(props)) element.setAttribute(name, value)
  parent?.append(element)
  return element
}

const filled = { fill: 'currentColor' }
const line = (width, colour = 'currentColor') => ({ fill: 'none', stroke: colour, 'stroke-width': width })
const panel = 'var(--panel)'

/** Signs differ in shape, not only in colour. */
const signs = {
  ok: [16, ['circle', { cx: 8, cy: 8, r: 7, ...filled }], ['path', { d: 'M4.8 8.2l2.2 2.2 4.2-4.6', ...line(1.8, panel) }]],
  warn: [16, ['path', { d: 'M8 1.2L15.4 14.6H.6z', ...filled }], ['path', { d: 'M8 6v4.2M8 11.4v1.7', ...line(1.8, panel) }]],
  bad: [16, ['rect', { x: 1, y: 1, width: 14, height: 14, rx: 2, ...filled }], ['path', { d: 'M5 5l6 6M11 5l-6 6', ...line(1.8, panel) }]],
  idle: [16, ['circle', { cx: 8, cy: 8, r: 6, ...line(2) }]],
  half: [16, ['circle', { cx: 8, cy: 8, r: 6, ...line(2) }], ['path', { d: 'M8 2a6 6 0 010 12z', ...filled }]],
  on: [14, ['path', { d: 'M3 7h7M7.2 4l3 3-3 3', ...line(1.7) }]],
  back: [14, ['path', { d: 'M4 9.5h4.2a2.4 2.4 0 000-4.9H4.2M6 2.6L3.8 4.6 6 6.6', ...line(1.6) }]],
  no: [14, ['path', { d: 'M4 4l6 6M10 4l-6 6', ...line(1.7) }]],
  hang: [14, ['path', { d: 'M3.5 7h7', ...line(1.7) }]],
  chevron: [10, ['path', { d: 'M3 1.5L7 5 3 8.5', ...line(1.5) }]],
  theme: [16, ['circle', { cx: 8, cy: 8, r: 6, ...line(1.6) }], ['path', { d: 'M8 2a6 6 0 010 12z', ...filled }]],
}

export function icon(name, classes = 'g') {
  const [size, ...shapes] = signs[name]
  const element = svg('svg', { viewBox: `0 0 ${size} ${size}`, class: classes, 'aria-hidden': 'true' })
  for (const [tag, props] of shapes) svg(tag, props, element)
  return element
}

export const swatch = ({ id, sign }) => h('span', { class: 'sw', 'data-o': id }, icon(sign, ''))
export const state = (is, word) => h('span', { class: 'state' }, icon(is, `g ${is}`), word)
export const bar = (share, colour, ...marks) =>
  h(
    'span',
    { class: 'track', style: colour ? { '--c': colour } : {} },
    h('i', { style: { width: `${(100 * Math.max(0, Math.min(1, share || 0))).toFixed(2)}%`, 'min-width': share > 0 ? '1px' : '0' } }),
    marks.map((at) => h('b', { style: { left: `${100 * at}%` } })),
  )

/** Replaces the contents, but only if something has changed: a reader keeps the selection, and nothing is drawn twice. */
export function put(target, ...kids) {
  const element = typeof target === 'string' ? byId(target) : target
  const fresh = h(element.tagName, {}, ...kids)
  if (element.innerHTML !== fresh.innerHTML) element.replaceChildren(...fresh.childNodes)
}

export function say(id, text) {
  const element = byId(id)
  if (element.textContent !== text) element.textContent = text
}

const numbers = new Intl.NumberFormat('en')
export const count = (value) => numbers.format(Math.round(value)).replace('-', '−')
export const percent = (part, whole) => (whole > 0 ? `${Math.round((100 * part) / whole)} %` : '–')
export const clock = (ms) => new Date(ms).toISOString().slice(11, 19)
export const minuteOf = (ms) => clock(ms).slice(0, 5)
export const plural = (value, one, more = `${one}s`) => `${count(value)} ${value === 1 ? one : more}`

const small = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']
export const inWords = (value) => small[value] ?? count(value)

/** `5 min 12 s`; the two largest units. */
export function duration(ms) {
  const seconds = Math.max(0, Math.round(ms / 1000))
  const [d, hours, minutes] = [Math.floor(seconds / 86_400), Math.floor(seconds / 3600) % 24, Math.floor(seconds / 60) % 60]
  if (d > 0) return hours > 0 ? `${d} d ${hours} h` : `${d} d`
  if (hours > 0) return minutes > 0 ? `${hours} h ${minutes} min` : `${hours} h`
  if (minutes > 0) return seconds % 60 > 0 && minutes < 10 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`
  return `${seconds} s`
}

/** Of a wait or an answer: `9 ms`, `6.5 s`. */
export const took = (ms) => (ms < 1000 ? `${Math.max(1, Math.round(ms))} ms` : ms < 100_000 ? `${(ms / 1000).toFixed(1)} s` : duration(ms))

export function bytes(value) {
  return value >= 2 ** 30 ? `${(value / 2 ** 30).toFixed(1)} GiB` : `${Math.round(value / 2 ** 20)} MiB`
}
