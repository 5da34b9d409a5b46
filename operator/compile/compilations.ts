// Compiles policies, each only when it or a table that it names has changed: reading 100,000 networks takes a good part of a second.
import { gunzipSync } from 'node:zlib'
import type { KubeClient } from '../kube/kube-client.ts'
import { isRecord, keyOf, type KubeObject } from '../kube/object.ts'
import { resources } from '../kube/resource.ts'
import { tableKey, type TableText } from './access-tables.ts'
import { type Compilation, compile, tableRefs } from './compile.ts'

/** The text of a million networks; the gateway takes no more either. */
const largestTable = 64 * 2 ** 20

/** Tells the version of a ConfigMap without reading it, from the watch; undefined when there is none. */
export type VersionOf = (key: `${string}/${string}`) => string | undefined

export class Compilations {
  readonly #client: KubeClient
  readonly #versionOf: VersionOf
  readonly #done = new Map<string, { readonly of: string; readonly compilation: Compilation }>()

  constructor(client: KubeClient, versionOf: VersionOf) {
    this.#client = client
    this.#versionOf = versionOf
  }

  /** What a policy's gateways read, or its problems. Rejects when a ConfigMap cannot be read now. */
  async of(policy: KubeObject): Promise<Compilation> {
    const key = keyOf(policy)
    const { uid, generation, namespace = '' } = policy.metadata
    const refs = tableRefs(policy)
    const of = JSON.stringify([uid, generation, refs.map(({ name }) => this.#versionOf(`${namespace}/${name}`) ?? '')])
    const known = this.#done.get(key)
    if (known?.of === of) return known.compilation
    const compilation = compile(policy, await this.#texts(namespace, refs))
    this.#done.set(key, { of, compilation })
    return compilation
  }

  forget(key: string): void {
    this.#done.delete(key)
  }

  async #texts(namespace: string, refs: readonly { readonly name: string; readonly key: string }[]): Promise<Map<string, TableText>> {
    const texts = new Map<string, TableText>()
    for (const [name, ofMap] of Map.groupBy(refs, (ref) => ref.name)) {
      const map = await this.#client.get(resources.ConfigMap, namespace, name)
      for (const { key } of ofMap) texts.set(tableKey(name, key), map === undefined ? { why: 'does not exist' } : textOf(map, key))
    }
    return texts
  }
}

/** The text of a key of a ConfigMap, unpacked if its name ends in .gz. */
function textOf(map: KubeObject, key: string): TableText {
  const { data, binaryData } = map
  const text = isRecord(data) ? data[key] : undefined
  const binary = isRecord(binaryData) ? binaryData[key] : undefined
  if (typeof text === 'string') return { text }
  if (typeof binary !== 'string') return { why: 'is not in the ConfigMap' }
  const bytes = Buffer.from(binary, 'base64')
  if (!key.endsWith('.gz')) return { text: bytes.toString('utf8') }
  try {
    return { text: gunzipSync(bytes, { maxOutputLength: largestTable }).toString('utf8') }
  } catch {
    return { why: `is no gzip, or has more than ${largestTable} bytes when unpacked` }
  }
}
