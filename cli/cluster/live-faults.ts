// What the status of a gateway says that needs a person, each as a sentence without its full stop.
import { fieldsOf, isObject } from '../../crds/is-object.ts'
import { oneLine } from '../../operator/gateways/one-line.ts'

/** `about`: the name of the DNS list or of the mail server. */
export interface Fault {
  readonly is: 'list' | 'mail server' | 'other'
  readonly about: string
  readonly sentence: string
}

type Fields = Readonly<Record<string, unknown>>

const most = 50
const text = (value: unknown): string => (typeof value === 'string' ? oneLine(value) : '')
const listOf = (value: unknown): readonly Fields[] => (Array.isArray(value) ? value.slice(0, most).filter(isObject) : [])
const other = (sentence: string): Fault => ({ is: 'other', about: '', sentence })

/** @param status the page /status */
export function faultsOf(status: Fields): readonly Fault[] {
  return [...mailServerFaults(status), ...listFaults(fieldsOf(status['dnsbl'])), ...senderFaults(status), ...otherFaults(status)]
}

function mailServerFaults({ backends }: Fields): readonly Fault[] {
  return listOf(backends).flatMap(({ backend, lookupError, addresses }) => [
    ...(typeof lookupError === 'string'
      ? [other(`the name of the mail server ${text(backend)} cannot be resolved: ${text(lookupError)}`)]
      : []),
    ...listOf(addresses)
      .filter(({ state }) => state === 'failing' || state === 'misconfigured')
      .map(({ label, lastError }): Fault => {
        const why = text(lastError) || 'no reason is known'
        return { is: 'mail server', about: text(label), sentence: `mail server ${text(label)} is left out: ${why}` }
      }),
  ])
}

function listFaults({ resolver, lists, sites }: Fields): readonly Fault[] {
  const suspended = listOf(lists).filter(({ state }) => state === 'suspended')
  const silent = listOf(sites).filter(({ failing, site }) => isObject(failing) && !suspended.some(({ list }) => list === site))
  return [
    ...(resolver === 'down' ? [other('the DNS resolver does not answer, so the DNS lists cannot be trusted')] : []),
    ...(resolver === 'rewrites' ? [other('the DNS resolver changes answers, so the DNS lists cannot be trusted')] : []),
    ...suspended.map(({ list, used, answer }): Fault => {
      const sentence = `DNS list ${text(list)} is faulty (${text(answer) || 'no answer'}) and ${used === true ? 'used nevertheless' : 'not used'}`
      return { is: 'list', about: text(list), sentence }
    }),
    ...silent.map(({ site, failing }): Fault => {
      const why = text(fieldsOf(failing)['why']) || 'no answer'
      return { is: 'list', about: text(site), sentence: `DNS list ${text(site)} fails: ${why}` }
    }),
  ]
}

function senderFaults({ spf }: Fields): readonly Fault[] {
  return listOf(spf)
    .filter(({ fault }) => typeof fault === 'string')
    .map(({ domain, fault }) => other(`the SPF record of ${text(domain)} is not current: ${text(fault)}`))
}

function otherFaults({ refusedPolicy, clientAddress, connections, allowlist, workers }: Fields): readonly Fault[] {
  const faults: Fault[] = []
  if (isObject(refusedPolicy)) {
    const [first] = listOf(refusedPolicy['problems'])
    const why = first === undefined ? '' : `: ${text(first['path'])}: ${text(first['why'])}`
    faults.push(other(`a newer policy was refused, and the last good one is in force${why}`))
  }
  if (fieldsOf(clientAddress)['preserved'] === false) faults.push(other('the addresses of clients are lost on the way to the gateway'))
  if (text(fieldsOf(connections)['advice']) !== '') faults.push(other(text(fieldsOf(connections)['advice'])))
  if (fieldsOf(allowlist)['up'] === false)
    faults.push(other(`the allowlist ${text(fieldsOf(allowlist)['name'])} does not answer: clients on it are tested again`))
  const gone = listOf(workers).filter(({ pid }) => pid === null).length
  if (gone > 0) faults.push(other(`${gone} of ${listOf(workers).length} workers do not run`))
  return faults
}
