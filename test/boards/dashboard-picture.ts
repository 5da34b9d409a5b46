// Draws the picture of the dashboard on a normal day and in an attack from dashboard-record.json:
// `node test/boards/dashboard-picture.ts` writes docs/images/dashboard.svg, light or dark as the reader's system is.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { shownPanels } from './dashboard.ts'
import { picturedPlots, picturedStats, readRecord, type Record } from './dashboard-record.ts'
import { attack, day } from './pictured-days.ts'

export const pictureFile = fileURLToPath(new URL('../../docs/images/dashboard.svg', import.meta.url))

type Lines = NonNullable<Record['plots'][string]>

const column = { width: 560, gap: 24 } as const
const stat = { height: 76, gap: 10 } as const
const plot = { height: 232, gap: 14, left: 44, right: 12, top: 30, bottom: 46 } as const
const head = 58
const plotsTop = head + stat.height + stat.gap + 6
const size = { width: 24 * 2 + 2 * column.width + column.gap, height: plotsTop + picturedPlots.length * (plot.height + plot.gap) + 14 }

const style = `
text{font:13px system-ui,sans-serif;fill:#24292f}.quiet{fill:#57606a;font-size:12px}.title{font-weight:600}.head{font-size:17px;font-weight:600}
.number{font-size:27px;font-weight:600}.ok{fill:#1a7f37}.high{fill:#bc4c00}.bad{fill:#cf222e}.plain{fill:#0969da}
.page{fill:#f6f8fa}.panel{fill:#ffffff;stroke:#d0d7de}.grid{stroke:#d8dee4}.mark{fill:#cf222e;opacity:.09}
@media (prefers-color-scheme: dark){text{fill:#e6edf3}.quiet{fill:#9198a1}.ok{fill:#3fb950}.high{fill:#db6d28}.bad{fill:#f85149}.plain{fill:#58a6ff}
.page{fill:#0d1117}.panel{fill:#161b22;stroke:#30363d}.grid{stroke:#2a313a}.mark{fill:#f85149;opacity:.14}}`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;')
const text = (x: number, y: number, words: string, kind = '', anchor = 'start'): string =>
  `<text x="${x}" y="${y}" class="${kind}" text-anchor="${anchor}">${escaped(words)}</text>`

interface Override {
  readonly matcher: { readonly options: string }
  readonly properties: readonly { readonly value: { readonly fixedColor?: string } }[]
}

/** The colours that the dashboard itself gives to the outcomes. */
const fixedColours = new Map(
  ((shownPanels.find(({ title }) => title === 'Sessions by outcome')?.fieldConfig?.overrides ?? []) as readonly Override[]).map(
    ({ matcher, properties }) => [matcher.options, properties[0]?.value.fixedColor ?? ''],
  ),
)
const otherColours: Readonly<{ [name: string]: string }> = {
  'Enforce dnsbl': '#ff780a',
  'Enforce pregreet': '#e02f44',
  'Enforce pipelining': '#ffb357',
  early: '#5794f2',
  smtp: '#b877d9',
  relay: '#56a64b',
}
const colourOf = (name: string): string => fixedColours.get(name) ?? otherColours[name] ?? '#9fa7b3'

/** What passed at the bottom, what was refused on top of it. */
const order = ['known', 'new', 'comeBack', 'hangup', 'deepTests', 'dnsbl', 'pregreet']
const rank = (name: string): number => (order.indexOf(name) + order.length + 1) % (order.length + 1)

/** The colour of a number as the thresholds of the panel set it. */
function toneOf(title: string, value: number): string {
  if (title.startsWith('Connections compared')) return value >= 10 ? 'bad' : value >= 3 || value < 0.3 ? 'high' : 'ok'
  if (title.startsWith('Handed off')) return value >= 0.7 ? 'ok' : value >= 0.5 ? 'high' : 'bad'
  return 'plain'
}

function statsOf({ stats }: Record, x: number): string {
  const width = (column.width - stat.gap * (picturedStats.length - 1)) / picturedStats.length
  return picturedStats
    .map((title, at) => {
      const left = x + at * (width + stat.gap)
      const value = stats[title] ?? Number.NaN
      const shown = title === 'Refused' ? `${Math.round(value * 100)} %` : title === 'Current sessions' ? String(value) : value.toFixed(1)
      const words = title.replace(' compared with a day ago', '')
      const note = title === words ? '' : '1: as a day ago'
      return [
        `<rect x="${left}" y="${head}" width="${width}" height="${stat.height}" rx="5" class="panel"/>`,
        text(left + 9, head + 18, words.replace('Current sessions', 'Sessions now'), 'title'),
        text(left + 9, head + 50, shown, `number ${toneOf(title, value)}`),
        text(left + 9, head + 68, note, 'quiet'),
      ].join('')
    })
    .join('\n')
}

const topOf = (lines: Lines, stacked: boolean): number => {
  const at = (index: number): number[] => lines.map(({ values }) => values[index] ?? 0)
  const count = Math.max(...lines.map(({ values }) => values.length))
  return Math.max(
    ...Array.from({ length: count }, (_, index) => (stacked ? at(index).reduce((sum, one) => sum + one, 0) : Math.max(...at(index)))),
  )
}

/** The next round number, such as 12, 15 or 600. */
function roundTop(value: number): number {
  const unit = 10 ** Math.floor(Math.log10(value))
  return [1, 1.2, 1.5, 2, 3, 4, 5, 6, 8, 10].map((factor) => factor * unit).find((top) => top >= value) ?? value
}

interface Frame {
  readonly x: number
  readonly y: number
  readonly top: number
}

const inside = { width: column.width - plot.left - plot.right, height: plot.height - plot.top - plot.bottom }
const round = (value: number): number => Math.round(value * 10) / 10
const pointAt = ({ x, y, top }: Frame, share: number, value: number): string =>
  `${round(x + plot.left + share * inside.width)} ${round(y + plot.top + inside.height * (1 - value / top))}`

function areas(lines: Lines, frame: Frame): string {
  let below: readonly number[] = []
  return lines
    .map(({ name, values }) => {
      const above = values.map((value, at) => value + (below[at] ?? 0))
      const last = values.length - 1
      const upper = above.map((value, at) => pointAt(frame, at / last, value))
      const lower = above.map((_, at) => pointAt(frame, at / last, below[at] ?? 0)).toReversed()
      below = above
      return `<path d="M${[...upper, ...lower].join('L')}Z" fill="${colourOf(name)}" fill-opacity=".85"/>`
    })
    .join('')
}

const strokes = (lines: Lines, frame: Frame): string =>
  lines
    .map(({ name, values }) => {
      const points = values.map((value, at) => pointAt(frame, at / (values.length - 1), value))
      return `<path d="M${points.join('L')}" fill="none" stroke="${colourOf(name)}" stroke-width="2"/>`
    })
    .join('')

function axes({ x, y, top }: Frame): string {
  const levels = [0, 0.5, 1].map((share) => {
    const at = round(y + plot.top + inside.height * (1 - share))
    const line = `<line x1="${x + plot.left}" x2="${x + plot.left + inside.width}" y1="${at}" y2="${at}" class="grid"/>`
    return line + text(x + plot.left - 6, at + 4, String(round(share * top)), 'quiet', 'end')
  })
  const hours = [0, 6, 12, 18, 24].map((hour) =>
    text(
      x + plot.left + (hour / 24) * inside.width,
      y + plot.top + inside.height + 16,
      `${hour}:00`,
      'quiet',
      hour === 24 ? 'end' : 'middle',
    ),
  )
  return [...levels, ...hours].join('')
}

function legend(lines: Lines, x: number, y: number): string {
  let left = x + plot.left
  return lines
    .map(({ name }) => {
      const at = left
      const words = name.replace('Enforce ', '')
      left += 22 + words.length * 7.4
      return `<rect x="${at}" y="${y - 9}" width="10" height="10" rx="2" fill="${colourOf(name)}"/>${text(at + 14, y, words, 'quiet')}`
    })
    .join('')
}

function plotOf(title: string, record: Record, frame: Omit<Frame, 'top'>, top: number, isAttack: boolean): string {
  const { x, y } = frame
  const lines = shownLines(record, title)
  const whole = { x, y, top }
  const share = (minute: number): number => x + plot.left + ((minute - 2 * day) / day) * inside.width
  const mark = `<rect x="${share(attack.from)}" y="${y + plot.top}" width="${share(attack.to) - share(attack.from)}" height="${inside.height}" class="mark"/>`
  const unit = title === 'Sessions by phase' ? 'sessions at once' : 'per second'
  return [
    `<rect x="${x}" y="${y}" width="${column.width}" height="${plot.height}" rx="5" class="panel"/>`,
    text(x + 12, y + 20, title, 'title'),
    text(x + column.width - 12, y + 20, unit, 'quiet', 'end'),
    isAttack ? mark : '',
    axes(whole),
    title === 'Sessions by outcome' ? areas(lines, whole) : strokes(lines, whole),
    legend(lines, x, y + plot.height - 10),
  ].join('')
}

const shownLines = ({ plots }: Record, title: string): Lines =>
  (plots[title] ?? []).filter(({ values }) => values.some((value) => value > 0)).toSorted((a, b) => rank(a.name) - rank(b.name))

/** The whole picture. Both days have the same scale, so that they can be compared. */
export function dashboardPicture(): string {
  const { normal, attack: attacked } = readRecord()
  const columns = [
    { record: normal, x: 24, title: 'A normal day', isAttack: false },
    { record: attacked, x: 24 + column.width + column.gap, title: 'An attack, from 10:00 to 13:00', isAttack: true },
  ]
  const parts = columns.flatMap(({ record, x, title, isAttack }) => [
    text(x, 34, title, 'head'),
    text(x + column.width, 34, 'numbers at 11:30', 'quiet', 'end'),
    statsOf(record, x),
    ...picturedPlots.map((name, at) => {
      const isStacked = name === 'Sessions by outcome'
      const top = roundTop(Math.max(...[normal, attacked].map((one) => topOf(shownLines(one, name), isStacked))))
      return plotOf(name, record, { x, y: plotsTop + at * (plot.height + plot.gap) }, top, isAttack)
    }),
  ])
  const label =
    'The dashboard on a normal day and in an attack: refused sessions rise to twelve times as many, those that are handed off stay'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${size.width} ${size.height}" role="img" aria-label="${label}"><style>${style}</style>
<rect width="${size.width}" height="${size.height}" class="page"/>
${parts.join('\n')}
</svg>
`
}

if (process.argv[1] === fileURLToPath(import.meta.url)) writeFileSync(pictureFile, dashboardPicture())
