// The answer of /explain: one sentence, then the steps in the order in which the gateway takes them.
import { byId, duration, h, icon, minuteOf, put } from './dom.js'

const signOf = { handedOff: 'ok', refused: 'bad', dropped: 'bad', deferred: 'warn', healthCheck: 'idle' }

export async function explain(address) {
  const box = byId('explain')
  box.hidden = address === ''
  if (address === '') return
  put(box, h('p', { class: 'mute' }, 'Asking the DNS lists about ', h('b', { class: 'mono' }, address), ' …'))
  try {
    const response = await fetch(`explain?address=${encodeURIComponent(address)}`)
    if (!response.ok) return failed(address, (await response.text()).trim())
    show(address, await response.json())
  } catch {
    failed(address, 'the gateway does not answer')
  }
}

function failed(address, why) {
  put('explain', h('p', { class: 'any' }, icon('warn', 'g warn'), ' ', h('b', { class: 'mono' }, address), ': ', why))
}

const close = () =>
  h('button', { class: 'btn', onclick: () => { byId('ask').value = ''; byId('explain').hidden = true; byId('ask').focus() } }, 'Close')

function show(address, { address: one, network, recent, at }) {
  const sessions = recent.sessions
  const visits = sessions.length === 0 ? 'It has not come among the remembered sessions.' : `${sessions.length === 20 ? 'At least ' : ''}${sessions.length} of the remembered sessions are its own, the last at ${minuteOf(Date.parse(sessions[0].began))}.`
  if (network !== undefined) {
    const parts = network.parts.map(({ first, last, access }) => h('li', {}, h('span', { class: 'mono' }, first === last ? first : `${first} to ${last}`), h('b', {}, access.decision === 'Dunno' ? 'is tested' : access.decision), h('span', { class: 'small mute' }, access.field ?? 'no entry of the access list')))
    fill(icon('idle', 'g idle'), [h('span', { class: 'mono' }, network.network), `: ${network.allowlist.length} remembered clients`], visits, parts)
    return
  }
  const { verdict } = one
  const sign = signOf[verdict.outcome] ?? 'idle'
  fill(icon(sign, `g ${sign}`), [verdict.sentence], visits, stepsOf(one, Date.parse(at)).map(([name, is, word, text]) => h('li', { class: `is-${is}` }, h('span', { class: 'mute small' }, name), h('b', {}, icon(is, `g ${is}`), ' ', word), h('span', { class: 'small mute' }, text))))
}

function fill(sign, title, visits, steps) {
  byId('explain').replaceChildren(
    h('div', { class: 'head' }, h('h2', {}, sign, ' ', title), h('span', { class: 'aside' }, visits, ' ', close())),
    h('ol', { class: 'steps' }, steps),
  )
}

function stepsOf({ access, allowlist, dnsbl, ban, limits, verdict }, at) {
  const decision = { Permit: ['ok', 'permitted'], Reject: ['bad', 'rejected'], Dunno: ['idle', 'no entry'] }[access.decision]
  const passed = allowlist.tests.filter(({ enabled, state }) => enabled && state === 'passed')
  const enabled = allowlist.tests.filter((test) => test.enabled)
  const isKnown = enabled.length > 0 && passed.length === enabled.length
  const listed = dnsbl.lists.filter(({ verdict: is }) => is === 'listed')
  const unknown = dnsbl.lists.filter(({ verdict: is }) => is === 'error' || is === 'timeout')
  const listWord = dnsbl.lists.length === 0 ? 'off' : `rank ${dnsbl.score} of ${dnsbl.threshold}`
  const listText = [
    ...listed.map(({ list, addresses, weight }) => `${list} ${addresses.join(' ')} (${weight > 0 ? '+' : ''}${weight})`),
    ...unknown.map(({ list }) => `${list} gave no answer`),
  ].join(', ')
  const near = limits.find(({ now, limit }) => limit > 0 && now >= limit)
  return [
    ['Access list', ...decision, access.field ?? 'no rule contains it'],
    ['Ban', ban?.isBanned ? 'bad' : 'idle', ban === undefined ? 'off' : ban.isBanned ? `banned until ${minuteOf(ban.until * 1000)}` : 'none', ban === undefined ? 'the policy has no bans' : `${ban.network}: ${ban.failures} of ${ban.after} failures`],
    ['Remembered', isKnown ? 'ok' : 'idle', isKnown ? `for ${duration(Math.min(...passed.map(({ until }) => until)) * 1000 - at)}` : passed.length > 0 ? 'in part' : 'no', allowlist.hasRecord ? `passed: ${passed.map(({ test }) => test).join(', ') || 'nothing that still holds'}` : 'has not passed before'],
    ['DNS lists', dnsbl.standing === 'listed' ? 'bad' : dnsbl.lists.length === 0 ? 'idle' : 'ok', listWord, listText || (dnsbl.lists.length === 0 ? 'the policy has no lists' : `on none of ${dnsbl.lists.length}`)],
    ['Verdict', signOf[verdict.outcome] ?? 'idle', { handedOff: 'handed off', refused: 'refused', dropped: 'dropped', deferred: 'asked to come back' }[verdict.outcome] ?? verdict.outcome, verdict.reply ?? (near === undefined ? 'if it stays silent until its turn' : `${near.field}: ${near.now} of ${near.limit}`)],
  ]
}
