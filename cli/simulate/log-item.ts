// What one line of a log says, as far as a simulation needs it.
import { canonicalAddress } from '../../crds/values/address.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { type Action, type LoggedAnswer, type TestName, testNames } from '../../gateway/core/vocabulary.ts'

/** An event of a session. A field is left out where the log does not have it. */
export interface SessionEvent {
  readonly event: string
  readonly client: Endpoint
  readonly server?: Endpoint
  readonly action?: Action
  readonly why?: string
  readonly stage?: string
  readonly reply?: string
  /** Milliseconds since the stage of the session began. */
  readonly afterMs?: number
  readonly command?: string
  readonly args?: string
  readonly tests?: readonly TestName[]
  readonly remembered?: string
  readonly answers?: readonly LoggedAnswer[]
  readonly next?: string
}

export type LogItem = {
  /** Epoch milliseconds. */
  readonly time: number
  /** The machine or pod that wrote the line; empty where the log does not name it. */
  readonly origin: string
} & (
  | { readonly is: 'session'; readonly session: string; readonly record: SessionEvent }
  | { readonly is: 'relay'; readonly session: string; readonly event: 'HANDED OFF' | 'RELAY ENDED' }
  /** A DNS list contains a client. */
  | { readonly is: 'listed'; readonly client: string; readonly domain: string; readonly addresses: readonly string[]; readonly ttl: number }
)

type Fields = Readonly<Record<string, unknown>>

const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value)
const texts = (value: unknown): readonly string[] => (Array.isArray(value) ? value.filter((one) => typeof one === 'string') : [])
const textOf = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined)
const actions: ReadonlySet<unknown> = new Set<Action>(['Ignore', 'Enforce', 'Drop'])

function endpointOf(value: unknown): Endpoint | undefined {
  if (!isFields(value) || typeof value['port'] !== 'number') return undefined
  const address = canonicalAddress(textOf(value['address']) ?? '')
  return address === undefined ? undefined : { address, port: value['port'] }
}

function answersOf(value: unknown): readonly LoggedAnswer[] | undefined {
  if (!Array.isArray(value)) return undefined
  return value.slice(0, mostAnswers).flatMap((one: unknown): LoggedAnswer[] => {
    if (!isFields(one) || typeof one['domain'] !== 'string') return []
    const { domain, account, addresses, ttl, error, standing, ms } = one
    return [
      {
        domain,
        ...(typeof account === 'number' && { account }),
        ...(addresses !== undefined && { addresses: texts(addresses) }),
        ttl: typeof ttl === 'number' ? ttl : -1,
        ...(typeof error === 'string' && { error: error as NonNullable<LoggedAnswer['error']> }),
        ...((standing === 'suspended' || standing === 'unproven') && { standing }),
        ms: typeof ms === 'number' && ms >= 0 ? ms : 0,
      },
    ]
  })
}

/** A policy cannot have more lists; a log that has been tampered with could. */
const mostAnswers = 1000

const seconds = (value: unknown): number | undefined =>
  typeof value === 'string' && /^\d{1,9}(\.\d{1,3})?$/.test(value) ? Number(value) * 1000 : undefined

/** The fields of a record of our JSON log. Undefined for one that is not about a session, or not of that form. */
export function itemOfRecord(fields: Fields, origin: string): LogItem | undefined {
  const { event, session } = fields
  const time = Date.parse(textOf(fields['time']) ?? '')
  if (typeof event !== 'string' || Number.isNaN(time)) return undefined
  if (event === 'DNSBL ANSWER') return listedItem(fields, time, origin)
  const client = endpointOf(fields['client'])
  if (typeof session !== 'string' || client === undefined) return undefined
  if (event === 'HANDED OFF' || event === 'RELAY ENDED') return { time, origin, is: 'relay', session, event }
  return { time, origin, is: 'session', session, record: sessionEvent(event, client, fields) }
}

function listedItem({ client, domain, addresses, ttl }: Fields, time: number, origin: string): LogItem | undefined {
  const address = isFields(client) ? canonicalAddress(textOf(client['address']) ?? '') : undefined
  const found = texts(addresses)
  if (address === undefined || typeof domain !== 'string' || found.length === 0) return undefined
  return { time, origin, is: 'listed', client: address, domain, addresses: found, ttl: typeof ttl === 'number' ? ttl : -1 }
}

function sessionEvent(event: string, client: Endpoint, fields: Fields): SessionEvent {
  const { action, why, stage, reply, command, args, tests, remembered, answers, next } = fields
  const server = endpointOf(fields['server'])
  const after = seconds(fields['after'])
  const logged = answersOf(answers)
  return {
    event,
    client,
    ...(server !== undefined && { server }),
    ...(actions.has(action) && { action: action as Action }),
    ...(typeof why === 'string' && { why }),
    ...(typeof stage === 'string' && { stage }),
    ...(typeof reply === 'string' && { reply }),
    ...(after !== undefined && { afterMs: after }),
    ...(typeof command === 'string' && { command }),
    ...(typeof args === 'string' && { args }),
    ...(Array.isArray(tests) && { tests: testNames.filter((name) => tests.includes(name)) }),
    ...(typeof remembered === 'string' && { remembered: remembered.slice(0, 200) }),
    ...(logged !== undefined && { answers: logged }),
    ...(typeof next === 'string' && { next }),
  }
}
