// The options of `postscreen allowlist`: which place they name, and how clients are known there.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseDuration } from '../../crds/values/duration.ts'
import { readPolicyText } from '../../crds/policy.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { allowlistKeys, type KeyPrefix, usualPrefix } from '../../gateway/core/allowlist-key.ts'
import { parseValkeyUrl, settingsOfPolicy, type ValkeySettings } from '../../gateway/allowlist/valkey-settings.ts'
import { openDirectory, openText, openValkey, type Place } from './place.ts'

export const options = {
  'data-dir': { type: 'string' },
  valkey: { type: 'string' },
  'valkey-url-file': { type: 'string' },
  policy: { type: 'string' },
  text: { type: 'string' },
  'ca-file': { type: 'string' },
  'key-prefix': { type: 'string' },
  retention: { type: 'string' },
  for: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

export type Flags = { readonly [K in Exclude<keyof typeof options, 'help'>]?: string | undefined }

/** The options are wrong: exit code 2, and where to read more. */
export class WrongOptions extends Error {}

const places = ['data-dir', 'valkey', 'valkey-url-file', 'policy', 'text'] as const
const placeList = '--data-dir DIR, --valkey URL, --valkey-url-file FILE, --policy FILE or --text FILE'

/** What an action needs: the place, opened, and how a client is known there. */
export interface Opened {
  readonly place: Place
  /** The key of an address, as the policy says. */
  readonly keyOf: (address: string) => string
}

export interface OpenFor {
  readonly flags: Flags
  /** Whether a data directory that is missing is made. */
  readonly mayMake: boolean
  readonly warn: (text: string) => void
}

/** Opens the one place that is named. Throws WrongOptions, or what is wrong with the place. */
export async function openPlace({ flags, mayMake, warn }: OpenFor): Promise<Opened> {
  const named = places.filter((name) => flags[name] !== undefined)
  if (named.length !== 1) {
    // A policy with a local store says how clients are known in a data directory.
    if (named.join() !== 'data-dir,policy') throw new WrongOptions(`name one place: ${placeList}`)
  }
  const policy = flags.policy === undefined ? undefined : readPolicy(flags.policy)
  const prefix: KeyPrefix = policy?.allowlist.prefix ?? usualPrefix
  const keyOf = allowlistKeys(prefix)
  if (flags['data-dir'] !== undefined) return { keyOf, place: await openDirectory(flags['data-dir'], mayMake, warn) }
  if (flags.text !== undefined) return { keyOf, place: await openText(flags.text, ({ line, why }) => warn(`line ${line}: ${why}`)) }
  const retention = secondsOf('retention', flags.retention) ?? policy?.allowlist.retention ?? defaultRetention
  return { keyOf, place: await openValkey(valkeySettings(flags, policy), retention) }
}

/** As in a policy. */
const defaultRetention = 7 * 86_400
const defaultKeyPrefix = 'postscreen:'

function valkeySettings(flags: Flags, policy: PolicySpec | undefined): ValkeySettings {
  if (policy !== undefined && flags.policy !== undefined) {
    if (policy.allowlist.store !== 'Valkey')
      throw new WrongOptions(`${flags.policy} keeps the allowlist local: name the data directory too, --data-dir DIR`)
    return settingsOfPolicy(policy.allowlist.valkey, dirname(flags.policy))
  }
  const file = flags['valkey-url-file']
  const { node, tls, username, password, database } = parseValkeyUrl(file === undefined ? (flags.valkey ?? '') : readFileSync(file, 'utf8'))
  const caFile = flags['ca-file']
  return {
    mode: 'Single',
    nodes: [node],
    masterName: '',
    database: database ?? 0,
    keyPrefix: flags['key-prefix'] ?? defaultKeyPrefix,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls || caFile !== undefined ? { tls: caFile === undefined ? {} : { ca: readFileSync(caFile, 'utf8') } } : {}),
  }
}

function readPolicy(file: string): PolicySpec {
  const read = readPolicyText(readFileSync(file, 'utf8'))
  if ('policy' in read) return read.policy.spec
  throw new Error(read.problems.map(({ path, why }) => `${file}: ${path}: ${why}`).join('\n'))
}

/** A time that an option has. Throws WrongOptions. */
export function secondsOf(name: keyof Flags, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseDuration(text)
  if (seconds === undefined || seconds === 0)
    throw new WrongOptions(`--${name} must be a time such as 12h or 30d, not ${JSON.stringify(text)}`)
  return seconds
}
