// The fenced code blocks of README and docs, with their places.
import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Block {
  /** Such as `docs/gitops.md`. */
  readonly page: string
  readonly line: number
  /** The word after the fence; empty if there is none. */
  readonly language: string
  /** Without the indentation of the fence. */
  readonly text: string
}

/** All pages that a user reads. */
export const pages: readonly string[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...['docs', 'charts'].flatMap((folder) =>
    readdirSync(`${root}${folder}`, { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md'))
      .map((name) => `${folder}/${name}`),
  ),
]

/** The blocks of a Markdown text. A fence that is not closed ends with the text, as in CommonMark. */
export function blocksOf(page: string, markdown: string): readonly Block[] {
  const blocks: Block[] = []
  let open:
    | { readonly indent: string; readonly fence: string; readonly language: string; readonly line: number; text: string[] }
    | undefined
  const close = (): void => {
    if (open !== undefined)
      blocks.push({ page, line: open.line, language: open.language, text: open.text.map((one) => `${one}\n`).join('') })
    open = undefined
  }
  for (const [at, line] of markdown.split('\n').entries()) {
    const [, indent = '', fence = '', language = ''] = /^( *)(`{3,}|~{3,})\s*([^\s`]*)/.exec(line) ?? []
    if (open !== undefined) {
      if (fence.startsWith(open.fence) && language === '') close()
      else open.text.push(line.startsWith(open.indent) ? line.slice(open.indent.length) : line.trimStart())
    } else if (fence !== '') open = { indent, fence, language, line: at + 1, text: [] }
  }
  close()
  return blocks
}

export const blocks: readonly Block[] = pages.flatMap((page) => blocksOf(page, readFileSync(`${root}${page}`, 'utf8')))
