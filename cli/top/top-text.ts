// The screen of `postscreen top`: the state of one policy, in as many lines as the terminal has.
import { visibleText } from '../../crds/values/visible-text.ts'
import { beside, cutPainted } from '../terminal/painted.ts'
import { coloured, signOf, type Style } from '../terminal/style.ts'
import { wrapped } from '../terminal/wrap.ts'
import type { TopView } from './combined.ts'
import { healthOf } from './health.ts'
import { byGroup, refusedOf, totalOf } from './outcome-groups.ts'
import { plotLines } from './plot.ts'
import { lists, networks, mailServers, limits, outcomes, phases, policyLines, type Sort } from './top-tables.ts'

export interface Screen {
  readonly view: TopView
  /** Epoch milliseconds. */
  readonly now: number
  /** `live`, `paused`, or why what is seen is old. */
  readonly state: string
  readonly sort: Sort
  /** The place of this policy among those that can be shown. */
  readonly place?: { readonly number: number; readonly of: number }
  /** Lines of the terminal; undefined: as many as there are. */
  readonly height?: number | undefined
}

/** From this width on, tables stand beside the plot. */
export const wideFrom = 140
/** Where the right half begins. */
const rightHalf = { narrow: 47, wide: 72 }
const hereNow = { narrow: 40, wide: 119 }
const limitsAt = 124
const faultLines = 2

/** The lines, without line ends, none wider than the terminal. */
export function topLines(screen: Screen, style: Style): readonly string[] {
  const width = style.width ?? 80
  const sized = { ...style, width }
  const lines = width >= wideFrom ? wide(screen, sized) : narrow(screen, sized)
  const { height = lines.length } = screen
  return fitted(lines, height).map((line) => cutPainted(line.trimEnd(), width))
}

/** Where there is not room for all lines, empty ones are left out first. */
function fitted(lines: readonly string[], height: number): readonly string[] {
  let surplus = lines.length - height
  const kept = lines.filter((line) => line !== '' || surplus-- <= 0)
  return kept.slice(0, height)
}

type Sized = Style & { readonly width: number }

function narrow(screen: Screen, style: Sized): readonly string[] {
  const { view, sort } = screen
  return [
    ...head(screen, style),
    ...plot(view, style, 5),
    '',
    ...beside(outcomes(view, false, style), phases(view, style), hereNow.narrow),
    '',
    ...beside(
      lists(view, { isWide: false, sort }, style),
      [...mailServers(view, false, style), ...limits(view, false, style)],
      rightHalf.narrow,
    ),
  ]
}

function wide(screen: Screen, style: Sized): readonly string[] {
  const { view, sort, now } = screen
  const right = beside(outcomes(view, true, style), phases(view, style), hereNow.wide - rightHalf.wide)
  const servers = beside(mailServers(view, true, style), limits(view, true, style), limitsAt - rightHalf.wide)
  return [
    ...head(screen, style),
    '',
    ...beside(plot(view, style, 7), right, rightHalf.wide),
    '',
    ...beside(lists(view, { isWide: true, sort }, style), servers, rightHalf.wide),
    '',
    ...beside(networks(view, style), policyLines(view, now), rightHalf.wide),
  ]
}

function head({ view, now, state, place }: Screen, style: Sized): readonly string[] {
  const { namespace, policy, policies, gateways, silent } = view
  const generations = [...new Set(policies.map(({ generation }) => generation ?? '-'))].join(', ')
  const asked = gateways + silent.length
  const counted = silent.length === 0 ? String(gateways) : `${gateways} of ${asked}`
  const left = [
    `${namespace}/${policy}`,
    ...(place !== undefined && place.of > 1 ? [`(${place.number} of ${place.of})`] : []),
    policies.at(-1)?.mode ?? '',
    generations === '' ? 'no policy yet' : `generation ${generations}`,
    `${counted} ${asked === 1 ? 'gateway' : 'gateways'}`,
  ]
  const right = `${new Date(now).toISOString().slice(11, 19)} UTC  ${state}`
  const first = cutPainted(visibleText(left.filter((part) => part !== '').join('  ')), Math.max(0, style.width - right.length - 1))
  const health = healthOf(view, now)
  const sign = signOf(health.tone, style)
  const sentence = visibleText(health.sentence)
  const faults = health.faults.slice(0, faultLines).flatMap((fault) => cutText(`  ${visibleText(fault)}.`, style))
  const more = health.faults.length - faultLines
  return [
    ...beside([first], [right], style.width - right.length),
    `${coloured(sign, health.tone, style)} ${sentence}`,
    ...faults,
    ...(more > 0 ? [`  and ${more} more: kubectl postscreen status -n ${visibleText(namespace)} ${visibleText(policy)}`] : []),
  ]
}

/** The first line of the text; the rest is replaced by a sign. */
function cutText(text: string, style: Sized): readonly string[] {
  const [first = '', ...rest] = wrapped(text, style.width - 1)
  return [rest.length === 0 ? first : `${first}${style.hasUtf8 ? '…' : '.'}`]
}

function plot({ minutes, lastMinute, policies }: TopView, style: Style, height: number): readonly string[] {
  const byMinute = minutes.map(byGroup)
  const whole = byMinute.at(-2) ?? []
  const total = totalOf(whole)
  const word = policies.at(-1)?.mode === 'Audit' ? 'would be refused' : 'refused'
  const share = total === 0 ? '' : `, ${Math.round((100 * refusedOf(whole)) / total)} % ${word}`
  const title = `SESSIONS A MINUTE  ${total.toLocaleString('en-US')}${share}`
  return [title, ...plotLines({ minutes: byMinute.slice(-60), lastMinute, height }, style)]
}
