// A sender as text, for the data directory, the shared store and the other workers. What is read is not trusted: a text
// that another program has written gives nothing that a refresh would not give.
import { isObject } from '../../crds/is-object.ts'
import { formatNetwork, type Network, readNetwork } from '../../crds/values/network.ts'
import { notesKept, type SpfNote } from '../core/spf/expand-spf.ts'
import { normalized, sizeOf } from '../core/spf/network-set.ts'
import { newSender, type Sender, type SenderProblem, type SpfNotes } from '../core/spf/sender.ts'
import { checkNetwork, type SpfBounds, whyTooLarge } from '../core/spf/spf-bounds.ts'

/** Increased when the meaning of a field changes; texts of another version are not read. */
const version = 1
/** Enough for the largest set with all notes. */
export const longestSender = 2 ** 20

export function formatSender(sender: Sender): string {
  const { networks, held, ...rest } = sender
  const texts = (some: readonly Network[]): readonly string[] => some.map(formatNetwork)
  return JSON.stringify({ version, ...rest, networks: texts(networks), ...(held && { held: { ...held, networks: texts(held.networks) } }) })
}

type Fields = Readonly<Record<string, unknown>>

/** Undefined for a text that formatSender has not written, or that the bounds do not allow. Never throws. */
export function parseSender(text: string, bounds: SpfBounds): Sender | undefined {
  if (text.length > longestSender) return undefined
  let fields: unknown
  try {
    fields = JSON.parse(text)
  } catch {
    return undefined
  }
  if (!isObject(fields) || fields['version'] !== version) return undefined
  const domain = fields['domain']
  const networks = networksOf(fields['networks'], bounds)
  if (typeof domain !== 'string' || domain === '' || domain.length > 253 || networks === undefined) return undefined
  const problem = isObject(fields['problem']) ? fields['problem'] : undefined
  return {
    ...newSender(domain, timeOf(fields['dueAt'])),
    networks,
    goodAt: timeOf(fields['goodAt']),
    triedAt: timeOf(fields['triedAt']),
    failures: Math.min(timeOf(fields['failures']), 1000),
    problem: problem && { reason: reasonOf(problem['reason']), why: line(problem['why']), since: timeOf(problem['since']) },
    held: heldOf(fields['held'], bounds),
    notes: notesOf(isObject(fields['notes']) ? fields['notes'] : {}),
    lookups: timeOf(fields['lookups']),
    queries: timeOf(fields['queries']),
  }
}

function networksOf(value: unknown, bounds: SpfBounds): readonly Network[] | undefined {
  if (!Array.isArray(value) || value.length > bounds.ofSender.networks) return undefined
  const networks: Network[] = []
  for (const text of value) {
    const read = typeof text === 'string' ? readNetwork(text) : undefined
    if (read === undefined || 'why' in read || checkNetwork(read.value, bounds).networks[0] !== read.value) return undefined
    networks.push(read.value)
  }
  const set = normalized(networks)
  return whyTooLarge(sizeOf(set), bounds.ofSender) === undefined ? set : undefined
}

function heldOf(value: unknown, bounds: SpfBounds): Sender['held'] {
  if (!isObject(value)) return undefined
  const networks = networksOf(value['networks'], bounds)
  return networks && { networks, since: timeOf(value['since']), why: line(value['why']) }
}

const reasons: readonly SenderProblem[] = [
  'DNSError',
  'NoRecord',
  'SeveralRecords',
  'SyntaxError',
  'PermitsAll',
  'LimitReached',
  'TooLarge',
  'PartlyUnread',
]
const reasonOf = (value: unknown): SenderProblem => reasons.find((reason) => reason === value) ?? 'DNSError'

const timeOf = (value: unknown): number => (typeof value === 'number' && Number.isFinite(value) && value >= 0 ? value : 0)
const longestLine = 600
const line = (value: unknown): string => (typeof value === 'string' ? value.slice(0, longestLine).replaceAll(/[^ -~]/g, '?') : '')

function notesOf(fields: Fields): SpfNotes {
  const read = (list: keyof SpfNotes): readonly SpfNote[] => {
    const value = fields[list]
    const notes = Array.isArray(value) ? value.slice(0, notesKept + 2).filter(isObject) : []
    return notes.map(({ domain, term, why }) => ({ domain: line(domain), term: line(term), why: line(why) }))
  }
  return { unread: read('unread'), refused: read('refused'), notExpandable: read('notExpandable'), warnings: read('warnings') }
}
