// The outcomes of sessions as the pages show them: their groups, names, signs, and what was taken away by which step.

/** From the bottom of the plot to its top. `of`: outcomes of the gateway. */
export const groups = [
  { id: 'known', name: 'Known, handed off', sign: 'on', kind: 'on', of: ['known'] },
  { id: 'new', name: 'New, handed off', sign: 'on', kind: 'on', of: ['new'] },
  { id: 'back', name: 'Asked to come back', sign: 'back', kind: 'back', of: ['comeBack'] },
  { id: 'none', name: 'Clean, no mail server', sign: 'no', kind: 'none', of: ['noBackend'] },
  { id: 'hang', name: 'Hung up', sign: 'hang', kind: 'hang', of: ['hangup'] },
  { id: 'pre', name: 'Spoke too early', sign: 'no', kind: 'no', of: ['pregreet'] },
  { id: 'list', name: 'On DNS lists', sign: 'no', kind: 'no', of: ['dnsbl'] },
  { id: 'other', name: 'Other refusals', sign: 'no', kind: 'no', of: ['accessList', 'banned', 'limits', 'deepTests', 'backendRefused', 'shutdown'] },
]

export const groupOf = Object.fromEntries(groups.flatMap((group) => group.of.map((outcome) => [outcome, group])))

/** What the list of sessions says. */
const words = {
  known: 'Handed off',
  new: 'Handed off, new',
  comeBack: 'Asked to come back',
  noBackend: 'No mail server',
  hangup: 'Hung up',
  shutdown: 'Gateway stopped',
}
export function wordOf({ outcome, audit }) {
  if (audit && groupOf[outcome].kind === 'no') return 'Would refuse'
  if (audit && outcome === 'comeBack') return 'Would ask to return'
  return words[outcome] ?? 'Refused'
}

export const shortNames = { pregreet: 'too early', dnsbl: 'DNS lists', deepTests: 'deep tests', accessList: 'access list', banned: 'bans', limits: 'limits' }

/** The steps of a day in their order, and whether a row is there without a session. */
export const steps = [
  ['Hung up', 'hangup', true],
  ['Access list', 'accessList', true],
  ['Bans', 'banned', false],
  ['Limits', 'limits', false],
  ['Spoke too early', 'pregreet', true],
  ['On DNS lists', 'dnsbl', true],
  ['Deep tests', 'deepTests', true],
  ['Asked to return', 'comeBack', true],
  ['No mail server', 'noBackend', false],
  ['Refused there', 'backendRefused', false],
  ['Gateway stopped', 'shutdown', false],
]

/** The counts of one row, by group. */
export function byGroup(row, outcomes) {
  const sums = Object.fromEntries(groups.map(({ id }) => [id, 0]))
  outcomes.forEach((outcome, i) => (sums[groupOf[outcome]?.id ?? 'other'] += row[i] ?? 0))
  return sums
}

export const totalOf = (sums) => groups.reduce((total, { id }) => total + sums[id], 0)
export const refusedOf = (sums) => sums.pre + sums.list + sums.other
