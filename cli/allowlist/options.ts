// The options of `postscreen allowlist`: the place to use, and the keys of clients in it.
import { readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseDuration } from '../../crds/values/duration.ts'
import { readPolicyText } from '../../crds/policy.ts'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { type ClientPrefix, defaultPrefix } from '../../crds/values/client-prefix.ts'
import { allowlistKeys } from '../../gateway/core/allowlist-key.ts'
import { parseValkeyUrl, settingsOfPolicy, type ValkeySettings } from '../../gateway/allowlist/valkey-settings.ts'
import { type PlaceFlags, placeOptions } from '../cluster/policy-place.ts'
import { openDirectory, openText, openValkey, type Place } from './place.ts'

export const options = {
  ...placeOptions,
  'data-dir': { type: 'string' },
  valkey: { type: 'string' },
  'valkey-url-file': { type: 'string' },
  policy: { type: 'string' },
  text: { type: 'string' },
  'ca-file': { type: 'string' },
  'key-prefix': { type: 'string' },
  retention: { type: 'string' },
  for: { type: 'string' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

type OwnOption = Exclude<keyof typeof options, keyof typeof placeOptions | 'help'>
export type Flags = PlaceFlags & { readonly [K in OwnOption]?: string }

/** The options are wrong. The exit code is 2, and the message points to the help. */
export class WrongOptions extends Error {}

const places = ['data-dir', 'valkey', 'valkey-url-file', 'policy', 'text'] as const
/** The flags of places outside a cluster. */
export const placesOf = (flags: Flags): readonly string[] => places.filter((name) => flags[name] !== undefined).map((name) => `--${name}`)

const placeList = '--data-dir DIR, --valkey URL, --valkey-url-file FILE, --policy FILE or --text FILE'

/** What an action needs: the opened place, and the keys of clients in it. */
export interface Opened {
  readonly place: Place
  /** The key of an address, according to the policy. */
  readonly keyOf: (address: string) => string
}

export interface OpenFor {
  readonly flags: Flags
  /** Whether a missing data directory is created. */
  readonly mayMake: boolean
  readonly warn: (text: string) => void
}

/** Opens the place. Throws WrongOptions, or an error about the place. */
export async function openPlace({ flags, mayMake, warn }: OpenFor): Promise<Opened> {
  const named = places.filter((name) => flags[name] !== undefined)
  if (named.length !== 1) {
    // A policy with a local store determines the keys in a data directory.
    if (named.join() !== 'data-dir,policy') throw new WrongOptions(`expected one place: ${placeList}`)
  }
  const policy = flags.policy === undefined ? undefined : readPolicy(flags.policy)
  const prefix: ClientPrefix = policy?.allowlist.prefix ?? defaultPrefix
  const keyOf = allowlistKeys(prefix)
  if (flags['data-dir'] !== undefined) return { keyOf, place: await openDirectory(flags['data-dir'], mayMake, warn) }
  if (flags.text !== undefined) return { keyOf, place: await openText(flags.text, ({ line, why }) => warn(`line ${line}: ${why}`)) }
  const retention = secondsOf('retention', flags.retention) ?? policy?.allowlist.retention ?? defaultRetention
  return { keyOf, place: await openValkey(valkeySettings(flags, policy), retention) }
}

/** The same default as in a policy. */
const defaultRetention = 7 * 86_400
const defaultKeyPrefix = 'postscreen:'

function valkeySettings(flags: Flags, policy: PolicySpec | undefined): ValkeySettings {
  if (policy !== undefined && flags.policy !== undefined) {
    if (policy.allowlist.store !== 'Valkey')
      throw new WrongOptions(`the allowlist of ${flags.policy} is local: add the data directory, --data-dir DIR`)
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

/** The spec of a policy file. Throws with the problems of a bad one. */
export function readPolicy(file: string): PolicySpec {
  const read = readPolicyText(readFileSync(file, 'utf8'))
  if ('policy' in read) return read.policy.spec
  throw new Error(read.problems.map(({ path, why }) => `${file}: ${path}: ${why}`).join('\n'))
}

/** The seconds of an option that is a time. Throws WrongOptions. */
export function secondsOf(name: keyof Flags, text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const seconds = parseDuration(text)
  if (seconds === undefined || seconds === 0)
    throw new WrongOptions(`--${name} must be a time such as 12h or 30d, not ${JSON.stringify(text)}`)
  return seconds
}
