// The sentence at the top of `postscreen top`: computed from the worst thing that is known, as on the live page.
import type { Tone } from '../terminal/style.ts'
import { ageOf } from '../../operator/overview/attention.ts'
import type { TopView } from './combined.ts'
import { totalOf } from './outcome-groups.ts'

export interface Health {
  readonly tone: Tone
  readonly sentence: string
  /** What needs a person, each as a sentence without its full stop. */
  readonly faults: readonly string[]
}

const words = ['no', 'one', 'two', 'three', 'four', 'five', 'six', 'seven', 'eight', 'nine', 'ten', 'eleven', 'twelve']
const inWords = (count: number): string => words[count] ?? String(count)
const plural = (count: number, one: string, more: string): string => `${inWords(count)} ${count === 1 ? one : more}`

/** @param now epoch milliseconds */
export function healthOf(view: TopView, now: number): Health {
  const { gateways, silent, draining, notReady } = view
  if (gateways === 0) return unanswered(silent)
  if (draining === gateways) return { tone: 'going', sentence: 'Draining: the gateways take no new clients.', faults: [] }
  const faults = [
    ...silent.map(({ name, error }) => `gateway ${name} gives no answer: ${error}`),
    ...view.faults.map(({ sentence }) => sentence),
  ]
  const [first] = notReady
  if (first !== undefined && notReady.length + draining >= gateways) {
    const since = first.since === undefined ? '' : `, for ${ageOf(now - first.since)}`
    return { tone: 'bad', sentence: `Not ready: ${[...new Set(notReady.flatMap(({ reasons }) => reasons))].join('; ')}${since}.`, faults }
  }
  faults.unshift(...notReady.map(({ name, reasons }) => `gateway ${name} is not ready: ${reasons.join('; ')}`))
  if (faults.length > 0)
    return { tone: 'warn', sentence: `Screening goes on, but ${plural(faults.length, 'thing needs', 'things need')} attention.`, faults }
  return whole(view)
}

function unanswered(silent: TopView['silent']): Health {
  const sentence = silent.length === 0 ? 'No gateway of this policy is running.' : 'No gateway gives an answer.'
  return { tone: 'bad', sentence, faults: silent.map(({ name, error }) => `${name}: ${error}`) }
}

function whole(view: TopView): Health {
  const { stress, limits, minutes, policies } = view
  if (stress) {
    const full = limits.underTest.of > 0 ? `Full to ${Math.round((100 * limits.underTest.now) / limits.underTest.of)} %` : 'Under stress'
    return { tone: 'warn', sentence: `${full}: clients are tested for a shorter time.`, faults: [] }
  }
  if (totalOf(minutes.flat()) === 0) return { tone: 'none', sentence: 'Ready, but no client has come in the last hour.', faults: [] }
  if (policies.at(-1)?.mode === 'Audit') return { tone: 'ok', sentence: 'All is well. Audit mode: every client is handed off.', faults: [] }
  return { tone: 'ok', sentence: `All is well: ${whatWorks(view)}.`, faults: [] }
}

function whatWorks({ mailServers, lists }: TopView): string {
  const working = mailServers.filter(({ state }) => state === 'working').length
  const mail =
    working === 0 ? 'no mail server has been tried yet' : plural(working, 'mail server takes clients', 'mail servers take clients')
  return lists.length === 0 ? mail : `${mail}, ${plural(lists.length, 'DNS list answers', 'DNS lists answer')}`
}
