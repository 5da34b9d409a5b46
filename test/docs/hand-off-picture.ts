// Draws the picture of the three ways to hand off a client that is tested after the greeting: `node test/docs/hand-off-picture.ts` writes
// docs/images/hand-off.svg, light or dark as the reader's system is.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const pictureFile = fileURLToPath(new URL('../../docs/images/hand-off.svg', import.meta.url))

type Side = 'client' | 'gateway' | 'server'

/** One line of a panel, from top to bottom. */
type Row =
  | { readonly is: 'arrow'; readonly from: Side; readonly to: Side; readonly text: string; readonly tone?: 'good' | 'later' }
  /** Something that lasts, from one side to another. */
  | { readonly is: 'band'; readonly from: Side; readonly to: Side; readonly text: string; readonly tone: 'test' | 'relay' }
  | { readonly is: 'note'; readonly text: string }

interface Panel {
  readonly title: string
  readonly rows: readonly Row[]
  /** Below the picture: what it means. */
  readonly meaning: readonly string[]
}

const ask = (text: string): Row => ({ is: 'arrow', from: 'client', to: 'gateway', text })
const answer = (text: string, tone?: 'good' | 'later'): Row => ({ is: 'arrow', from: 'gateway', to: 'client', text, ...(tone && { tone }) })
const call = (text: string): Row => ({ is: 'arrow', from: 'gateway', to: 'server', text })
const reply = (text: string): Row => ({ is: 'arrow', from: 'server', to: 'gateway', text })
const tested: Row = { is: 'band', from: 'client', to: 'gateway', text: 'deep tests', tone: 'test' }
const relay = (text: string): Row => ({ is: 'band', from: 'client', to: 'server', text, tone: 'relay' })

const panels: readonly Panel[] = [
  {
    title: 'Reconnect',
    rows: [
      ask('EHLO, MAIL'),
      tested,
      ask('RCPT'),
      answer('450 try again', 'later'),
      ask('QUIT'),
      { is: 'note', text: 'minutes to hours' },
      ask('connects again'),
      call('connects'),
      relay('bytes of the session'),
    ],
    meaning: ['All commands are tested.', 'The first mail is late.'],
  },
  {
    title: 'SameSession, without TLS',
    rows: [
      ask('EHLO, MAIL'),
      tested,
      ask('RCPT'),
      call('EHLO'),
      call('MAIL'),
      call('RCPT'),
      reply('250'),
      answer('250', 'good'),
      relay('bytes of the session'),
    ],
    meaning: ['All commands up to RCPT are tested.', 'The first mail is in time.'],
  },
  {
    title: 'SameSession, TLS passed through',
    rows: [
      ask('EHLO'),
      tested,
      ask('STARTTLS'),
      call('EHLO'),
      call('STARTTLS'),
      reply('220'),
      answer('220', 'good'),
      relay('TLS of the mail server'),
      { is: 'note', text: 'the gateway cannot read this' },
    ],
    meaning: ['EHLO and STARTTLS are tested, no more.', 'The first mail is in time.'],
  },
]

const panelWidth = 320
const rowHeight = 34
const top = 84
const xOf: Readonly<Record<Side, number>> = { client: 42, gateway: 160, server: 278 }
const sideNames: Readonly<Record<Side, string>> = { client: 'client', gateway: 'gateway', server: 'mail server' }
const sides = ['client', 'gateway', 'server'] as const

const style = `
  text { font: 12px system-ui, -apple-system, 'Segoe UI', 'DejaVu Sans', sans-serif; fill: #1f2328; text-anchor: middle }
  .frame { fill: #ffffff; stroke: #d1d9e0 }
  .title { font-size: 14px; font-weight: 600 }
  .side { fill: #59636e }
  .note { fill: #59636e; font-style: italic }
  .life { stroke: #d1d9e0 }
  .arrow { stroke: #59636e; stroke-width: 1.5; fill: none }
  .head { fill: #59636e }
  .arrow.good { stroke: #1a7f37 } .head.good { fill: #1a7f37 }
  .arrow.later { stroke: #b3202c } .head.later { fill: #b3202c }
  .test { fill: #fff8c5; stroke: #d4a72c }
  .relay { fill: #ddf4ff; stroke: #54aeff }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .frame { fill: #0d1117; stroke: #3d444d }
    .side, .note { fill: #9198a1 }
    .life { stroke: #3d444d }
    .arrow { stroke: #9198a1 } .head { fill: #9198a1 }
    .arrow.good { stroke: #3fb950 } .head.good { fill: #3fb950 }
    .arrow.later { stroke: #ff7b72 } .head.later { fill: #ff7b72 }
    .test { fill: #3b2e0a; stroke: #9e6a03 }
    .relay { fill: #0c2d4a; stroke: #1f6feb }
  }
`

/** The picture as SVG. */
export function handOffPicture(): string {
  const rows = Math.max(...panels.map((panel) => panel.rows.length))
  const bottom = top + rows * rowHeight
  const [width, height] = [panels.length * panelWidth, bottom + 64]
  const name = `Three ways to hand off a client: ${panels.map(({ title }) => title).join('; ')}`
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${name}">`,
    `<style>${style}</style>`,
    `<rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>`,
    ...panels.map((panel, at) => `<g transform="translate(${at * panelWidth} 0)">\n${drawn(panel, bottom).join('\n')}\n</g>`),
    '</svg>\n',
  ].join('\n')
}

function drawn({ title, rows, meaning }: Panel, bottom: number): readonly string[] {
  return [
    label(panelWidth / 2, 30, title, 'title'),
    ...sides.map((side) => label(xOf[side], 58, sideNames[side], 'side')),
    ...sides.map((side) => `<line class="life" x1="${xOf[side]}" x2="${xOf[side]}" y1="66" y2="${bottom}"/>`),
    ...rows.flatMap((row, at) => drawnRow(row, top + at * rowHeight)),
    ...meaning.map((line, at) => label(panelWidth / 2, bottom + 26 + at * 18, line)),
  ]
}

function drawnRow(row: Row, y: number): readonly string[] {
  switch (row.is) {
    case 'note':
      return [label(xOf.gateway, y + 16, row.text, 'note')]
    case 'band': {
      const [left, right] = [xOf[row.from] - 30, xOf[row.to] + 30]
      const rect = `<rect class="${row.tone}" x="${left}" y="${y}" width="${right - left}" height="${rowHeight - 10}" rx="5"/>`
      return [rect, label((left + right) / 2, y + 16, row.text)]
    }
    case 'arrow': {
      const [from, to] = [xOf[row.from], xOf[row.to]]
      const towards = to > from ? -1 : 1
      const tone = row.tone === undefined ? '' : ` ${row.tone}`
      const line = `<line class="arrow${tone}" x1="${from}" x2="${to + 6 * towards}" y1="${y + 20}" y2="${y + 20}"/>`
      const head = `<path class="head${tone}" d="M${to} ${y + 20}l${8 * towards} -4v8z"/>`
      return [line, head, label((from + to) / 2, y + 14, row.text)]
    }
  }
}

function label(x: number, y: number, words: string, kind?: string): string {
  return `<text${kind === undefined ? '' : ` class="${kind}"`} x="${x}" y="${y}">${words}</text>`
}

if (import.meta.main) {
  writeFileSync(pictureFile, handOffPicture())
  console.log(`written: ${pictureFile}`)
}
