// Prints the differences of two policies.
import { visibleText } from '../../crds/values/visible-text.ts'
import { coloured, type Style } from '../terminal/style.ts'
import { wrapped } from '../terminal/wrap.ts'
import type { FieldDifference } from './differences.ts'
import type { Effective } from './effective.ts'

/** The lines: one for each field, and one for each entry of a list. */
export function diffLines(differences: readonly FieldDifference[], style: Style): readonly string[] {
  return differences.flatMap((one) => fieldLines(one, style))
}

function fieldLines({ path, before, after, removed, added }: FieldDifference, style: Style): readonly string[] {
  const arrow = style.hasUtf8 ? '→' : '->'
  if (removed === undefined || added === undefined)
    return wrapped(visibleText(`${path}: ${shown(before)} ${arrow} ${shown(after)}`), style.width, '    ')
  if (removed.length + added.length === 0) return [`${path}: the same entries in another order`]
  const note = after?.isDefault === true ? ' (default)' : ''
  return [
    `${path}:${note}`,
    ...removed.map((entry) => coloured(visibleText(`  - ${valueText(entry)}`), 'bad', style)),
    ...added.map((entry) => coloured(visibleText(`  + ${valueText(entry)}`), 'ok', style)),
  ]
}

function shown(effective: Effective | undefined): string {
  if (effective === undefined) return 'not set'
  return `${valueText(effective.value)}${effective.isDefault ? ' (default)' : ''}`
}

/** As in YAML's flow style: short, and what can be typed. */
function valueText(value: unknown): string {
  if (typeof value === 'string') return value === '' ? "''" : value
  if (Array.isArray(value)) return `[${value.map(valueText).join(', ')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .map(([name, inner]) => `${name}: ${valueText(inner)}`)
      .join(', ')}}`
  return String(value)
}
