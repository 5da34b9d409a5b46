// The table of values in the chart's README. The comment directly above a key in values.yaml describes it.
import { load } from 'js-yaml'

export interface Value {
  /** Such as `image.repository`. */
  readonly path: string
  /** The comment above the key, as one line. */
  readonly text: string
  readonly value: unknown
}

export interface Section {
  readonly title: string
  readonly values: readonly Value[]
}

interface Key {
  readonly path: readonly string[]
  readonly text: string
  readonly section: string
}

/**
 * The keys of block mappings with their comments, in order. Entries of lists and quoted texts of several lines are not
 * parsed.
 */
function keysOf(yaml: string): readonly Key[] {
  const keys: Key[] = []
  let open: readonly { readonly indent: number; readonly name: string }[] = []
  let comment: string[] = []
  let section = ''
  for (const line of yaml.split('\n')) {
    const [, title] = /^# -- (.+)$/.exec(line) ?? []
    const [, note] = /^ *# (.+)$/.exec(line) ?? []
    const [, spaces = '', name] = /^( *)([A-Za-z0-9_./-]+):(?: |$)/.exec(line) ?? []
    if (title !== undefined) section = title
    else if (note !== undefined) comment.push(note)
    else if (name !== undefined) {
      open = [...open.filter(({ indent }) => indent < spaces.length), { indent: spaces.length, name }]
      keys.push({ path: open.map((one) => one.name), text: comment.join(' '), section })
    }
    if (note === undefined || title !== undefined) comment = []
  }
  return keys
}

const within = (inner: Key, outer: Key): boolean =>
  inner.path.length > outer.path.length && outer.path.every((name, at) => inner.path[at] === name)

function valueAt(values: unknown, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (at, name) => (typeof at === 'object' && at !== null ? (at as Record<string, unknown>)[name] : undefined),
    values,
  )
}

/**
 * The values of a values.yaml by section. A mapping counts as one value unless a key inside it has its own comment.
 * Throws an Error with the name of the key if a value has no comment.
 */
export function sectionsOf(yaml: string): readonly Section[] {
  const values: unknown = load(yaml)
  const keys = keysOf(yaml)
  const described = keys.filter((key) => key.text !== '')
  const isGroup = (key: Key): boolean => described.some((other) => within(other, key))
  const leaves = keys.filter((key) => !isGroup(key) && !described.some((other) => within(key, other) && !isGroup(other)))
  const bare = leaves.find(({ text }) => text === '')
  if (bare !== undefined) throw new Error(`values.yaml: ${bare.path.join('.')} has no comment`)
  const titles = [...new Set(leaves.map(({ section }) => section))]
  return titles.map((title) => ({
    title,
    values: leaves
      .filter(({ section }) => section === title)
      .map(({ path, text }) => ({ path: path.join('.'), text, value: valueAt(values, path) })),
  }))
}

const cell = (text: string): string => text.replaceAll('|', '\\|')

/** Markdown: a heading and a table for each section. */
export function valuesTable(yaml: string): string {
  const tables = sectionsOf(yaml).map(({ title, values }) => {
    const rows = values.map(({ path, text, value }) => `| \`${path}\` | \`${cell(JSON.stringify(value))}\` | ${cell(text)} |`)
    return [`### ${title}`, '', '| Value | Default | |', '| --- | --- | --- |', ...rows].join('\n')
  })
  return tables.join('\n\n')
}

const begin = '<!-- The tables are generated from the comments in values.yaml by `npm run generate`. -->'
const end = '<!-- End of the tables. -->'

/** The README with its tables replaced. Throws if the README does not have the two markers. */
export function withValuesTable(readme: string, yaml: string): string {
  const from = readme.indexOf(begin)
  const to = readme.indexOf(end)
  if (from < 0 || to < from) throw new Error('the README of the chart does not have the markers of the tables of values')
  return `${readme.slice(0, from + begin.length)}\n\n${valuesTable(yaml)}\n\n${readme.slice(to)}`
}
