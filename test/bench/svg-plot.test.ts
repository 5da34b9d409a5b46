// Plots: places on axes, ticks, and the picture's markup.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { curveSvg } from './curve-svg.ts'
import { scaleFor } from './plot-scale.ts'
import { type Plot, plotSvg, tickText } from './svg-plot.ts'

const axes = [
  { name: 'powers of ten', kind: 'log', values: [1e3, 1e7], ticks: [1e3, 1e4, 1e5, 1e6, 1e7] },
  { name: '1, 2 and 5 where there are few powers', kind: 'log', values: [3, 30], ticks: [2, 5, 10, 20, 50] },
  { name: 'values below one', kind: 'log', values: [0.3, 1.2], ticks: [0.2, 0.5, 1, 2] },
  { name: 'round steps from zero', kind: 'linear', values: [110, 430], ticks: [0, 100, 200, 300, 400, 500] },
  { name: 'no sums of rounding errors', kind: 'linear', values: [0, 0.5], ticks: [0, 0.1, 0.2, 0.3, 0.4, 0.5] },
  { name: 'a single value', kind: 'linear', values: [7], ticks: [0, 2, 4, 6, 8] },
] as const
for (const { name, kind, values, ticks } of axes) {
  test(`${kind} axis: ${name}`, () => {
    const scale = scaleFor(kind, values, 0, 100, 'from zero')
    assert.deepEqual(scale.ticks, ticks)
    assert.ok(Math.abs(scale.at(ticks[0])) < 1e-9 && Math.abs(scale.at(ticks.at(-1) ?? 0) - 100) < 1e-9)
  })
}

test('a single value on a logarithmic axis has a place', () => {
  const scale = scaleFor('log', [10], 0, 100)
  assert.ok(Number.isFinite(scale.at(10)))
})

test('a logarithmic axis has no place for zero, and no plot is without points', () => {
  assert.throws(() => scaleFor('log', [0, 1], 0, 1), /no place/)
  assert.throws(() => scaleFor('linear', [], 0, 1), /needs points/)
})

test('ticks are written short', () => {
  assert.deepEqual([0.5, 20, 1500, 50_000, 1e6, 2.5e7].map(tickText), ['0.5', '20', '1,500', '50,000', '1M', '25M'])
})

const point = (x: number, y: number) => ({ x, y, low: y / 2, high: y * 2 })
const plot: Plot = {
  title: 'Cost & <growth>',
  x: { label: 'sessions', unit: '', scale: 'log' },
  y: { label: 'memory', unit: 'MB', scale: 'linear' },
  series: [
    { name: 'gateway', points: [point(1000, 3), point(10_000, 30)] },
    { name: 'postscreen', points: [point(1000, 2), point(10_000, 20)] },
  ],
}

test('a picture is well-formed, with title, labelled axes, a legend, a line and points for each series', () => {
  const svg = plotSvg(plot)
  assert.ok(svg.includes('Cost &amp; &lt;growth&gt;') && !svg.includes('<growth>'))
  for (const text of ['>sessions<', '>memory (MB)<', '>gateway<', '>postscreen<', '>1,000<', '>10,000<'])
    assert.ok(svg.includes(text), text)
  assert.equal(svg.match(/<path class="line"/g)?.length, 2)
  assert.equal(svg.match(/<circle /g)?.length, 4)
  assert.deepEqual(unbalanced(svg), [])
  assert.doesNotMatch(svg, /NaN|undefined|Infinity/)
})

test('it is readable on a light and on a dark background: each of its colours has a value for both', () => {
  const [light = '', dark = ''] = plotSvg(plot).split('@media (prefers-color-scheme: dark)')
  for (const name of ['text', '.ground', '.grid', '.axis', '.s0', '.s4'])
    assert.ok(light.includes(`${name} {`) && dark.includes(`${name} {`), name)
})

test('all is within the frame', () => {
  const places = [...plotSvg(plot).matchAll(/ (?:cx|cy|x1|x2|y1|y2)="([^"]+)"/g)].map(([, place]) => Number(place))
  assert.ok(places.length > 20 && places.every((place) => place >= 0 && place <= 720), places.join())
})

test('a curve is drawn through medians, with bars over all rounds', () => {
  const svg = curveSvg({ title: 't', x: plot.x, y: plot.y }, [{ x: 1000, series: 'a', values: [1, 9, 2] }])
  const [, low, high, middle] = /y1="([\d.]+)" y2="([\d.]+)"\/><circle class="dot" cx="[\d.]+" cy="([\d.]+)"/.exec(svg)?.map(Number) ?? []
  const y = scaleFor('linear', [1, 9], 358, 76, 'from zero')
  assert.deepEqual(
    [low, high, middle],
    [y.at(1), y.at(9), y.at(2)].map((place) => Math.round(place * 10) / 10),
  )
})

/** Elements that were not closed in the order in which they were opened. */
function unbalanced(svg: string): readonly string[] {
  const open: string[] = []
  for (const [, closes, name = '', ends] of svg.matchAll(/<(\/?)([a-z]+)[^>]*?(\/?)>/g)) {
    if (closes === '/') {
      if (open.pop() !== name) return [name]
    } else if (ends !== '/') open.push(name)
  }
  return open
}
