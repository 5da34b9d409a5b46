// The sentence at the top: computed from the worst thing that is known. No part of the page is red while it is green.
import { count, duration, inWords, percent, plural } from './dom.js'
import { byGroup, refusedOf, totalOf } from './outcomes.js'

const sentenceCase = (text) => text.charAt(0).toUpperCase() + text.slice(1)
const ago = (at, since) => (since === null || since === undefined ? '' : `, since ${duration(at - since)}`)

/** @returns {{ is: 'ok' | 'warn' | 'bad' | 'idle' | 'half', text: string, facts: string, todo: string[] }} */
export function healthOf(state) {
  const { status, since, at } = state
  const reasons = status.notReady.filter((reason) => reason !== 'draining')
  const facts = factsOf(state)
  if (status.draining) {
    const open = Object.values(status.sessions).reduce((sum, one) => sum + one, 0)
    const text = `Draining: takes no new clients; ${plural(open, 'session goes on', 'sessions go on')}.`
    return { is: 'half', text, facts: since.draining === null ? '' : `Told to stop ${duration(at - since.draining)} ago.`, todo: [] }
  }
  if (reasons.length > 0) return notReady(state, reasons)
  const todo = problemsOf(state)
  if (todo.length > 0) {
    const text = `Screening goes on, but ${todo.length === 1 ? 'one thing needs' : `${inWords(todo.length)} things need`} you.`
    return { is: 'warn', text, facts, todo }
  }
  if (status.queues.stress) {
    const full = percent(status.queues.check - status.queues.post, state.policy?.limits.preQueue ?? 0)
    const text = `Full to ${full}: waits are ${duration(state.policy?.greetWaitMs ?? 0)} until it is 70 %.`
    return { is: 'warn', text, facts: `Stress mode${ago(at, since.stress)}. ${facts}`, todo }
  }
  if (lastHour(state) === 0) return quiet(state)
  if (state.policy?.mode === 'Audit') return { is: 'ok', text: 'All is well. Audit mode: every client is handed off.', facts, todo }
  return { is: 'ok', text: `All is well: ${whatWorks(state)}.`, facts, todo }
}

function notReady({ status, policy, since, at }, reasons) {
  if (policy === null) {
    const refused = status.refusedPolicy
    const todo = (refused?.problems ?? []).map(({ path, why }) => `${path}: ${why}`)
    const facts = refused === null ? 'No client is served until a policy has been read.' : 'The policy file cannot be used:'
    return { is: 'bad', text: `Not ready: no policy yet${ago(at, since.notReady)}.`, facts, todo }
  }
  const failing = targets(status).filter(({ state }) => state === 'failing' || state === 'misconfigured')
  const todo = failing.slice(0, 3).map(({ label, lastError, stateForMs }) => {
    const long = stateForMs === undefined ? '' : ` for ${duration(stateForMs)}`
    return `Mail server ${label} does not take clients${long}: ${lastError ?? 'no reason is known'}.`
  })
  const facts = failing.length > 0 ? 'Clean clients are held for a while, then read 421 and come back later. Bots are refused as usual.' : ''
  const text = failing.length > 0 && failing.length === targets(status).length ? 'no mail server answers' : reasons.join('; ')
  return { is: 'bad', text: `Not ready: ${text}${ago(at, since.notReady)}.`, facts, todo }
}

function quiet({ status }) {
  const where = status.listening.join(' and ') || 'no address'
  const facts = `Clients are awaited on ${where}. Does the MX record point here, and does the load balancer let port 25 through?`
  const to = (status.listening[0] ?? '').replace(/^0\.0\.0\.0|^\[::\]/, '127.0.0.1')
  const todo = to === '' ? [] : [`Try it: swaks --server ${to} --from me@example.net --to you@example.com`]
  return { is: 'idle', text: 'Ready, but no client has come in the last hour.', facts, todo }
}

export const targets = (status) => status.backends.flatMap(({ addresses }) => addresses)
const working = (status) => targets(status).filter(({ state }) => state === 'working').length

function whatWorks({ status, policy }) {
  const servers = working(status)
  const mail = servers === 0 ? 'no mail server has been tried yet' : `${inWords(servers)} mail ${servers === 1 ? 'server takes' : 'servers take'} clients`
  const lists = new Set((policy?.lists ?? []).map(({ list }) => list)).size
  return lists === 0 ? mail : `${mail}, ${inWords(lists)} DNS ${lists === 1 ? 'list answers' : 'lists answer'}`
}

const lastHour = ({ hour }) => (hour === null ? 0 : hour.minutes.flat().reduce((sum, one) => sum + one, 0))

function factsOf({ hour, outcomes, policy }) {
  if (hour === null) return ''
  const sums = byGroup(hour.minutes.at(-2) ?? [], outcomes)
  const total = totalOf(sums)
  const share = total === 0 ? '' : `, ${percent(refusedOf(sums), total)} ${policy?.mode === 'Audit' ? 'of which Enforce mode would have refused' : 'refused'}`
  const waits = policy === null ? '' : ` New clients wait ${duration(policy.greetWaitMs)}, known ones not at all.`
  return `${plural(total, 'session')} in the last minute${share}.${waits}`
}

/** Each with the fact, since when, what it means for mail, and what to do. */
function problemsOf({ status, at }) {
  const { dnsbl, refusedPolicy, connections, allowlist, clientAddress, spf } = status
  const since = (time) => (time ? ` for ${duration(at - Date.parse(time))}` : '')
  const unhealthy = dnsbl.lists.filter(({ state }) => state === 'suspended')
  const silent = dnsbl.sites.filter(({ failing, site }) => failing && !unhealthy.some(({ list }) => list === site))
  return [
    ...targets(status)
      .filter(({ state }) => state === 'failing' || state === 'misconfigured')
      .map(({ label, lastError, stateForMs }) => `Mail server ${label} is left out${stateForMs === undefined ? '' : ` for ${duration(stateForMs)}`}: ${lastError ?? 'no reason is known'}. The others take all clients.`),
    ...status.backends.filter(({ lookupError }) => lookupError).map(({ backend, lookupError }) => `The name of the mail server ${backend} cannot be resolved: ${lookupError}. The last known addresses are used.`),
    ...(dnsbl.resolver === 'works' ? [] : [`The DNS resolver ${dnsbl.resolver === 'down' ? 'does not answer' : 'changes answers'}, so the DNS lists cannot be trusted.`]),
    ...unhealthy.map(({ list, since: from, answer, advice, used }) => `DNS list ${list} is faulty${since(from)} (${answer ?? 'no answer'}) and is ${used ? 'used nevertheless' : 'not used'}. ${sentenceCase(advice ?? '')}`),
    ...silent.map(({ site, failing }) => `DNS list ${site} fails${since(failing.since)}: ${failing.why}. It adds nothing to the score of clients meanwhile.`),
    ...spf.filter(({ fault }) => fault !== null).slice(0, 3).map(({ domain, problem, held, fault }) => `The SPF record of ${domain} is not current${since((problem ?? held)?.since)}: ${fault}. Clients that it does not permit are tested like all others.`),
    ...(refusedPolicy === null ? [] : [`${refusedPolicy.generation === null ? 'The newest policy' : `Generation ${refusedPolicy.generation} of the policy`} was refused${since(refusedPolicy.at)}; the last good one is in force. ${refusedPolicy.problems[0] === undefined ? '' : `${refusedPolicy.problems[0].path}: ${refusedPolicy.problems[0].why}.`}`]),
    ...(status.leftOut ?? []).slice(0, 3).map(({ path, why }) => `${path} is left out: ${why}.`),
    ...(clientAddress?.preserved === false ? [`The addresses of clients are lost on the way to the gateway${since(clientAddress.since)}. ${sentenceCase(clientAddress.advice ?? '')}`] : []),
    ...(connections?.advice ? [sentenceCase(connections.advice)] : []),
    ...(allowlist?.up === false ? [`The allowlist ${allowlist.name} ${allowlist.problem ?? 'does not answer'}: clients on it are tested again.`] : []),
    ...(status.workers ?? []).filter(({ pid }) => pid === null).map(({ number }) => `Worker ${count(number)} does not run; another one is started.`),
  ]
}

/** While the gateway cannot be reached. */
export function lostHealth({ at, retryMs, lastAt, full }) {
  if (full) return { is: 'idle', text: 'As many people look at this page already as may.', facts: 'It tries again every 30 s.', todo: [] }
  const text = `No word from the gateway. Trying again${retryMs > 0 ? ` in ${Math.ceil(retryMs / 1000)} s` : ' now'}.`
  const from = lastAt === undefined ? '' : `What you see is ${duration(at - lastAt)} old. `
  return { is: 'idle', text, facts: `${from}The gateway may have been restarted; mail does not depend on this page.`, todo: [] }
}
