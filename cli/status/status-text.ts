// Prints the state of policies: a table, then what needs attention. For a single policy also its conditions and
// gateways.
import { visibleText } from '../../crds/values/visible-text.ts'
import { coloured, signOf, type Style, type Tone } from '../terminal/style.ts'
import { type Cell, type Column, tableLines } from '../terminal/table.ts'
import { wrapped } from '../terminal/wrap.ts'
import { ageOf, type Attention, attentionOf, verdictOf } from '../../operator/overview/attention.ts'
import { conditionOf, type ConditionView, type GatewayView, type PolicyView } from '../../operator/overview/policy-view.ts'

export interface StatusQuestion {
  readonly views: readonly PolicyView[]
  /** What could not be asked, and which right is missing. */
  readonly notes: readonly string[]
  /** Epoch milliseconds. */
  readonly now: number
  readonly isWide: boolean
  /** Whether one policy was named: its details are shown. */
  readonly isOne: boolean
}

/** From this width on, the wide table is shown. */
export const wideFrom = 140

/** The lines, without line ends. */
export function statusLines({ views, notes, now, isWide, isOne }: StatusQuestion, style: Style): readonly string[] {
  const attention = views.flatMap((view) => attentionOf(view, now).map((one) => ({ view, one })))
  const details = isOne ? views.flatMap((view) => detailLines(view, { now, isWide }, style)) : []
  return [
    ...tableLines(columnsOf(isWide, now, style), views, style),
    ...details,
    ...(attention.length > 0 ? [''] : []),
    ...attention.toSorted(worstFirst).flatMap(({ view, one }) => attentionLines(view, one, style)),
    ...notes.flatMap((note) => ['', ...signedLines('none', note, style)]),
    '',
    ...wrapped(summary(views, now), style.width),
  ]
}

const order = ['bad', 'warn', 'going'] as const
const worstFirst = (a: { readonly one: Attention }, b: { readonly one: Attention }): number =>
  order.indexOf(a.one.tone) - order.indexOf(b.one.tone)

function signed(tone: Tone, text: string, style: Style): Cell {
  return { text: `${signOf(tone, style)}${text === '' ? '' : ` ${text}`}`, tone }
}

function columnsOf(isWide: boolean, now: number, style: Style): readonly Column<PolicyView>[] {
  const common: readonly Column<PolicyView>[] = [
    { head: 'POLICY', of: ({ namespace, name }) => `${namespace}/${name}` },
    { head: 'MODE', of: ({ mode }) => mode },
    {
      head: 'READY',
      of: (view) => {
        const { tone, word } = verdictOf(view)
        return signed(tone, word, style)
      },
    },
    { head: 'GENERATION', isRight: true, of: (view) => generationOf(view, style) },
    { head: 'GATEWAYS', of: ({ isManaged, updated, total }) => (isManaged ? `${updated} of ${total}` : 'your own') },
  ]
  if (!isWide) return [...common, { head: 'MAIL', of: (view) => signed(mailTone(view), '', style) }]
  return [
    ...common,
    { head: 'MAIL SERVERS', of: (view) => mailServersCell(view, style) },
    { head: 'LISTS', of: (view) => listsCell(view, style) },
    { head: 'CLIENTS CONNECT TO', of: ({ addresses, isManaged }) => addresses[0] ?? (isManaged ? '-' : 'gateways of your own') },
    { head: 'AGE', isRight: true, of: ({ createdAt }) => timeSince(createdAt, now) },
    { head: 'VERSION', of: ({ gateways }) => versionsOf(gateways) },
  ]
}

function generationOf({ generation, inForce }: PolicyView, { hasUtf8 }: Style): string {
  return inForce === undefined || inForce === generation ? String(generation) : `${inForce} ${hasUtf8 ? '→' : '->'} ${generation}`
}

function mailTone(view: PolicyView): Tone {
  const status = conditionOf(view, 'BackendReachable')?.status
  return status === 'True' ? 'ok' : status === 'False' ? 'bad' : 'mute'
}

function mailServersCell(view: PolicyView, style: Style): Cell {
  const { mailServers } = view
  if (mailServers.length === 0) return signed(mailTone(view), '', style)
  const works = mailServers.filter(({ state }) => state === 'working').length
  const tone = works === 0 ? 'bad' : works < mailServers.length ? 'warn' : 'ok'
  return signed(tone, `${works} of ${mailServers.length}`, style)
}

function listsCell({ gateways }: PolicyView, style: Style): Cell {
  const [first] = gateways.flatMap(({ page }) => (page === undefined ? [] : [page]))
  if (first === undefined) return { text: '-' }
  if (first.lists.length === 0) return { text: 'none' }
  const used = first.lists.filter((list) => list.used).length
  return signed(used < first.lists.length ? 'warn' : 'ok', `${used} of ${first.lists.length}`, style)
}

const timeSince = (time: string | undefined, now: number): string => (time === undefined ? '-' : ageOf(now - Date.parse(time)))

const versionsOf = (gateways: readonly GatewayView[]): string =>
  [...new Set(gateways.flatMap(({ page }) => (page === undefined ? [] : [page.version])))].toSorted().join(', ') || '-'

function attentionLines({ namespace, name }: PolicyView, { tone, sentence, advice }: Attention, style: Style): readonly string[] {
  const [first = '', ...more] = signedLines(tone, `${namespace}/${name}: ${sentence}.`, style)
  // A command must not be broken.
  return [first, ...more, ...(advice === '' ? [] : [`  ${visibleText(advice)}`])]
}

function signedLines(tone: Tone, text: string, style: Style): readonly string[] {
  const [first = '', ...more] = wrapped(`${signOf(tone, style)} ${visibleText(text)}`, style.width, '  ')
  return [`${coloured(signOf(tone, style), tone, style)}${first.slice(signOf(tone, style).length)}`, ...more]
}

const numbers = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']
const numberWord = (count: number): string => numbers[count] ?? String(count)
const capital = (text: string): string => text.slice(0, 1).toUpperCase() + text.slice(1)
const policyWord = (count: number): string => `${numberWord(count)} ${count === 1 ? 'policy' : 'policies'}`

/** The last line: how many policies need attention. */
function summary(views: readonly PolicyView[], now: number): string {
  const worst = views.map((view) => order.find((tone) => attentionOf(view, now).some((one) => one.tone === tone)))
  const need = worst.filter((tone) => tone === 'bad' || tone === 'warn').length
  const going = worst.filter((tone) => tone === 'going').length
  const parts = [
    ...(need > 0 ? [`${policyWord(need)} ${need === 1 ? 'needs' : 'need'} attention`] : []),
    ...(going > 0 ? [`${policyWord(going)} ${going === 1 ? 'is' : 'are'} on the way`] : []),
  ]
  if (parts.length > 0) return `${capital(parts.join('; '))}.`
  return views.length === 1 ? 'All is well.' : `All is well: ${policyWord(views.length)} are ready.`
}

type Detail = Pick<StatusQuestion, 'now' | 'isWide'>

function detailLines(view: PolicyView, { now, isWide }: Detail, style: Style): readonly string[] {
  const conditions = view.conditions.filter(({ type }) => type !== 'Ready')
  return [
    ...(conditions.length > 0 ? ['', ...tableLines(conditionColumns(now, style), conditions, style)] : []),
    ...(view.gateways.length > 0 ? ['', ...gatewayLines(view.gateways, { now, isWide }, style)] : []),
    ...(view.mailServers.length > 0 ? ['', ...mailServerLines(view.mailServers, style)] : []),
    ...view.notices.flatMap((notice) => ['', ...signedLines('none', notice, style)]),
  ]
}

/** The conditions that are good when they are False. */
const goodWhenFalse = new Set(['Reconciling', 'Stalled'])

function conditionTone({ type, status }: ConditionView): Tone {
  if (status === 'Unknown') return 'none'
  return (status === 'True') !== goodWhenFalse.has(type) ? 'ok' : type === 'Reconciling' ? 'going' : 'warn'
}

const conditionColumns = (now: number, style: Style): readonly Column<ConditionView>[] => [
  { head: 'CONDITION', of: (one) => signed(conditionTone(one), one.type, style) },
  { head: 'STATUS', of: ({ status }) => status },
  { head: 'FOR', isRight: true, of: ({ since }) => timeSince(since, now) },
  { head: 'REASON', of: ({ reason }) => reason },
  { head: 'MESSAGE', of: ({ message }) => message },
]

/** A column of reasons is shown if one of them is known. */
const reasons = <Row>(rows: readonly Row[], of: (row: Row) => string): readonly Column<Row>[] =>
  rows.some((row) => of(row) !== '') ? [{ head: 'WHY', of }] : []

function gatewayLines(gateways: readonly GatewayView[], { now, isWide }: Detail, style: Style): readonly string[] {
  const more: readonly Column<GatewayView>[] = [
    { head: 'AGE', isRight: true, of: ({ startedAt }) => timeSince(startedAt, now) },
    { head: 'VERSION', of: ({ page }) => page?.version ?? '-' },
  ]
  const columns: readonly Column<GatewayView>[] = [
    { head: 'GATEWAY', of: ({ name }) => name },
    { head: 'STATE', of: (gateway) => gatewayState(gateway, style) },
    { head: 'GENERATION', isRight: true, of: ({ page }) => String(page?.generation ?? '-') },
    { head: 'SESSIONS', isRight: true, of: ({ page }) => sessionsOf(page) },
    ...(isWide ? more : []),
    ...reasons(gateways, ({ page, trouble, error }) => trouble ?? error ?? page?.notReady.join('; ') ?? ''),
  ]
  return tableLines(columns, gateways, style)
}

const sessionsOf = (page: GatewayView['page']): string =>
  page === undefined ? '-' : String(Object.values(page.phases).reduce((sum, number) => sum + number, 0))

function gatewayState({ isEnding, ready, address, trouble, page }: GatewayView, style: Style): Cell {
  if (isEnding || page?.draining === true) return signed('going', 'drains', style)
  if (trouble !== undefined) return signed('bad', 'does not run', style)
  if (address === undefined) return signed('going', 'starts', style)
  return ready ? signed('ok', 'takes clients', style) : signed('bad', 'not ready', style)
}

function mailServerLines(servers: PolicyView['mailServers'], style: Style): readonly string[] {
  const columns: readonly Column<PolicyView['mailServers'][number]>[] = [
    { head: 'MAIL SERVER', of: ({ name }) => name },
    { head: 'STATE', of: ({ state }) => signed(state === 'working' ? 'ok' : 'bad', state === 'working' ? 'works' : state, style) },
    { head: 'SESSIONS', isRight: true, of: ({ sessions }) => String(sessions) },
    ...reasons(servers, ({ state, error }) => (state === 'working' ? '' : (error ?? ''))),
  ]
  return tableLines(columns, servers, style)
}
