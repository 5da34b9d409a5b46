// Where helm is: on the PATH, or among what the test cluster was built with.
import { existsSync, readdirSync } from 'node:fs'
import { homedir } from 'node:os'

/** The path of the program, or undefined. */
export function helmProgram(): string | undefined {
  const { PATH = '', POSTSCREEN_CLUSTER_CACHE, XDG_CACHE_HOME = `${homedir()}/.cache` } = process.env
  const cache = POSTSCREEN_CLUSTER_CACHE ?? `${XDG_CACHE_HOME}/postscreen-cluster`
  const built = existsSync(cache) ? readdirSync(cache).map((version) => `${cache}/${version}/bin`) : []
  return [...PATH.split(':'), ...built.toSorted().toReversed()].map((folder) => `${folder}/helm`).find((path) => existsSync(path))
}
