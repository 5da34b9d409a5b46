// Prints an explanation as text: the verdict first, then a section for each thing that decides.
import { visibleText } from '../../crds/values/visible-text.ts'
import { inWords } from '../../gateway/core/explain/access-place.ts'
import type { Explanation } from '../../gateway/core/explain/explanation.ts'
import type { NetworkExplanation } from '../../gateway/core/explain/network-explanation.ts'
import type { ExplainPage } from '../../gateway/observability/explain/explain-page.ts'
import { localTime, timeLeft } from '../allowlist/table.ts'
import { inColumns } from '../columns.ts'
import type { GatewayAnswer } from './answer.ts'
import type { Difference } from './differences.ts'
import { problemLines, recordLines } from './record-lines.ts'

type Lines = readonly string[]

const headWidth = 14

/** A section: its name in front of the first line, the others below it. */
function section(name: string, lines: Lines): Lines {
  return lines.map((line, index) => `${(index === 0 ? name : '').padEnd(headWidth)}${line}`.trimEnd())
}

/** Everything about one subject. Texts of clients and gateways are made visible. */
export function textOf(subject: string, answers: readonly GatewayAnswer[], differences: readonly Difference[]): string {
  const [first] = answers.filter(({ page }) => page !== undefined)
  const lines = [
    ...(first?.page === undefined ? [] : pageLines(first.page)),
    ...sessionLines(answers),
    ...differenceLines(answers, differences),
    ...answers.flatMap(({ gateway, error }) => (error === undefined ? [] : section('no answer', [`${gateway}: ${error}`]))),
  ]
  return [subject, ...lines]
    .slice(first?.page?.address === undefined ? 0 : 1)
    .map((line) => `${visibleText(line)}\n`)
    .join('')
}

function pageLines(page: ExplainPage): Lines {
  const { address, network } = page
  const decided = address === undefined ? (network === undefined ? [] : networkLines(network, page)) : addressLines(address, page)
  return [...(address === undefined ? [] : [address.verdict.sentence, '']), ...policyLines(page), ...decided]
}

function policyLines({ policy, leftOut, version, address }: ExplainPage): Lines {
  const { name, namespace, generation, mode } = policy
  const place = namespace === null ? name : `${namespace}/${name}`
  const about = [`${place}${generation === null ? '' : `, generation ${generation}`}, mode ${mode}, version ${version}`]
  const stress = address?.stress === true ? ['the gateway is in stress mode: shorter waits'] : []
  return section('policy', [...about, ...stress, ...leftOut.map(({ path, why }) => `not in use: ${path}: ${why}`)])
}

function addressLines(address: NonNullable<ExplainPage['address']>, { allowlist, unhealthyLists }: ExplainPage): Lines {
  return [
    ...section('access list', accessLines(address)),
    ...section('allowlist', [...recordLines(address.allowlist), `stored in ${allowlist.name}`, ...problemLines(allowlist.problem)]),
    ...section('DNS lists', [...listLines(address.dnsbl), ...unhealthyLines(unhealthyLists)]),
    ...section(
      'limits',
      address.limits.map(({ field, now, limit }) => `${field}: ${now} now, ${limit === 0 ? 'no limit' : `at most ${limit}`}`),
    ),
    ...section('address', addressStandingLines(address)),
    ...section('bans', banLines(address)),
    ...section('probes', [address.isHealthCheck ? 'in spec.probes.networks: a health check' : 'not in spec.probes.networks']),
    ...(address.needsProxyHeader ? section('PROXY', ['connections from this address must begin with a PROXY header']) : []),
    ...section('PTR', [address.ptr.error ?? (address.ptr.names.length === 0 ? 'none' : address.ptr.names.join(', '))]),
  ]
}

const standings = {
  expected: 'expected (clientAddress.internal or access)',
  listed: 'private, admitted by access',
  private: 'private, and neither in clientAddress.internal nor in access',
  public: 'public',
} as const

function addressStandingLines({ clientAddress: { standing, told, isLost, guard } }: Explanation): Lines {
  return [
    standings[standing],
    told === null ? 'mail servers are told no address (backend.proxyProtocol: None)' : `mail servers are told ${told}`,
    ...(isLost ? [`almost all clients seem to have such an address, so it is probably not theirs (clientAddress.guard: ${guard})`] : []),
  ]
}

function banLines({ ban }: Explanation): Lines {
  if (ban === undefined) return ['the policy has none']
  const { network, until, nth, by, failures, after } = ban
  if (until === undefined) return [`${network} is not banned: ${failures} of ${after} failures`]
  const which = by === 'administrator' ? 'by an administrator' : `ban ${nth ?? 1} of this network`
  return [`${network} is banned until ${localTime(until)} (${timeLeft(until - Date.now() / 1000)} left), ${which}`]
}

function accessLines({ access, denylistAction }: Explanation): Lines {
  if (access.field === undefined) return ['no rule decides']
  if (access.unknownResult === true) return [`${inWords(access)} has a result that is not permit, reject or dunno: the tests decide`]
  const what = { Permit: 'permits it', Reject: `rejects it (denylist.action: ${denylistAction})`, Dunno: 'leaves it to the tests' }
  return [`${inWords(access)} ${what[access.decision]}`]
}

function listLines({ lists, score, threshold, allowThreshold, action, standing }: Explanation['dnsbl']): Lines {
  if (lists.length === 0) return ['the policy has none']
  const meaning = { listed: `fails the test (dnsbl.action: ${action})`, vouched: 'skips all other tests', neither: 'passes this test' }
  const thresholds = `dnsbl.threshold ${threshold}${allowThreshold === 0 ? '' : `, dnsbl.allowThreshold ${allowThreshold}`}`
  const rows = lists.map(({ question, addresses, weight, ttl, afterMs, means, about, hasKey, inTime }) => [
    signed(weight),
    `${question}${hasKey ? ' (with the key)' : ''}`,
    addresses.length === 0 ? '-' : addresses.join(' '),
    ttl < 0 ? '-' : `TTL ${ttl} s`,
    inTime ? `${afterMs} ms` : 'too late',
    `${means} [${about}]`,
  ])
  return [`score ${score}: ${meaning[standing]} (${thresholds})`, ...inColumns(rows)]
}

const unhealthyLines = (lists: ExplainPage['unhealthyLists']): Lines =>
  lists.map(
    ({ list, since, reason, answer, advice, used }) =>
      `${list} is ${used ? 'unhealthy, but used (dnsbl.whenUnhealthy: Keep),' : 'suspended'} since ${since}: ${reason} (answer: ${answer}): ${advice}`,
  )

const signed = (weight: number): string => (weight > 0 ? `+${weight}` : String(weight))

function networkLines({ network, parts, hasMoreParts, allowlist, isTooLarge }: NetworkExplanation, page: ExplainPage): Lines {
  const rows = parts.map(({ first, last, access }) => [
    `${first} - ${last}`,
    access.field === undefined ? 'no rule decides' : `${access.decision}: ${inWords(access)}`,
  ])
  const records = allowlist.flatMap(recordLines)
  const none = isTooLarge ? `${network} has too many clients to look up; ask about an address` : 'no records'
  return [
    ...section('access list', [...inColumns(rows), ...(hasMoreParts ? ['and further parts'] : [])]),
    ...section('allowlist', [...(records.length === 0 ? [none] : records), ...problemLines(page.allowlist.problem)]),
    ...section('DNS lists', ['not asked: they answer about single addresses']),
  ]
}

function sessionLines(answers: readonly GatewayAnswer[]): Lines {
  const asked = answers.flatMap(({ gateway, page }) => (page === undefined ? [] : [{ gateway, recent: page.recent }]))
  if (asked.length === 0) return []
  const many = asked.length > 1
  const sessions = asked
    .flatMap(({ gateway, recent }) => recent.sessions.map((session) => ({ ...session, place: many ? ` at ${gateway}` : '' })))
    .toSorted((a, b) => (a.began < b.began ? 1 : -1))
  const kept = asked.reduce((sum, { recent }) => sum + recent.kept, 0)
  if (sessions.length === 0) return section('sessions', [kept === 0 ? 'none are remembered' : `none among the last ${kept} of all clients`])
  return section(
    'sessions',
    sessions.flatMap(({ client, began, place, session, events, moreEvents }) => [
      `${began} ${client}${place}, session ${session}`,
      ...events.map(({ afterSeconds, text }) => `  ${afterSeconds.toFixed(1).padStart(6)} s  ${text}`),
      ...(moreEvents > 0 ? [`            and ${moreEvents} further events`] : []),
    ]),
  )
}

function differenceLines(answers: readonly GatewayAnswer[], differences: readonly Difference[]): Lines {
  const asked = answers.filter(({ page }) => page !== undefined).length
  if (asked < 2) return []
  if (differences.length === 0) return section('gateways', [`all ${asked} agree`])
  const lines = differences.flatMap(({ of, values }) => [
    `differ in: ${of}`,
    ...values.map(({ value, gateways }) => `  ${gateways.join(', ')}: ${value}`),
  ])
  return section('gateways', lines)
}
