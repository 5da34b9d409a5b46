// A DNS zone for tests, as plain data and behind a real DNS server: TXT, A, AAAA, MX and CNAME records, and names that fail.
import { type Answer } from 'dns-packet'
import type { SpfAnswer, SpfQuestion } from '../../../gateway/core/spf/expand-spf.ts'
import { answerBytes, type Question, type StubServer, startStubServer } from '../dns/dns-server-stub.ts'

/**
 * Records by name: `TXT "one string" "another"` or `TXT v=spf1 -all`, `A 192.0.2.1`, `AAAA 2001:db8::1`, `MX 10 mx.test`, `CNAME x.test`,
 * `SERVFAIL`, `SILENT`.
 */
export type Zone = Readonly<Record<string, readonly string[]>>

const wordsOf = (record: string): readonly [type: string, data: string] => {
  const space = record.indexOf(' ')
  return space < 0 ? [record, ''] : [record.slice(0, space), record.slice(space + 1)]
}

const stringsOf = (data: string): readonly string[] =>
  data.startsWith('"') ? [...data.matchAll(/"([^"]*)"/g)].map(([, text = '']) => text) : (data.match(/.{1,255}/gs) ?? [''])

const ttl = 7200

/** Of a name, behind its aliases. */
function recordsOf(zone: Zone, name: string): { readonly records: readonly string[]; readonly aliases: readonly string[] } {
  const aliases: string[] = []
  let at = name
  for (;;) {
    const records = zone[at] ?? []
    const alias = records.find((record) => record.startsWith('CNAME '))
    if (alias === undefined || aliases.length > 8) return { records, aliases }
    at = wordsOf(alias)[1]
    aliases.push(at)
  }
}

/** What a resolver would say to a question. */
export function answerFrom(zone: Zone, { name, type }: SpfQuestion): SpfAnswer {
  const { records } = recordsOf(zone, name)
  if (records.includes('SERVFAIL') || records.includes('SILENT')) return { is: 'error', why: records[0] ?? '' }
  const found = records.map(wordsOf).filter(([of]) => of === type)
  const text = ([, data]: readonly [string, string]): string =>
    type === 'TXT' ? stringsOf(data).join('') : type === 'MX' ? (data.split(' ')[1] ?? '') : data
  return { is: 'records', records: found.map(text), ttl }
}

function dataOf(name: string, record: string): Answer {
  const [type, data] = wordsOf(record)
  switch (type) {
    case 'TXT':
      return { type, name, ttl, data: stringsOf(data).map((text) => Buffer.from(text, 'latin1')) }
    case 'MX':
      return { type, name, ttl, data: { preference: Number(data.split(' ')[0]), exchange: data.split(' ')[1] ?? '' } }
    case 'A':
    case 'AAAA':
    case 'CNAME':
      return { type, name, ttl, data }
    default:
      throw new Error(`unknown record ${record}`)
  }
}

/** Answers as a recursive resolver: aliases are followed, and what does not fit into a datagram is truncated. */
function reply(zone: Zone, question: Question): void {
  const name = question.name.toLowerCase()
  const { records, aliases } = recordsOf(zone, name)
  if (records.includes('SILENT')) return
  if (records.includes('SERVFAIL')) return question.reply({ rcode: 2 })
  const chain = aliases.map((to, at): Answer => ({ type: 'CNAME', name: aliases[at - 1] ?? name, ttl, data: to }))
  const owner = aliases.at(-1) ?? name
  const found = records.filter((record) => wordsOf(record)[0] === question.type).map((record) => dataOf(owner, record))
  const say = { answers: [...chain, ...found], ...(found.length === 0 && { soaTtl: 300 }), ...(!(owner in zone) && { rcode: 3 }) }
  const fits = question.via === 'tcp' || answerBytes(question, say).length <= 512
  question.reply(fits ? say : { truncated: true })
}

/** @param zone may be changed while the server runs */
export const startZoneServer = (zone: Zone): Promise<StubServer> => startStubServer((question) => reply(zone, question))
