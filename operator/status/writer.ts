// Writes statuses, also where the cluster's CRD is older than the operator. Fields that the CRD does not contain are
// omitted, because the API server would refuse the whole status for one such field.
import { fieldManager } from '../desired/names.ts'
import type { KubeClient } from '../kube/kube-client.ts'
import { KubeError } from '../kube/kube-error.ts'
import { isObject } from '../../crds/is-object.ts'
import type { KubeObject } from '../kube/object.ts'

/** A CRD may be upgraded while the operator runs, so all fields are tried again at this interval. */
const tryAgainMs = 10 * 60_000
/**
 * The API server (1.36) names only one unknown field in an answer, so an older CRD needs one attempt for each missing
 * field.
 */
const mostAttempts = 20

/**
 * `.status.effective: field not declared in schema` is the error of structured-merge-diff. Lists in the path are
 * written `[...]`.
 */
const undeclared = /\.status((?:\.\w+|\[[^\]]*\])+): field not declared in schema/g

export class StatusWriter {
  readonly #client: KubeClient
  readonly #now: () => number
  readonly #onOmitted: (fields: readonly string[]) => void
  readonly #omitted = new Set<string>()
  #since = 0
  /** The last value that `onOmitted` received. */
  #told = ''

  /**
   * `now` returns monotonic milliseconds. `onOmitted` is called with all omitted fields when a write showed that they
   * have changed.
   */
  constructor(client: KubeClient, now: () => number, onOmitted: (fields: readonly string[]) => void) {
    this.#client = client
    this.#now = now
    this.#onOmitted = onOmitted
  }

  /** Fields of the status that the cluster's CRD does not contain, such as `effective.image`. */
  get omitted(): readonly string[] {
    return [...this.#omitted].toSorted()
  }

  /** The status without the fields that the CRD does not contain. */
  fit(status: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only fields are taken from it
    return this.omitted.reduce<unknown>((left, path) => without(left, path.split('.')), status) as Readonly<Record<string, unknown>>
  }

  /**
   * Returns the policy as it is after the write. With `onlyIf`, the write succeeds only if the policy still has this
   * resourceVersion.
   */
  async write(policy: KubeObject, status: Readonly<Record<string, unknown>>, onlyIf?: string): Promise<KubeObject> {
    this.#tryAllAgain()
    const { name, namespace, uid } = policy.metadata
    const metadata = {
      name,
      ...(namespace !== undefined && { namespace }),
      ...(uid !== undefined && { uid }),
      ...(onlyIf !== undefined && { resourceVersion: onlyIf }),
    }
    const { apiVersion, kind } = policy
    for (let attempt = 1; ; attempt++) {
      try {
        const object = { apiVersion, kind, metadata, status: this.fit(status) }
        const written = await this.#client.apply(object, { fieldManager, force: true, subresource: 'status' })
        this.#tell()
        return written
      } catch (error) {
        if (this.#learn(error) && attempt < mostAttempts) continue
        this.#tell()
        throw error
      }
    }
  }

  /** Whether the error named a field that was not omitted yet. */
  #learn(error: unknown): boolean {
    if (!(error instanceof KubeError) || error.status < 400) return false
    const fields = [...error.message.matchAll(undeclared)].map(([, path = '']) => path.replace(/\[[^\]]*\]/g, '').slice(1))
    const fresh = fields.filter((field) => field !== '' && !this.#omitted.has(field))
    if (fresh.length === 0) return false
    if (this.#omitted.size === 0) this.#since = this.#now()
    for (const field of fresh) this.#omitted.add(field)
    return true
  }

  #tryAllAgain(): void {
    if (this.#omitted.size === 0 || this.#now() - this.#since < tryAgainMs) return
    this.#omitted.clear()
  }

  #tell(): void {
    const { omitted } = this
    if (omitted.join() === this.#told) return
    this.#told = omitted.join()
    this.#onOmitted(omitted)
  }
}

/** The value without the field at a path, in every entry of the lists on that path. */
function without(value: unknown, [step, ...rest]: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((entry) => without(entry, step === undefined ? rest : [step, ...rest]))
  if (!isObject(value) || step === undefined || !(step in value)) return value
  const { [step]: inner, ...others } = value
  return rest.length === 0 ? others : { ...others, [step]: without(inner, rest) }
}
