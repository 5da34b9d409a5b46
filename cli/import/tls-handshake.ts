// Converts Postfix's lists of TLS protocols and ciphers to fields of a policy (tls_proto_mask_lims, tls_cipher_grade,
// tls_set_ciphers in tls_misc.c).
import { cipherNameProblem } from '../../crds/values/cipher-names.ts'
import { tlsVersions } from '../../crds/schema/tls.ts'
import type { Parsed } from './values.ts'

export type TlsVersion = (typeof tlsVersions)[number]
export type CipherGrade = 'Medium' | 'High'

/** Separators of all these lists: commas, white space and colons. */
const wordsOf = (text: string): readonly string[] => text.split(/[, \t\r\n:]+/).filter((word) => word !== '')

/** The protocols that Postfix knows, with their numbers. OpenSSL has no SSLv2 and, as it is usually built, no SSLv3. */
const numbers: ReadonlyMap<string, number> = new Map([
  ['sslv2', 0x0200],
  ['sslv3', 0x0300],
  ...tlsVersions.map((version, at): [string, number] => [version.toLowerCase(), 0x0301 + at]),
])
const largestNumber = 0xffff

/** A bound is a name, or the number of a version in hexadecimal digits: `TLSv1.2`, `303`, `0x0303`. */
function boundOf(word: string): number | undefined {
  const named = numbers.get(word.toLowerCase())
  if (named !== undefined) return named
  const number = /^(0x)?0*[0-9a-f]{1,4}$/i.test(word) ? Number.parseInt(word, 16) : undefined
  // A number that OpenSSL does not know sets no bound, and Postfix only warns.
  return [...numbers.values()].find((known) => known === number)
}

/**
 * The versions that a list of protocols allows, the oldest first. It is empty when the list forbids them all.
 * @param text of smtpd_tls_protocols: `>=TLSv1.2`, `<=TLSv1.2`, `!SSLv3, !TLSv1`, `TLSv1.2 TLSv1.3`
 */
export function parseProtocols(text: string): Parsed<readonly TlsVersion[]> {
  let [floor, ceiling] = [0, largestNumber]
  const included = new Set<number>()
  const excluded = new Set<number>()
  for (const word of wordsOf(text)) {
    const [, sign = '', rest = ''] = /^(>=|<=|!)?(.*)$/.exec(word) ?? []
    const number = sign === '>=' || sign === '<=' ? boundOf(rest) : numbers.get(rest.toLowerCase())
    if (number === undefined)
      return {
        why: `Invalid TLS protocol list "${text}": "${word}" is not valid; expected names such as TLSv1.2, !TLSv1, >=TLSv1.2 or <=0303`,
      }
    if (sign === '>=') floor = number
    else if (sign === '<=') ceiling = number
    else (sign === '!' ? excluded : included).add(number)
  }
  const allowed = ([, number]: readonly [TlsVersion, number]): boolean =>
    number >= floor && number <= ceiling && !excluded.has(number) && (included.size === 0 || included.has(number))
  const all = tlsVersions.map((version, at) => [version, 0x0301 + at] as const)
  return { value: all.filter(allowed).map(([version]) => version) }
}

/** The newest consecutive versions of a set, and the versions that a range cannot contain besides them. */
export function asRange(versions: readonly TlsVersion[]): { readonly range: readonly TlsVersion[]; readonly lost: readonly TlsVersion[] } {
  const place = (version: TlsVersion): number => tlsVersions.indexOf(version)
  const gap = versions.findLastIndex((version, at) => at > 0 && place(version) !== place(versions[at - 1] ?? version) + 1)
  const from = Math.max(gap, 0)
  return { range: versions.slice(from), lost: versions.slice(0, from) }
}

/** `note`: the policy has a different grade, and why. */
export function parseGrade(text: string): Parsed<{ readonly grade: CipherGrade; readonly note?: string }> {
  switch (text.toLowerCase()) {
    case 'high':
      return { value: { grade: 'High' } }
    case 'medium':
      return { value: { grade: 'Medium' } }
    case 'low':
    case 'export':
      return { value: { grade: 'Medium', note: `the ciphers of "${text}" that are not in "medium" are no longer in OpenSSL` } }
    case 'null':
      return {
        why: 'the grade "null" contains only ciphers without encryption, which the gateway does not support; expected medium or high',
      }
    default:
      return { why: `Invalid TLS cipher grade: "${text}"; expected medium or high` }
  }
}

/**
 * The names in a list of exclusions. `ignored`: those that exclude nothing in Postfix either, because OpenSSL does not
 * know them.
 */
export function parseExclusions(text: string): Parsed<{ readonly names: readonly string[]; readonly ignored: readonly string[] }> {
  const names = [...new Set(wordsOf(text))]
  const signed = names.find((name) => /^[!+@-]/.test(name))
  if (signed !== undefined) return { why: `invalid unary '!+-@' in cipher exclusion: "${signed}"; expected only the name` }
  const known = names.filter((name) => cipherNameProblem(name) === undefined)
  return { value: { names: known, ignored: names.filter((name) => !known.includes(name)) } }
}
