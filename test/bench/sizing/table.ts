// Tables in Markdown.

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`

export const table = (heads: readonly string[], rows: readonly (readonly string[])[]): string =>
  [line(heads), line(heads.map(() => '---')), ...rows.map(line)].join('\n')
