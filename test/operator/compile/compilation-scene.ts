// Compilations of the policies of a cluster in memory with ConfigMaps of tables.
import { gzipSync } from 'node:zlib'
import { Compilations } from '../../../operator/compile/compilations.ts'
import { PolicyMemories } from '../../../operator/policy-memory.ts'
import { MemoryCluster } from '../memory-cluster.ts'

export function compilationScene(maps: Readonly<Record<string, object>>) {
  const cluster = new MemoryCluster()
  const put = (name: string, fields: object) =>
    cluster.put({ apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace: 'mail' }, ...fields })
  for (const [name, fields] of Object.entries(maps)) put(name, fields)
  const versionOf = (key: string) => cluster.find('ConfigMap', key.slice('mail/'.length))?.metadata.resourceVersion
  const memories = new PolicyMemories()
  return { cluster, put, compilations: new Compilations(cluster.client, versionOf, memories, undefined), memories }
}

/** A few kilobytes that unpack to so many bytes. */
export const bomb = (bytes: number): string => gzipSync(Buffer.alloc(bytes, '# zeros\n')).toString('base64')
