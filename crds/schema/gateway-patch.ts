// Parts of Kubernetes manifests in a policy, which the operator merges into the objects of the gateway.
import * as z from 'zod'
import { documented, kindKey, record } from './field.ts'
import { isObject } from '../is-object.ts'

/** The longest patch of one object, in characters of JSON. An object in etcd may have about 1.5 MB. */
const longest = 32 * 1024
/** Kubernetes' own objects are less than 20 levels deep. */
const deepest = 40

/**
 * Why a part of a manifest is not accepted; undefined if it is. Stops at the limits, because aliases in YAML can make
 * loops.
 */
function sizeProblem(manifest: unknown): string | undefined {
  let size = 0
  let level: readonly unknown[] = [manifest]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > deepest) return `must be at most ${deepest} levels deep`
    const next: unknown[] = []
    for (const value of level) {
      size += sizeOf(value)
      if (size > longest) return `must have at most ${longest} characters as JSON`
      if (Array.isArray(value)) next.push(...value)
      else if (isObject(value)) next.push(...Object.values(value))
    }
    level = next
  }
  return undefined
}

/** The characters of JSON that a value has without its inner values, and the commas and brackets around those. */
function sizeOf(value: unknown): number {
  if (Array.isArray(value)) return value.length + 2
  if (isObject(value)) return Object.keys(value).reduce((sum, name) => sum + name.length + 4, 2)
  return typeof value === 'string' ? value.length + 2 : String(value).length
}

/** A part of a manifest, which Kubernetes itself checks. */
const manifest = () =>
  z
    .record(z.string(), z.unknown(), { error: 'must be an object with fields' })
    .superRefine((value, context) => {
      const message = sizeProblem(value)
      if (message !== undefined) context.addIssue({ code: 'custom', message })
    })
    .meta({ [kindKey]: 'manifest' })

const of = (object: string, more = '') =>
  documented(manifest().exactOptional(), { doc: `The patch of the ${object}, with the same fields as the ${object} itself.${more}` })

export const patch = documented(
  record({
    deployment: of('Deployment', ' Pods are below spec.template.'),
    daemonSet: of('DaemonSet', ' Used instead of deployment if kind is DaemonSet.'),
    statefulSet: of('StatefulSet', ' Used instead of deployment if persistence is set.'),
    service: of('Service'),
    serviceAccount: of('ServiceAccount'),
    podDisruptionBudget: of('PodDisruptionBudget'),
    horizontalPodAutoscaler: of('HorizontalPodAutoscaler'),
    networkPolicy: of('NetworkPolicy', ' Its rules are added to those of the operator.'),
  }).exactOptional(),
  {
    doc: "Patches that the operator merges into the gateway's objects, for settings that have no field: a strategic merge, as in `kubectl patch`. Lists such as containers, env, volumes and volumeMounts are merged by the name of their entries, other lists are replaced, and null removes a field. What the operator depends on cannot be changed.",
    tenancy: 'default',
  },
)
