// Small mistakes in a regular expression: another count of repetitions, an anchor or a flag left out.

const withoutEscapes = (pattern: string): string =>
  pattern.replace(/\\./g, '__').replace(/\[(?:[^\]]*)\]/g, (set) => `[${'_'.repeat(set.length - 2)}]`)

/** Other expressions for `/…/flags`, each with one mistake. */
export function mutateRegex(text: string): readonly string[] {
  const last = text.lastIndexOf('/')
  const pattern = text.slice(0, last)
  const flags = text.slice(last)
  // Escaped characters and sets of characters have no repetitions or anchors inside; lengths stay.
  const outline = withoutEscapes(pattern)
  const changed = [...outline.matchAll(/\{\d+(?:,\d*)?\}|(?<!\()[+*?]|\^|\$/g)].flatMap(({ 0: found, index }) => {
    if (found === '?' && /[+*?}]/.test(outline[index - 1] ?? '')) return []
    return instead(found).map((other) => pattern.slice(0, index) + other + pattern.slice(index + found.length) + flags)
  })
  const withoutFlag = ['i', 'm', 's', 'u', 'g'].filter((flag) => flags.includes(flag))
  return [...changed, ...withoutFlag.map((flag) => pattern + flags.replace(flag, ''))]
}

function instead(found: string): readonly string[] {
  if (found === '+') return ['*', '']
  if (found === '*') return ['+', '']
  if (found === '?' || found === '^' || found === '$') return ['']
  const [, low = '0', comma = '', high = ''] = /\{(\d+)(,?)(\d*)\}/.exec(found) ?? []
  const counts: (readonly [number, string])[] = [
    [Number(low) + 1, high],
    [Number(low) - 1, high],
    ...(high === '' ? [] : [[Number(low), String(Number(high) + 1)] as const, [Number(low), String(Number(high) - 1)] as const]),
  ]
  return counts
    .filter(([least, most]) => least >= 0 && (most === '' || least <= Number(most)))
    .map(([least, most]) => `{${least}${comma}${most}}`)
}
