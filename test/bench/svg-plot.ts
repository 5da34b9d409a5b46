// Draws lines through points as SVG: axes with units, logarithmic where asked, a bar from the least to the most value at each point.
import { type Scale, scaleFor } from './plot-scale.ts'

export interface PlotAxis {
  readonly label: string
  /** Empty for a plain count. */
  readonly unit: string
  readonly scale: 'linear' | 'log'
}

export interface PlotPoint {
  readonly x: number
  /** Where the line goes. */
  readonly y: number
  readonly low: number
  readonly high: number
}

export interface Plot {
  readonly title: string
  readonly x: PlotAxis
  readonly y: PlotAxis
  /** Five at most, because there are five colours. Points in the order of x; on a logarithmic axis all values are above 0. */
  readonly series: readonly { readonly name: string; readonly points: readonly PlotPoint[] }[]
}

const width = 720
const height = 420
const area = { left: 84, right: 680, top: 76, bottom: 358 } as const

/**
 * Colours of Okabe and Ito, which those who see fewer colours can tell apart, lighter on a dark ground. The picture brings its own ground: a page may be
 * light where the reader's system is dark.
 */
const style = `
  text { font: 13px system-ui, sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: 600 }
  .ground { fill: #ffffff; stroke: #d1d9e0 }
  .grid { stroke: #e4e8ec }
  .axis { stroke: #59636e }
  .s0 { color: #0072b2 } .s1 { color: #d55e00 } .s2 { color: #009e73 } .s3 { color: #cc79a7 } .s4 { color: #7a5c00 }
  .line { stroke: currentColor; stroke-width: 2; fill: none }
  .bar { stroke: currentColor; stroke-width: 1 }
  .dot { fill: currentColor }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .ground { fill: #0d1117; stroke: #3d444d }
    .grid { stroke: #262c36 }
    .axis { stroke: #9198a1 }
    .s0 { color: #56b4e9 } .s1 { color: #f0883e } .s2 { color: #3fb98f } .s3 { color: #e29bc4 } .s4 { color: #e6c84f }
  }
`

/** A whole SVG document. */
export function plotSvg(plot: Plot): string {
  const all = plot.series.flatMap(({ points }) => points)
  const x = scaleFor(
    plot.x.scale,
    all.map((point) => point.x),
    area.left,
    area.right,
  )
  const y = scaleFor(
    plot.y.scale,
    all.flatMap(({ low, high }) => [low, high]),
    area.bottom,
    area.top,
    'from zero',
  )
  const series = plot.series.map(({ points }, index) => lineSvg(points, x, y, index))
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(plot.title)}</title>`,
    `<style>${style}</style>`,
    `<rect class="ground" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="6"/>`,
    `<text class="title" x="${area.left}" y="30">${escaped(plot.title)}</text>`,
    legend(plot.series.map(({ name }) => name)),
    ...axesSvg(plot, x, y),
    ...series,
    '</svg>\n',
  ].join('\n')
}

function lineSvg(points: readonly PlotPoint[], x: Scale, y: Scale, index: number): string {
  const at = points.map((point) => ({ x: x.at(point.x), y: y.at(point.y), low: y.at(point.low), high: y.at(point.high) }))
  const path = at.map((point, first) => `${first === 0 ? 'M' : 'L'}${round(point.x)} ${round(point.y)}`).join(' ')
  const marks = at.map(
    (point) =>
      `<line class="bar" x1="${round(point.x)}" x2="${round(point.x)}" y1="${round(point.low)}" y2="${round(point.high)}"/>` +
      `<circle class="dot" cx="${round(point.x)}" cy="${round(point.y)}" r="3.5"/>`,
  )
  return `<g class="s${index}"><path class="line" d="${path}"/>${marks.join('')}</g>`
}

/** One entry each, beside one another; a letter is taken for 7.5 pixels wide. */
function legend(names: readonly string[]): string {
  let left: number = area.left
  const entries = names.map((name, index) => {
    const entry = `<g class="s${index}"><line class="line" x1="${left}" x2="${left + 22}" y1="51" y2="51"/><text x="${left + 28}" y="56">${escaped(name)}</text></g>`
    left += 28 + name.length * 7.5 + 24
    return entry
  })
  return entries.join('\n')
}

function axesSvg({ x: xAxis, y: yAxis }: Plot, x: Scale, y: Scale): readonly string[] {
  const upright = y.ticks.flatMap((tick) => {
    const at = round(y.at(tick))
    return [
      `<line class="grid" x1="${area.left}" x2="${area.right}" y1="${at}" y2="${at}"/>`,
      `<text x="${area.left - 8}" y="${round(y.at(tick) + 4.5)}" text-anchor="end">${tickText(tick)}</text>`,
    ]
  })
  const along = x.ticks.flatMap((tick) => {
    const at = round(x.at(tick))
    return [
      `<line class="axis" x1="${at}" x2="${at}" y1="${area.bottom}" y2="${area.bottom + 5}"/>`,
      `<text x="${at}" y="${area.bottom + 21}" text-anchor="middle">${tickText(tick)}</text>`,
    ]
  })
  const middle = { x: (area.left + area.right) / 2, y: (area.top + area.bottom) / 2 }
  return [
    ...upright,
    ...along,
    `<path class="axis" fill="none" d="M${area.left} ${area.top} V${area.bottom} H${area.right}"/>`,
    `<text x="${middle.x}" y="${height - 14}" text-anchor="middle">${axisText(xAxis)}</text>`,
    `<text transform="translate(22 ${middle.y}) rotate(-90)" text-anchor="middle">${axisText(yAxis)}</text>`,
  ]
}

const axisText = ({ label, unit }: PlotAxis): string => escaped(unit === '' ? label : `${label} (${unit})`)

/** 1500 as 1,500, a million and more as 10M. */
export function tickText(value: number): string {
  if (value >= 1e6) return `${Number((value / 1e6).toPrecision(3))}M`
  return value.toLocaleString('en-US', { maximumSignificantDigits: 6 })
}

const round = (value: number): number => Math.round(value * 10) / 10

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
