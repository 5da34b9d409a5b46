// Packs table files into ConfigMaps, each below the limit of one.
import type { TableFile } from './access-tables.ts'

/** What one ConfigMap holds: file names and bytes. */
export type Shard = ReadonlyMap<string, Buffer>

/** The API server accepts 1 MiB of data in a ConfigMap. Names and the limit of etcd need some room. */
export const shardBytes = 900 * 1024

/** A file that is too long for one ConfigMap is split into parts FILE.0, FILE.1, …, which the gateway joins. */
function* pieces({ name, bytes }: TableFile): Generator<readonly [string, Buffer]> {
  if (bytes.length <= shardBytes) {
    yield [name, bytes]
    return
  }
  for (let part = 0; part * shardBytes < bytes.length; part++)
    yield [`${name}.${part}`, bytes.subarray(part * shardBytes, (part + 1) * shardBytes)]
}

/** Every file once, in the given order, in as few shards as possible when they are filled one after the other. */
export function shardsOf(files: readonly TableFile[]): readonly Shard[] {
  const shards: Map<string, Buffer>[] = []
  let room = 0
  const distinct = new Map(files.map((file) => [file.name, file]))
  for (const file of distinct.values()) {
    for (const [name, bytes] of pieces(file)) {
      if (bytes.length > room || shards.length === 0) {
        shards.push(new Map())
        room = shardBytes
      }
      shards.at(-1)?.set(name, bytes)
      room -= bytes.length
    }
  }
  return shards
}
