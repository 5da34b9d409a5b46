// The panels of the gateway's page: each draws one part of the state.
import { bar, byId, bytes, count, duration, h, icon, minuteOf, percent, plural, put, say, state, took } from './dom.js'
import { targets } from './health.js'
import { groupOf, shortNames, steps } from './outcomes.js'

const phases = [
  ['header', 'Waits for its PROXY header'],
  ['recall', 'Looked up in the allowlist'],
  ['early', 'In the greet wait'],
  ['smtp', 'Talks to the gateway'],
  ['replay', 'Repeated to a mail server'],
  ['handoff', 'Waits for a mail server'],
  ['relay', 'With a mail server'],
  ['closing', 'Reads its last reply'],
]

const body = (id) => byId(id).tBodies[0]
const cell = (props, ...kids) => h('td', props, ...kids)
const number = (text, mute = false) => cell({ class: mute ? 'num mute' : 'num' }, text)

export function drawPhases({ status, policy }) {
  const counts = status.sessions
  const most = Math.max(1, ...Object.values(counts))
  const isShown = ([id]) => counts[id] > 0 || (id === 'replay' ? policy?.handoff === 'SameSession' : id !== 'header')
  say('nowsum', plural(Object.values(counts).reduce((sum, one) => sum + one, 0), 'session'))
  const waits = (id) => id === 'handoff' && status.notReady.length > 0 && !status.draining
  put(body('phases'), phases.filter(isShown).map(([id, name]) => h('tr', { 'data-phase': id }, cell({}, name), cell({ class: 't' }, bar(counts[id] / most, waits(id) ? 'var(--bad)' : '')), number(count(counts[id] ?? 0)))))
}

export function drawToday({ hour, outcomes, reconnects, at, policy }) {
  if (hour === null) return
  const isAudit = policy?.mode === 'Audit'
  const of = (outcome) => hour.today[outcomes.indexOf(outcome)] ?? 0
  const all = hour.today.reduce((sum, one) => sum + one, 0)
  const midnight = at - (at % 86_400_000)
  say('today', hour.since <= midnight ? 'since 00:00 UTC' : `since ${minuteOf(hour.since)} UTC, when it started`)
  const part = (from, to, id) => h('i', { class: id === undefined ? 'rest' : undefined, 'data-o': id, style: { left: `${(100 * from) / (all || 1)}%`, width: `${(100 * (to - from)) / (all || 1)}%`, 'min-width': to > from ? '1px' : '0' } })
  const row = (name, value, parts, isTotal, key) => h('div', { class: isTotal ? 'f total' : 'f', 'data-step': key }, h('span', { class: 'nowrap' }, name), h('span', { class: 'fall' }, parts), h('span', { class: 'num' }, `${!isTotal && value > 0 ? '−' : ''}${count(value)}`), h('span', { class: 'num mute' }, all > 0 ? percent(value, all) : ''))
  let rest = all
  const rows = steps.filter(([, outcome, always]) => always || of(outcome) > 0).map(([name, outcome]) => {
    const value = of(outcome)
    rest -= value
    return row(name, value, [part(0, rest), part(rest, rest + value, groupOf[outcome].id)], false, outcome)
  })
  put('funnel', row('Connected', all, [part(0, all)], true, 'connected'), rows, row(isAudit ? 'Clean' : 'Handed off', rest, [part(0, of('known'), 'known'), part(of('known'), rest, 'new')], true, 'handedOn'))
  const { told, came, medianMs } = reconnects
  const known = `${count(of('known'))} of them were known. `
  if (all === 0) say('reconnect', 'No session has ended today.')
  else if (isAudit) say('reconnect', 'Every client was handed off; this is what Enforce mode would have done.')
  else say('reconnect', known + (told === 0 ? 'No client was asked to return.' : `Of ${count(told)} asked to return, ${percent(came, told)} did${medianMs === undefined ? '' : `, half of them within ${duration(medianMs)}`}.`))
}

export function drawLists({ status, policy, lists, at }) {
  const { dnsbl } = status
  const weights = Map.groupBy(policy?.lists ?? [], ({ list }) => list)
  const servers = dnsbl.servers.map((server) => server.address ?? server.server ?? server).filter((name) => typeof name === 'string')
  put('resolvers', dnsbl.resolver === 'works' ? (servers.length > 0 ? state('ok', `DNS servers ${[...new Set(servers)].slice(0, 2).join(', ')}`) : '') : state('bad', dnsbl.resolver === 'down' ? 'the DNS resolver does not answer' : 'the DNS resolver changes answers'))
  byId('lists').tHead.hidden = weights.size === 0
  if (weights.size === 0) return put(body('lists'), h('tr', {}, cell({ class: 'empty', colspan: 6 }, 'No DNS list in this policy; the test is off.')))
  put(body('lists'), [...weights].map(([list, entries]) => {
    const numbers = lists.find(({ name }) => name === list)
    const sum = entries.map(({ weight }) => `${weight < 0 ? '−' : '+'}${Math.abs(weight)}`).join(' ')
    const answers = numbers?.answers ?? 0
    return h('tr', { 'data-list': list }, cell({}, h('span', { class: 'mono' }, list), ' ', h('span', { class: 'mute small nowrap' }, sum.length > 20 ? `${sum.slice(0, 20)}…` : sum)), cell({}, listState(list, dnsbl, at)), cell({ class: 'num opt' }, count(numbers?.lastMinute ?? 0)), number(percent(numbers?.listed ?? 0, answers)), number(numbers?.medianMs === undefined ? '–' : took(numbers.medianMs)), cell({ class: 'num opt mute' }, numbers?.slowMs === undefined ? '–' : took(numbers.slowMs)))
  }))
}

function listState(list, { sites, lists }, at) {
  const health = lists.find((one) => one.list === list)
  const site = sites.find((one) => one.site === list)
  const since = (time) => duration(at - Date.parse(time))
  if (health?.state === 'suspended') return state('bad', `${health.used ? 'faulty' : 'not used'} for ${since(health.since)}`)
  if (site?.failing) return state('bad', `fails for ${since(site.failing.since)}`)
  if (site === undefined || site.lastAt === null) return state('idle', 'not asked')
  return site.lastOutcome === 'timeout' || site.lastOutcome === 'error' ? state('warn', site.lastOutcome === 'timeout' ? 'last one silent' : 'last one failed') : state('ok', 'answers')
}

export function drawMailServers({ status, mailServers }) {
  const all = targets(status)
  const works = all.filter((one) => one.state === 'working').length
  say('mailinfo', all.length === 0 ? '' : works === all.length ? (works === 1 ? 'it works' : works === 2 ? 'both work' : `all ${works} work`) : `${works} of ${all.length} ${works === 1 ? 'works' : 'work'}`)
  byId('mail').tHead.hidden = all.length === 0
  if (all.length === 0) return put(body('mail'), h('tr', {}, cell({ class: 'empty' }, status.policy === null ? 'No policy yet.' : 'No address of a mail server is known yet.')))
  put(body('mail'), all.map(({ label, state: is, sessions, restMs, stateForMs, lastError }) => {
    const long = stateForMs === undefined ? '' : ` for ${duration(stateForMs)}`
    const word = { working: ['ok', 'works'], failing: ['bad', `fails${long}`], misconfigured: ['bad', `misconfigured${long}`], unknown: ['idle', 'not checked yet'] }[is]
    const greets = mailServers.find(({ name }) => name === label)?.medianMs
    return h('tr', { 'data-server': label }, cell({ class: 'mono' }, label), cell({ title: lastError ?? '' }, state(...word), restMs > 0 ? h('span', { class: 'small mute' }, ` tried in ${took(restMs)}`) : ''), number(count(sessions)), number(greets === undefined ? '–' : took(greets), true))
  }))
}

export function drawLimits({ status, policy, busiest, viewers, at, since }) {
  const limit = (name, now, most, key, ...marks) => h('div', { class: 'limit', 'data-limit': key }, h('span', {}, name), h('span', { class: 'num' }, count(now), most > 0 ? h('span', { class: 'mute' }, ` of ${count(most)}`) : h('span', { class: 'mute' }, ', no limit')), most > 0 ? bar(now / most, now / most > 0.9 ? 'var(--warn)' : '', ...marks) : undefined)
  const { queues, connections } = status
  say('liminfo', queues.stress ? `stress mode${since.stress === null ? '' : ` for ${duration(at - since.stress)}`}` : 'no stress')
  const limits = policy?.limits
  put(
    'limits',
    limits === undefined ? h('p', { class: 'empty' }, 'No policy yet.') : [
      limit('Clients under test', queues.check - queues.post, limits.preQueue, 'preQueue', ...(queues.stress ? [0.7, 0.9] : [])),
      limit('Clean clients that wait', queues.post, limits.postQueue, 'postQueue'),
      limit(`From one address, at most`, busiest[0]?.connections ?? 0, limits.connectionsPerClient, 'connectionsPerClient'),
      connections === null ? undefined : limit('Connections', connections.open, connections.limit ?? 0, 'connections'),
    ],
    limit('Viewers of this page', viewers.now, viewers.most, 'viewers'),
  )
}

export function drawPolicy({ policy, status, at }) {
  const { refusedPolicy, allowlist, deepTests } = status
  say('polage', policy === null ? '' : `for ${duration(at - policy.loadedAt)}`)
  const pairs = policy === null ? [] : [
    ['Name', [policy.namespace === null ? policy.name : `${policy.namespace}/${policy.name}`, policy.generation === null ? '' : `, generation ${policy.generation}`, ', ', h('b', {}, policy.mode)]],
    ['Hash', h('span', { class: 'mono', title: policy.hash }, `${policy.hash.slice(0, 12)}…${policy.hash.slice(-6)}`)],
    ['Tests', policy.tests.length === 0 ? 'none' : testsOf(policy)],
    ['Hand-off', deepTests?.enabled.length > 0 ? (policy.handoff === 'SameSession' ? 'in the same session' : 'when the client comes back') : 'after the greet wait'],
    ['Access list', policy.accessEntries === 0 ? 'empty' : plural(policy.accessEntries, 'entry', 'entries')],
    ['Allowlist', `${allowlist?.name ?? '–'}${allowlist?.up === false ? ' (not reachable)' : ''}; ${plural(allowlist?.entries ?? 0, 'client')} on it`],
    ...(status.bans === null || status.bans === undefined ? [] : [['Bans', `${count(status.bans.active)} hold now`]]),
    ...extraFacts(status),
  ]
  const refused = refusedPolicy === null ? h('p', { class: 'small mute note' }, policy === null ? '' : 'It is the newest; none was refused.') : h('div', { class: 'refused' }, h('b', {}, `${refusedPolicy.generation === null ? 'A newer policy' : `Generation ${refusedPolicy.generation}`} was refused at ${minuteOf(Date.parse(refusedPolicy.at))}`), refusedPolicy.problems.slice(0, 3).map(({ path, why }) => h('p', {}, h('span', { class: 'mono' }, path), `: ${why}`)), h('p', { class: 'small mute' }, plural(refusedPolicy.problems.length + refusedPolicy.furtherProblems, 'problem')))
  put('policy', policy === null ? h('p', { class: 'empty' }, 'No policy yet. Clients are not served until one has been read.') : h('dl', { class: 'kv' }, pairs.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)])), refused)
}

/** Facts that a gateway of another version may not have. */
function extraFacts({ clientAddress }) {
  if (clientAddress === undefined || clientAddress === null) return []
  const { preserved, connections, enough } = clientAddress
  const unknown = connections < enough ? `not known yet: ${count(connections)} of ${count(enough)} connections` : 'not known yet'
  return [['Client addresses', preserved === null ? unknown : preserved ? 'arrive unchanged' : h('b', {}, 'lost on the way')]]
}

function testsOf({ tests, greetWaitMs, threshold }) {
  const names = { pregreet: `greet wait ${duration(greetWaitMs)}`, dnsbl: `lists from rank ${threshold}`, pipelining: 'pipelining', nonSMTPCommand: 'non-SMTP commands', bareNewline: 'bare newlines' }
  return tests.map(({ test, action }) => `${names[test] ?? test}${action === 'Ignore' ? ' (only logged)' : ''}`).join(', ')
}

export function drawNetworks({ networks }) {
  if (networks.length === 0) return put(body('nets'), h('tr', {}, cell({ class: 'empty' }, 'No client was refused today.')))
  const rows = networks.slice(0, 8).map(({ network, sessions, outcomes }) => {
    const [mostly = ''] = Object.entries(outcomes).toSorted((a, b) => b[1] - a[1])[0] ?? []
    return h('tr', { 'data-network': network }, cell({ class: 'nowrap' }, h('button', { title: 'Show its sessions' }, network)), cell({ class: 't' }, bar(sessions / networks[0].sessions)), number(count(sessions)), cell({ class: 'small mute nowrap' }, `mostly ${shortNames[mostly] ?? mostly}`))
  })
  put(body('nets'), rows)
}

export function drawBans({ bans, status, at }) {
  byId('p-ban').hidden = bans === null
  if (bans === null) return
  say('baninfo', `${plural(status.bans?.active ?? bans.length, 'network')}, ${count(status.bans?.failing ?? 0)} failing`)
  put(body('bans'), bans.length === 0 ? h('tr', {}, cell({ class: 'empty' }, 'No network is banned.')) : bans.slice(0, 8).map(({ network, until, nth, refused }) => h('tr', {}, cell({ class: 'mono' }, network), number(`${duration(Date.parse(until) - at)} left`, true), cell({ class: 'small mute nowrap' }, `ban ${nth}, ${plural(refused, 'visit')} refused`))))
}

export function drawProcess({ process, status }, before) {
  const seconds = before === undefined ? 0 : process.uptimeSeconds - before.uptimeSeconds
  const share = seconds > 0 ? `${((100 * (process.cpuSeconds - before.cpuSeconds)) / seconds).toFixed(1)} % of a core` : `${(process.cpuSeconds / Math.max(1, process.uptimeSeconds) * 100).toFixed(1)} % of a core`
  const { tls, workers, listening, sockets } = status
  say('procinfo', workers === undefined ? 'one process' : `${plural(workers.length, 'worker')}, ${workers.filter(({ ready }) => ready).length} ready`)
  const pairs = [
    ['Listens on', listening.join(', ') || 'nothing yet'],
    ['Processor', share],
    ['Memory', bytes(process.memoryBytes)],
    ['Sockets', sockets.of === 'linux' ? "Linux's own calls" : `Node's${sockets.reason === null ? '' : ` (${sockets.reason})`}`],
    ['Certificate', tls === null ? 'none' : `${tls.subject ?? tls.names?.[0] ?? 'loaded'}${tls.validTo === undefined ? '' : `, until ${String(tls.validTo).slice(0, 10)}`}`],
  ]
  put('proc', pairs.flatMap(([name, value]) => [h('dt', {}, name), h('dd', {}, value)]))
}

export function drawHeader({ status, policy, process }) {
  const name = policy === null ? 'no policy' : policy.namespace === null ? policy.name : `${policy.namespace}/${policy.name}`
  put('where', h('b', {}, name), policy === null ? '' : h('span', {}, 'host ', h('b', { class: 'mono' }, policy.hostname)), h('span', {}, process.processes > 1 ? plural(process.processes, 'worker') : 'one process'), h('span', {}, `${status.version}, up ${duration(status.uptimeSeconds * 1000)}`))
}

export const drawLive = (isLive) => put('live', icon(isLive ? 'ok' : 'idle', isLive ? 'g ok' : 'g warn'), isLive ? 'Live' : 'Reconnecting')
