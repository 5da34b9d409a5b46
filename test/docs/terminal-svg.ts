// Draws the output of a terminal as SVG: lines of text with the colours of their ANSI escapes, in a frame, light or dark as the reader's system is.

/** A run of text in one colour; `tone` is the name of a class of the picture. */
export interface Run {
  readonly text: string
  readonly tone: Tone
}

export type Tone = 'plain' | 'green' | 'red' | 'cyan' | 'yellow' | 'blue' | 'gray'

const tones: Readonly<Record<string, Tone>> = { '31': 'red', '32': 'green', '33': 'yellow', '34': 'blue', '36': 'cyan', '90': 'gray' }

/** Splits a line at its SGR escapes. Any other code, such as 39 (the default colour), ends the colour. */
export function runsOf(line: string): readonly Run[] {
  // oxlint-disable-next-line no-control-regex -- ANSI escapes begin with a control character
  const [first = '', ...rest] = line.split(/\u001b\[(\d+)m/)
  const runs: Run[] = [{ text: first, tone: 'plain' }]
  for (let at = 0; at < rest.length; at += 2) runs.push({ text: rest[at + 1] ?? '', tone: tones[rest[at] ?? ''] ?? 'plain' })
  return runs.filter(({ text }) => text !== '')
}

/** Breaks a text at spaces into lines of at most `columns`; lines after the first begin with `indent` spaces. */
export function wrapped(text: string, columns: number, indent: number): readonly string[] {
  const lines: string[] = []
  let rest = text
  while (rest.length > columns) {
    const space = rest.lastIndexOf(' ', columns)
    const at = space > indent ? space : columns
    lines.push(rest.slice(0, at))
    rest = `${' '.repeat(indent)}${rest.slice(at).trimStart()}`
  }
  return [...lines, rest]
}

const columnWidth = 7.83
const lineHeight = 19
const margin = 18
const titleBar = 34

/** The picture brings its own ground: a page may be light where the reader's system is dark. */
const style = `
  text { font: 13px ui-monospace, SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #1f2328; white-space: pre }
  .frame { fill: #ffffff; stroke: #d1d9e0 }
  .bar { fill: #f6f8fa }
  .edge { stroke: #d1d9e0 }
  .dot { fill: #d1d9e0 }
  .title { fill: #59636e; text-anchor: middle }
  .green { fill: #116329 } .red { fill: #b3202c } .cyan { fill: #0550ae } .yellow { fill: #7d4e00 } .blue { fill: #3b5bdb } .gray { fill: #6e7781 }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc }
    .frame { fill: #0d1117; stroke: #3d444d }
    .bar { fill: #151b23 }
    .edge { stroke: #3d444d }
    .dot { fill: #3d444d }
    .title { fill: #9198a1 }
    .green { fill: #3fb950 } .red { fill: #ff7b72 } .cyan { fill: #79c0ff } .yellow { fill: #d29922 } .blue { fill: #6ea8fe } .gray { fill: #8b949e }
  }
`

const escaped = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')

/** A whole SVG document. `lines` are wrapped already; `title` is in the bar of the window and is the description for screen readers. */
export function terminalSvg(title: string, lines: readonly (readonly Run[])[], columns: number): string {
  const width = Math.ceil(columns * columnWidth + 2 * margin)
  const height = titleBar + lines.length * lineHeight + 2 * margin
  const texts = lines.map((runs, index) => {
    const y = titleBar + margin + 13 + index * lineHeight
    const spans = runs.map(({ text, tone }) => (tone === 'plain' ? escaped(text) : `<tspan class="${tone}">${escaped(text)}</tspan>`))
    return `<text x="${margin}" y="${y}" xml:space="preserve">${spans.join('')}</text>`
  })
  const dots = [0, 1, 2].map((at) => `<circle class="dot" cx="${margin + 4 + at * 18}" cy="${titleBar / 2}" r="5"/>`)
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escaped(title)}">
<style>${style}</style>
<rect class="frame" x="0.5" y="0.5" width="${width - 1}" height="${height - 1}" rx="8"/>
<path class="bar" d="M1 ${titleBar}V8a7 7 0 0 1 7-7H${width - 8}a7 7 0 0 1 7 7V${titleBar}Z"/>
<line class="edge" x1="0" x2="${width}" y1="${titleBar}" y2="${titleBar}"/>
${dots.join('')}
<text class="title" x="${width / 2}" y="${titleBar / 2 + 5}">${escaped(title)}</text>
${texts.join('\n')}
</svg>
`
}

/** The lines of text in such a picture, without colours. */
export function textOfSvg(svg: string): readonly string[] {
  const plain = (text: string): string =>
    text
      .replace(/<[^>]*>/g, '')
      .replaceAll('&lt;', '<')
      .replaceAll('&gt;', '>')
      .replaceAll('&amp;', '&')
  return [...svg.matchAll(/^<text x="[^"]*" y="[^"]*" xml:space="preserve">(.*)<\/text>$/gm)].map(([, inner = '']) => plain(inner))
}
