// The connection settings of a Valkey, from the policy and its secrets or from a URL.
import { resolve } from 'node:path'
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { messageOf } from '../../runtime/caught.ts'
import type { Endpoint } from '../../crds/values/endpoint.ts'
import { readPlainFile } from '../policy-files/plain-file.ts'
import { secretFile } from '../policy-files/secret-file.ts'
import { ValkeyError } from './valkey-errors.ts'

/** TLS to the servers; texts in PEM form. */
export interface ValkeyTls {
  readonly ca?: string
  readonly cert?: string
  readonly key?: string
  readonly serverName?: string
}

/** Everything that a connection needs, secrets included: must not be logged. */
export interface ValkeySettings {
  readonly mode: 'Single' | 'Sentinel' | 'Cluster'
  readonly nodes: readonly Endpoint[]
  readonly masterName: string
  readonly database: number
  readonly username?: string
  readonly password?: string
  /** Undefined: plain TCP. */
  readonly tls?: ValkeyTls
  readonly keyPrefix: string
}

type ValkeySpec = PolicySpec['allowlist']['valkey']

/** A password, a URL, or a chain of certificates. */
const largestSecret = 2 ** 20

const settingsProblem = (message: string): ValkeyError => new ValkeyError('settings', message)

function readSecret(file: string): string {
  try {
    return readPlainFile(file, largestSecret).toString('utf8')
  } catch (error) {
    throw settingsProblem(`cannot be read: ${messageOf(error)}`)
  }
}

/** Without the line end that editors and `kubectl create secret --from-file` leave. */
const oneLine = (text: string): string => text.replace(/\r?\n$/, '')

/**
 * The files of a policy's secrets: paths in the policy, and keys of Secrets in `secrets/NAME/KEY` next to the policy
 * file.
 */
function secretFiles(spec: ValkeySpec, folder: string) {
  const file = (path: string, secret?: { readonly name: string; readonly key: string }): string | undefined => {
    if (secret !== undefined) return resolve(folder, secretFile(secret))
    return path === '' ? undefined : resolve(folder, path)
  }
  const { secretName, caFile } = spec.tls
  const ofSecret = (key: string): string | undefined => file('', secretName === '' ? undefined : { name: secretName, key })
  return {
    url: file(spec.urlFile, spec.urlSecret),
    password: file(spec.passwordFile, spec.passwordSecret),
    ca: file(caFile) ?? ofSecret('ca.crt'),
    cert: ofSecret('tls.crt'),
    key: ofSecret('tls.key'),
  }
}

/** The files that the settings are read from. */
export function filesOfSettings(spec: ValkeySpec, folder: string): readonly string[] {
  return Object.values(secretFiles(spec, folder)).filter((file) => file !== undefined)
}

/** Reads the secrets. Throws ValkeyError when a required one cannot be read or is not valid. */
export function settingsOfPolicy(spec: ValkeySpec, folder: string): ValkeySettings {
  const files = secretFiles(spec, folder)
  const { mode, masterName, keyPrefix } = spec
  const url = files.url === undefined ? undefined : parseValkeyUrl(oneLine(readSecret(files.url)))
  const username = url === undefined ? textOf(spec.username) : url.username
  const password = files.password === undefined ? url?.password : oneLine(readSecret(files.password))
  const tls = spec.tls.enabled || url?.tls === true ? readTls(spec, files) : undefined
  return {
    mode,
    masterName,
    keyPrefix,
    nodes: url === undefined ? spec.addresses : [url.node],
    database: url?.database ?? spec.database,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(tls === undefined ? {} : { tls }),
  }
}

const textOf = (text: string): string | undefined => (text === '' ? undefined : text)

/** A Secret may lack any of the three; a file that the policy names must exist. */
function readTls({ tls }: ValkeySpec, files: ReturnType<typeof secretFiles>): ValkeyTls {
  const optional = (file: string | undefined): string | undefined => {
    if (file === undefined) return undefined
    try {
      return readSecret(file)
    } catch (error) {
      if (/ENOENT/.test(messageOf(error))) return undefined
      throw error
    }
  }
  const ca = tls.caFile === '' || files.ca === undefined ? optional(files.ca) : readSecret(files.ca)
  const [cert, key] = [optional(files.cert), optional(files.key)]
  return {
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined || key === undefined ? {} : { cert, key }),
    ...(tls.serverName === '' ? {} : { serverName: tls.serverName }),
  }
}

const defaultPort = 6379

/** Whether a scheme means TLS. */
const schemes: ReadonlyMap<string, boolean> = new Map([
  ['redis:', false],
  ['valkey:', false],
  ['rediss:', true],
  ['valkeys:', true],
])

/** What a URL says. */
export interface ValkeyUrl {
  readonly node: Endpoint
  readonly tls: boolean
  readonly username?: string
  readonly password?: string
  readonly database?: number
}

/**
 * `redis://[USER[:PASSWORD]@]HOST[:PORT][/DATABASE]`, also `valkey:`, and `rediss:` or `valkeys:` for TLS.
 * Throws ValkeyError, whose message does not contain the text: it is a secret.
 */
export function parseValkeyUrl(text: string): ValkeyUrl {
  const form = 'must be a URL such as redis://USER:PASSWORD@HOST:6379/0, or rediss://… for TLS'
  const parsed = URL.parse(text.trim())
  const tls = schemes.get(parsed?.protocol ?? '')
  if (parsed === null || tls === undefined || parsed.hostname === '') throw settingsProblem(form)
  const [, database = ''] = /^\/?([0-9]{1,7})?\/?$/.exec(parsed.pathname) ?? [undefined, 'x']
  if (database === 'x') throw settingsProblem(`${form}; the part after the host must be a database number`)
  const [username, password] = [parsed.username, parsed.password].map((part) => textOf(unescaped(part, form)))
  return {
    node: { address: parsed.hostname.replace(/^\[|\]$/g, ''), port: parsed.port === '' ? defaultPort : Number(parsed.port) },
    tls,
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(database === '' ? {} : { database: Number(database) }),
  }
}

function unescaped(part: string, form: string): string {
  try {
    return decodeURIComponent(part)
  } catch {
    throw settingsProblem(`${form}; a % in user or password is written %25`)
  }
}
