// A measured curve as a picture: the line goes through the medians, bars from the least to the most.
import { median } from '../laboratory/figures.ts'
import type { Curve, CurvePoint } from './curve.ts'
import { plotSvg } from './svg-plot.ts'

export function curveSvg({ title, x, y }: Pick<Curve, 'title' | 'x' | 'y'>, points: readonly CurvePoint[]): string {
  const names = [...new Set(points.map(({ series }) => series))]
  const series = names.map((name) => ({
    name,
    points: points
      .filter((point) => point.series === name && point.values.length > 0)
      .toSorted((a, b) => a.x - b.x)
      .map(({ x: at, values }) => ({ x: at, y: median(values), low: Math.min(...values), high: Math.max(...values) })),
  }))
  return plotSvg({ title, x, y, series })
}
