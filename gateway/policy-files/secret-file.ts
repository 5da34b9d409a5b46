// Secrets that a policy names, as files beside it: secrets/NAME/KEY. In a pod they are mounted there, so that the
// gateway needs no access to the API.
import { existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { DnsblKey } from '../core/dnsbl-key.ts'
import { messageOf } from '../../runtime/caught.ts'
import { type ReadContext, leaveOut } from './read-context.ts'
import { readPlainFile } from './plain-file.ts'

/** One entry of a Secret. */
export interface SecretEntry {
  readonly name: string
  readonly key: string
}

/**
 * Relative to the folder of the policy file. Both parts are names that cannot lead out of it (crds/schema/forms.ts).
 */
export const secretFile = ({ name, key }: SecretEntry): string => join('secrets', name, key)

/**
 * The message for a missing entry, in the cluster's terms. A pod does not see whether the Secret or only its key is
 * missing.
 */
export const missingEntry = (entry: SecretEntry): string =>
  `Secret ${entry.name} does not exist or has no key ${entry.key} (there is no file ${secretFile(entry)})`

/** Far more than a key of 63 characters and a line end. */
const largestKeyFile = 1024

type Site = PolicySpec['dnsbl']['sites'][number]

/**
 * The keys of DNS lists, by the index of the site. A list without its key is left out: the others, and all mail, do not
 * depend on it. No message contains anything of a file's contents.
 */
export function readSiteKeys(sites: readonly Site[], context: ReadContext): ReadonlyMap<number, DnsblKey> {
  const { folder, use, files } = context
  const keys = new Map<number, DnsblKey>()
  for (const [index, { domain, keySecret, keyFile }] of sites.entries()) {
    const named = keySecret === undefined ? keyFile : secretFile(keySecret)
    if (named === undefined || (keySecret !== undefined && use === 'elsewhere')) continue
    const file = resolve(folder, named)
    files.push(file)
    const path = `spec.dnsbl.sites[${index}].${keySecret === undefined ? 'keyFile' : 'keySecret'}`
    const key = keySecret !== undefined && !existsSync(file) ? missingEntry(keySecret) : readKey(file, named)
    if (typeof key === 'string') leaveOut(context, { path, why: `${key}; the DNS list ${domain} is not asked without its key` })
    else keys.set(index, key)
  }
  return keys
}

/** @returns the key, or the problem */
function readKey(file: string, named: string): DnsblKey | string {
  try {
    const key = DnsblKey.read(readPlainFile(file, largestKeyFile).toString('latin1'))
    return key ?? `${named} must hold one label of a domain name and nothing else: letters, digits and hyphens, at most 63`
  } catch (error) {
    return `cannot be read: ${messageOf(error)}`
  }
}
