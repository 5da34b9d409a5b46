// The plot of the last hour in characters: a column for each minute, as high as its sessions.
import { coloured, type Style, type Tone } from '../terminal/style.ts'
import { groups, totalOf } from './outcome-groups.ts'

const eighths = ['', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'] as const
const minuteMs = 60_000
const labelWidth = 5

export interface Plotted {
  /** By group, the oldest minute first. */
  readonly minutes: readonly (readonly number[])[]
  /** When the last minute began; epoch milliseconds. */
  readonly lastMinute: number
  readonly height: number
}

/** The lines of the plot: bars, and the times below. */
export function plotLines({ minutes, lastMinute, height }: Plotted, style: Style): readonly string[] {
  const scale = scaleFor(Math.max(0, ...minutes.map(totalOf)))
  const edge = style.hasUtf8 ? '│' : '|'
  const rows = Array.from({ length: height }, (_, row) => {
    const cells = minutes.map((minute) => cell(minute, { scale, height, level: height - 1 - row }, style))
    return `${labelOf(row, height, scale).padStart(labelWidth)}${edge}${painted(cells, style)}${edge}`
  })
  return [...rows, timesBelow(minutes.length, lastMinute)]
}

/** The top, the bottom, and the row in the middle if there is one. */
function labelOf(row: number, height: number, scale: number): string {
  if (row === 0) return `${shortNumber(scale)} `
  if (row === height - 1) return '0 '
  return height % 2 === 1 && row === (height - 1) / 2 ? `${shortNumber(scale / 2)} ` : ''
}

const shortNumber = (number: number): string => (number >= 10_000 ? `${Math.round(number / 1000)}k` : String(number))

/** Round and even, so that its half is a whole number. */
export function scaleFor(most: number): number {
  let unit = 2
  for (;;) {
    for (const step of [1, 2, 3, 4, 5]) if (step * unit >= Math.max(most, 10)) return step * unit
    unit *= 10
  }
}

interface Block {
  readonly text: string
  readonly tone: Tone | undefined
}

/** Neighbours of one colour are written together. */
function painted(blocks: readonly Block[], style: Style): string {
  let line = ''
  for (let at = 0; at < blocks.length;) {
    const end = blocks.findIndex((block, i) => i > at && block.tone !== blocks[at]?.tone)
    const same = blocks.slice(at, end === -1 ? blocks.length : end)
    line += coloured(same.map(({ text }) => text).join(''), same[0]?.tone, style)
    at += same.length
  }
  return line
}

interface Place {
  readonly scale: number
  readonly height: number
  /** Counted from the bottom. */
  readonly level: number
}

/** The part of a column that lies in this row, in the colour of the group in its middle. */
function cell(minute: readonly number[], { scale, height, level }: Place, style: Style): Block {
  const filled = (totalOf(minute) / scale) * height - level
  if (filled <= 0) return { text: ' ', tone: undefined }
  // A minute with a single session is seen.
  const eighth = Math.min(8, Math.max(1, Math.round(filled * 8)))
  const middle = ((level + Math.min(1, filled) / 2) / height) * scale
  let sum = 0
  const at = minute.findIndex((count) => (sum += count) >= middle)
  return { text: style.hasUtf8 ? (eighths[eighth] ?? '█') : eighth >= 4 ? '#' : '.', tone: groups[at]?.tone }
}

/** `09:34          09:49`: every 15 minutes, and `now` below the last one. */
function timesBelow(columns: number, lastMinute: number): string {
  let line = ''
  for (let at = 0; at < columns - 8; at += 15)
    line = `${line.padEnd(at)}${new Date(lastMinute - (columns - 1 - at) * minuteMs).toISOString().slice(11, 16)}`
  return `${' '.repeat(labelWidth + 1)}${line.padEnd(columns - 3)}now`
}
