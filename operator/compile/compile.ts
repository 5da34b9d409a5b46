// Compiles a policy in the cluster into what its gateways read: one YAML text, and files for its access tables. Pure:
// the texts of the tables are arguments.
import { createHash } from 'node:crypto'
import { formatPolicy } from '../../crds/format-policy.ts'
import { parsePolicy, type Problem } from '../../crds/policy.ts'
import type { PostscreenPolicy, PostscreenPolicyInput } from '../../crds/schema/policy.schema.ts'
import { adminPort } from '../desired/ports.ts'
import type { KubeObject } from '../kube/object.ts'
import { isTableFile, type TableFile, tableFile, tableKey, tableText, type TableText } from './access-tables.ts'
import { type SecretFile, secretFiles } from './secret-files.ts'
import { type Shard, shardsOf } from './shards.ts'

/** A compiled policy. */
export interface Compiled {
  readonly policy: PostscreenPolicy
  /** The text of `policy.yaml`. */
  readonly text: string
  /** SHA-256 of the text, in hex. A gateway that runs the policy reports the same hash. */
  readonly hash: string
  readonly shards: readonly Shard[]
  readonly tableRules: number
  /** At least one table has a rule with reject. */
  readonly tablesReject?: boolean
  /** One sentence for each table that has lines that do not parse. */
  readonly skipped?: readonly string[]
  readonly secrets: readonly SecretFile[]
}

/**
 * `by`: the rules for every policy, or those for tenants (crds/schema/tenancy.ts). `awaited`: all problems are missing
 * ConfigMaps or keys, which may be applied after the policy.
 */
export type Compilation =
  | { readonly compiled: Compiled }
  | { readonly problems: readonly Problem[]; readonly by?: 'tenancy'; readonly awaited?: boolean }

type Entry = Readonly<Record<string, unknown>> & {
  readonly action?: string
  readonly cidrs?: readonly string[]
  readonly table?: {
    readonly file?: string
    readonly rules?: readonly { readonly action: string; readonly cidrs: readonly string[] }[]
    readonly configMap?: { readonly name: string; readonly key: string }
  }
}

/** The longest text that is put into the policy's own ConfigMap, which can hold 1 MiB. */
const largestText = 900 * 1024
/** If the text is longer, lists with more entries than this become tables. */
const comfortableText = 256 * 1024
const longList = 200

const head = `# Compiled by the operator from the PostscreenPolicy of this name. Changes by hand are lost: change the policy.\n`

/** The tables that a manifest takes from ConfigMaps, whether it is valid or not. */
export function tableRefs({ spec }: KubeObject): readonly { readonly name: string; readonly key: string }[] {
  const access = typeof spec === 'object' && spec !== null && 'access' in spec && Array.isArray(spec.access) ? spec.access : []
  return access.flatMap((entry: Entry | null) => {
    const ref = entry?.table?.configMap
    return typeof ref?.name === 'string' && typeof ref.key === 'string' ? [ref] : []
  })
}

/** Converts single entries into what the gateway reads, and collects the files for it. */
class Tables {
  readonly files: TableFile[] = []
  readonly problems: Problem[] = []
  /** The number of problems that a ConfigMap would solve. */
  awaited = 0
  readonly #texts: ReadonlyMap<string, TableText>

  constructor(texts: ReadonlyMap<string, TableText>) {
    this.#texts = texts
  }

  /** An entry whose table is in a ConfigMap reads it from a file. */
  fromConfigMap(entry: Entry, at: number): Entry {
    const ref = entry.table?.configMap
    if (ref === undefined) return entry
    const path = `spec.access[${at}].table.configMap`
    const where = `ConfigMap ${ref.name} key ${ref.key}`
    const found = this.#texts.get(tableKey(ref.name, ref.key)) ?? { why: 'has not been read yet' }
    if ('why' in found) {
      this.problems.push({ path, why: `${where} ${found.why}` })
      if (found.isMissing === true) this.awaited++
      return entry
    }
    return this.#toFile(entry, found.text, path, where)
  }

  /**
   * An entry with a long list reads it from a file too, but only if a table means the same: Dunno ends the search in an
   * entry, but not in a table.
   */
  fromLongList(entry: Entry, at: number): Entry {
    const { action, cidrs, table } = entry
    const path = `spec.access[${at}]`
    const inline = table?.rules
    if (inline !== undefined && inline.reduce((sum, rule) => sum + rule.cidrs.length, 0) > longList) {
      return this.#toFile(entry, tableText(inline), path, 'table')
    }
    if (cidrs === undefined || cidrs.length <= longList || (action !== 'Permit' && action !== 'Reject')) return entry
    return this.#toFile(entry, tableText([{ action, cidrs }]), path, 'cidrs')
  }

  #toFile(entry: Entry, text: string, path: string, where: string): Entry {
    const made = tableFile(text, path, where)
    if (!isTableFile(made)) {
      this.problems.push(...made)
      return entry
    }
    this.files.push(made)
    return { table: { file: made.name } }
  }
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex')

/**
 * @param object the policy as the API server has it
 * @param texts the texts of the ConfigMaps that it names, by `tableKey`
 * @returns what its gateways read, or every problem with its path
 */
export function compile(object: KubeObject, texts: ReadonlyMap<string, TableText>): Compilation {
  const parsed = parsePolicy(object)
  if ('problems' in parsed) return parsed
  const { policy } = parsed
  const tables = new Tables(texts)
  tables.problems.push(...takenPorts(policy))
  const { gateway: _, ...written } = object['spec'] as Readonly<Record<string, unknown>>
  const entries = ((written['access'] ?? []) as readonly Entry[]).map((entry, at) => tables.fromConfigMap(entry, at))
  let text = textOf(object, { ...written, access: entries })
  if (Buffer.byteLength(text) > comfortableText) {
    text = textOf(object, { ...written, access: entries.map((entry, at) => tables.fromLongList(entry, at)) })
  }
  if (tables.problems.length > 0) return { problems: tables.problems, awaited: tables.awaited === tables.problems.length }
  const bytes = Buffer.byteLength(text)
  if (bytes > largestText) {
    const why = `is too long for a ConfigMap: ${bytes} bytes, at most ${largestText} are allowed; move long lists to ConfigMaps of their own (access[].table.configMap)`
    return { problems: [{ path: 'spec', why }] }
  }
  const tableRules = tables.files.reduce((sum, { rules }) => sum + rules, 0)
  const skipped = tables.files.map((file) => file.skipped).filter((words) => words !== undefined)
  const shards = shardsOf(tables.files)
  return {
    compiled: {
      policy,
      text,
      hash: sha256(text),
      shards,
      tableRules,
      ...(tables.files.some(({ rejects }) => rejects === true) && { tablesReject: true }),
      ...(skipped.length > 0 && { skipped }),
      secrets: secretFiles(policy.spec),
    },
  }
}

/** In a pod, the admin server has a port of its own. On a user's own machine, the user chooses it. */
function takenPorts({ spec: { gateway, listen } }: PostscreenPolicy): readonly Problem[] {
  const taken = listen.addresses.flatMap(({ port }, at) => (port === adminPort ? [at] : []))
  const why = `must use another port: the gateway serves its health and metrics on port ${adminPort}`
  return gateway === undefined ? [] : taken.map((at) => ({ path: `spec.listen.addresses[${at}]`, why }))
}

/**
 * Only the metadata that a gateway reports about itself. Other metadata changes without a need for a new compilation.
 */
function textOf({ apiVersion, kind, metadata }: KubeObject, spec: Readonly<Record<string, unknown>>): string {
  const { name, namespace, generation } = metadata
  const manifest = { apiVersion, kind, metadata: { name, namespace, generation }, spec }
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- parsePolicy has accepted it
  return head + formatPolicy(manifest as unknown as PostscreenPolicyInput)
}
