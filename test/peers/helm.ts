// Where helm and kubectl are: on the PATH, or among what the test cluster was built with.
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'

export const helmProgram = (): string | undefined => clusterProgram('helm')
/** Helm 3, which the test cluster has on x86-64. */
export const helm3Program = (): string | undefined => clusterProgram('helm3')
export const kubectlProgram = (): string | undefined => clusterProgram('kubectl')

/** The path of a program, or undefined. */
export function clusterProgram(name: string): string | undefined {
  const { PATH = '', POSTSCREEN_CLUSTER_CACHE, XDG_CACHE_HOME = `${homedir()}/.cache` } = process.env
  const cache = POSTSCREEN_CLUSTER_CACHE ?? `${XDG_CACHE_HOME}/postscreen-cluster`
  const built = existsSync(cache) ? readdirSync(cache).map((version) => `${cache}/${version}/bin`) : []
  return [...PATH.split(':'), ...built.toSorted().toReversed()].map((folder) => `${folder}/${name}`).find((path) => existsSync(path))
}
