// Compiles policies. A policy is compiled again only when it or one of its tables has changed, because reading 100,000
// networks takes a large part of a second.
import { gunzipSync } from 'node:zlib'
import { parsePolicy } from '../../crds/policy.ts'
import { firstProblems } from '../../crds/problems.ts'
import { tenancyProblems, type TenantRules } from '../../crds/schema/tenancy.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { policyPatchProblems } from '../desired/patch/policy-problems.ts'
import { isObject } from '../../crds/is-object.ts'
import { keyOf, type KubeObject } from '../kube/object.ts'
import { resources } from '../kube/resource.ts'
import type { PolicyMemories } from '../policy-memory.ts'
import { tableKey, type TableText } from './access-tables.ts'
import { type Compilation, compile, tableRefs } from './compile.ts'

/**
 * The length of the text of a million networks; the gateway reads no more in one table. Here the limit is for all
 * tables of a policy, because a small gzip file may need a lot of memory.
 */
const largestTables = 64 * 2 ** 20

/** Returns the version of a ConfigMap from the watch, without reading the ConfigMap; undefined if it does not exist. */
export type VersionOf = (key: `${string}/${string}`) => string | undefined

export class Compilations {
  readonly #client: KubeClient
  readonly #versionOf: VersionOf
  readonly #tenants: TenantRules | undefined
  readonly #memories: PolicyMemories

  /** @param tenants what authors of policies may do; undefined: everything */
  constructor(client: KubeClient, versionOf: VersionOf, memories: PolicyMemories, tenants: TenantRules | undefined) {
    this.#client = client
    this.#versionOf = versionOf
    this.#memories = memories
    this.#tenants = tenants
  }

  /** What a policy's gateways read, or its problems. Rejects if a ConfigMap cannot be read now. */
  async of(policy: KubeObject): Promise<Compilation> {
    const memory = this.#memories.of(keyOf(policy))
    const { uid, generation, namespace = '' } = policy.metadata
    const refs = tableRefs(policy)
    const of = JSON.stringify([uid, generation, refs.map(({ name }) => this.#versionOf(`${namespace}/${name}`) ?? '')])
    if (memory.compilation?.of === of) return memory.compilation.compilation
    const compilation = this.#refused(policy) ?? (await this.#compiled(policy, refs))
    memory.compilation = { of, compilation }
    return compilation
  }

  /** Checked before anything is read for a policy, because a problem of a table shows some of its text. */
  #refused(policy: KubeObject): Compilation | undefined {
    const parsed = this.#tenants === undefined ? undefined : parsePolicy(policy)
    if (this.#tenants === undefined || parsed === undefined || 'problems' in parsed) return undefined
    const problems = tenancyProblems(parsed.policy, this.#tenants)
    return problems.length === 0 ? undefined : { problems, by: 'tenancy' }
  }

  async #compiled(policy: KubeObject, refs: ReturnType<typeof tableRefs>): Promise<Compilation> {
    // Names in a policy that is not valid may have any form, so nothing is requested.
    const readable = refs.length > 0 && 'policy' in parsePolicy(policy)
    const made = compile(policy, readable ? await this.#texts(policy.metadata.namespace ?? '', refs) : new Map())
    const patches = 'compiled' in made ? policyPatchProblems(made.compiled.policy) : []
    return patches.length > 0 ? { problems: firstProblems(patches) } : made
  }

  async #texts(namespace: string, refs: readonly { readonly name: string; readonly key: string }[]): Promise<Map<string, TableText>> {
    const texts = new Map<string, TableText>()
    let room = largestTables
    for (const [name, ofMap] of Map.groupBy(refs, (ref) => ref.name)) {
      const map = room < 0 ? undefined : await this.#client.get(resources.ConfigMap, namespace, name)
      for (const key of new Set(ofMap.map((ref) => ref.key))) {
        const found = map === undefined ? { why: 'does not exist', isMissing: true } : textOf(map, key)
        room -= 'text' in found ? found.text.length : 0
        texts.set(tableKey(name, key), room < 0 ? tooMuch : found)
      }
    }
    return texts
  }
}

const tooMuch: TableText = { why: `is not read: the tables of the policy together exceed ${largestTables} bytes` }

/** The text of a key of a ConfigMap, unpacked if its name ends in .gz. */
function textOf(map: KubeObject, key: string): TableText {
  const { data, binaryData } = map
  const text = isObject(data) ? data[key] : undefined
  const binary = isObject(binaryData) ? binaryData[key] : undefined
  if (typeof text === 'string') return { text }
  if (typeof binary !== 'string') return { why: 'is not in the ConfigMap', isMissing: true }
  const bytes = Buffer.from(binary, 'base64')
  if (!key.endsWith('.gz')) return { text: bytes.toString('utf8') }
  try {
    return { text: gunzipSync(bytes, { maxOutputLength: largestTables }).toString('utf8') }
  } catch {
    return { why: `is not valid gzip, or exceeds ${largestTables} bytes when unpacked` }
  }
}
