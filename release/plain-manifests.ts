// The chart's objects as plain manifests, which name nothing of Helm. release/run writes install.yaml with them, and
// test/chart/manifest-files.ts the files in charts/manifests.
//   helm template … | node release/plain-manifests.ts NAMESPACE >install.yaml
import { text } from 'node:stream/consumers'
import { dump, loadAll } from 'js-yaml'

export interface PlainObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: { readonly name: string }
}

/** The object without labels and annotations of Helm. */
export function withoutHelm<T extends PlainObject>(object: T): T {
  const ofHelm = ([name]: readonly [string, unknown]): boolean => /^helm\.sh\/|\/managed-by$/.test(name)
  const json = JSON.stringify(object, (key, value: unknown) => {
    if ((key !== 'labels' && key !== 'annotations') || typeof value !== 'object' || value === null) return value
    const kept = Object.entries(value).filter((entry) => !ofHelm(entry))
    return kept.length === 0 ? undefined : Object.fromEntries(kept)
  })
  return JSON.parse(json) as T
}

/** An object that Helm creates at a moment of its own. Without Helm it would run as soon as it is applied. */
export const isHook = ({ metadata }: PlainObject): boolean => 'helm.sh/hook' in ((metadata as { annotations?: object }).annotations ?? {})

/** The namespace that holds them. */
export const namespaceObject = (name: string): PlainObject => ({
  apiVersion: 'v1',
  kind: 'Namespace',
  metadata: { name, ...{ labels: { 'app.kubernetes.io/name': 'postscreen', 'pod-security.kubernetes.io/enforce': 'restricted' } } },
})

/** One file of several objects, below a first line. */
export const written = (head: string, objects: readonly object[]): string =>
  `# ${head}\n` + objects.map((object) => `---\n${dump(object, { lineWidth: 140, noRefs: true })}`).join('')

if (import.meta.main) {
  const [namespace = 'postscreen-system'] = process.argv.slice(2)
  const objects = loadAll(await text(process.stdin)).filter(Boolean) as PlainObject[]
  const kept = objects.filter((object) => !isHook(object))
  const head = 'Operator and CustomResourceDefinition: kubectl apply -f install.yaml'
  process.stdout.write(written(head, [namespaceObject(namespace), ...kept.map(withoutHelm)]))
}
