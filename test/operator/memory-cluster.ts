// An API server in memory with what a pass over a policy needs of one: get, apply, patch and delete. It records every call. Server-side apply is that of
// applied-fields.ts; nothing changes when nothing is different.
import assert from 'node:assert/strict'
import { isDeepStrictEqual } from 'node:util'
import type { LiveObjects } from '../../operator/apply.ts'
import type { ApplyOptions, DeleteOptions, KubeClient } from '../../operator/kube/kube-client.ts'
import { KubeError } from '../../operator/kube/kube-error.ts'
import { isObject } from '../../crds/is-object.ts'
import { keyOf, type KubeObject } from '../../operator/kube/object.ts'
import type { Resource } from '../../operator/kube/resource.ts'
import { FieldManagers } from './applied-fields.ts'

export interface Call {
  readonly verb: 'get' | 'apply' | 'apply status' | 'patch' | 'delete'
  /** Such as `ConfigMap mx-policy`. */
  readonly what: string
  readonly object?: KubeObject
  readonly options?: ApplyOptions | DeleteOptions | undefined
}

const idOf = (kind: string, key: string): string => `${kind} ${key}`

/** As the API server sends it: another object each time, without fields that have no value. */
const copy = (object: KubeObject): KubeObject => JSON.parse(JSON.stringify(object)) as KubeObject

/** What the API server fills in: a Deployment that names no number of pods has one. */
const withDefaults = (object: KubeObject): KubeObject =>
  object.kind === 'Deployment' && isObject(object['spec']) ? { ...object, spec: { replicas: 1, ...object['spec'] } } : object

const conflict = (why: string) => new KubeError(why, { status: 409, reason: 'Conflict' })

export class MemoryCluster implements Pick<KubeClient, 'get' | 'apply' | 'patch' | 'delete'> {
  readonly calls: Call[] = []
  /** May throw what the server refuses. */
  onCall: (call: Call) => void = () => undefined
  /** Called with everything that is written. */
  onWrite: (object: KubeObject) => void = () => undefined
  /** How the server writes what it was given, such as an amount in its own form. */
  rewrite: (object: KubeObject) => KubeObject = (object) => object
  readonly #objects = new Map<string, KubeObject>()
  readonly #managers = new Map<string, FieldManagers>()
  /** What the watches have brought; undefined: they are never late. */
  #seen: ReadonlyMap<string, KubeObject> | undefined
  #version = 100

  /** Everything that is there. */
  get objects(): readonly KubeObject[] {
    return [...this.#objects.values()]
  }

  /** All the verbs; those that a pass has no use for fail. */
  get client(): KubeClient {
    return new Proxy(this, {
      get: (target, name) => {
        const found: unknown = Reflect.get(target, name)
        return typeof found === 'function' ? found.bind(target) : () => assert.fail(`${String(name)} is not a verb for a pass`)
      },
    }) as unknown as KubeClient
  }

  /** What the operator sees through its watches: policies, and objects with its label. */
  get live(): LiveObjects & { policy(key: string): KubeObject | undefined } {
    const all = (): ReadonlyMap<string, KubeObject> => this.#seen ?? this.#objects
    const ours = (object: KubeObject | undefined): KubeObject | undefined =>
      object?.metadata.labels?.['app.kubernetes.io/managed-by'] === 'postscreen-operator' ? object : undefined
    return {
      policy: (key) => all().get(idOf('PostscreenPolicy', key)),
      object: (kind, key) => ours(all().get(idOf(kind, key))),
      ofPolicy: (policy) =>
        [...all().values()].filter(
          (object) =>
            ours(object) !== undefined && `${object.metadata.namespace}/${object.metadata.labels?.['postscreen.dev/policy']}` === policy,
        ),
    }
  }

  /** From now on the watches bring nothing new. */
  holdWatches(): void {
    this.#seen = new Map(this.#objects)
  }

  catchUp(): void {
    this.#seen = undefined
  }

  /** Another client writes an object. */
  put(object: KubeObject, manager = 'kubectl-edit'): KubeObject {
    const id = idOf(object.kind, keyOf(object))
    this.#managersOf(id).update(object, this.#objects.get(id), manager)
    return this.#put(object)
  }

  #managersOf(id: string): FieldManagers {
    const managers = this.#managers.get(id) ?? new FieldManagers()
    this.#managers.set(id, managers)
    return managers
  }

  #put(object: KubeObject): KubeObject {
    const id = idOf(object.kind, keyOf(object))
    const metadata = { uid: `uid-${++this.#version}`, ...object.metadata, resourceVersion: this.nextVersion() }
    const put = copy({ ...object, metadata })
    this.#objects.set(id, put)
    this.onWrite(put)
    this.onPut(put)
    return put
  }

  protected nextVersion(): string {
    return String(++this.#version)
  }

  /** Called with what has been written. */
  protected onPut(_put: KubeObject): void {}

  /** Another client changes fields of an object. */
  change(kind: string, name: string, fields: object, manager?: string): void {
    const found = this.find(kind, name)
    assert.ok(found, `${kind} ${name} exists`)
    this.put({ ...found, ...fields }, manager)
  }

  remove(kind: string, name: string, namespace = 'mail'): void {
    const id = idOf(kind, `${namespace}/${name}`)
    this.#managers.delete(id)
    assert.ok(this.#objects.delete(id), `${kind} ${name} exists`)
  }

  find(kind: string, name: string, namespace = 'mail'): KubeObject | undefined {
    return this.#objects.get(idOf(kind, `${namespace}/${name}`))
  }

  /** Every object but policies, as `KIND NAME`. */
  get names(): string[] {
    return [...this.#objects.values()]
      .filter(({ kind }) => kind !== 'PostscreenPolicy')
      .map(({ kind, metadata }) => `${kind} ${metadata.name}`)
  }

  /** The calls so far as `VERB KIND NAME`, which are forgotten by asking. */
  take(): string[] {
    return this.calls.splice(0).map(({ verb, what }) => `${verb} ${what}`)
  }

  async get(resource: Resource, namespace: string, name: string): Promise<KubeObject | undefined> {
    this.#record({ verb: 'get', what: `${resource.kind} ${name}` })
    const found = this.find(resource.kind, name, namespace)
    const { managedFields } = this.#managersOf(idOf(resource.kind, `${namespace}/${name}`))
    return found && copy({ ...found, metadata: { ...found.metadata, managedFields } })
  }

  async apply(object: KubeObject, options: ApplyOptions): Promise<KubeObject> {
    const what = `${object.kind} ${object.metadata.name}`
    this.#record({ verb: options.subresource === 'status' ? 'apply status' : 'apply', what, object, options })
    const { name, namespace = '', uid, resourceVersion } = object.metadata
    const found = this.find(object.kind, name, namespace)
    if (uid !== undefined && uid !== found?.metadata.uid) throw conflict(`${what}: uid mismatch`)
    if (resourceVersion !== undefined && resourceVersion !== found?.metadata.resourceVersion)
      throw conflict(`${what}: it has been modified`)
    const written = this.rewrite(copy(object))
    if (options.subresource === 'status') return this.#store({ ...this.#existing(what, found), status: written['status'] }, found)
    const managers = this.#managersOf(idOf(object.kind, `${namespace}/${name}`))
    return this.#store(withDefaults(managers.apply(written, found, options.fieldManager)), found)
  }

  async patch(resource: Resource, namespace: string, name: string, mergePatch: object): Promise<KubeObject> {
    const what = `${resource.kind} ${name}`
    this.#record({ verb: 'patch', what, object: mergePatch as KubeObject })
    const found = this.#existing(what, this.find(resource.kind, name, namespace))
    const { uid, ...patched } = (mergePatch as KubeObject).metadata
    if (uid !== undefined && uid !== found.metadata.uid) throw conflict(`${what}: uid mismatch`)
    const annotations = { ...found.metadata.annotations, ...patched.annotations }
    return this.#store({ ...found, metadata: { ...found.metadata, annotations } }, found)
  }

  async delete(resource: Resource, namespace: string, name: string, options?: DeleteOptions): Promise<void> {
    const what = `${resource.kind} ${name}`
    this.#record({ verb: 'delete', what, options })
    const found = this.find(resource.kind, name, namespace)
    if (found === undefined) return
    if (options?.uid !== undefined && options.uid !== found.metadata.uid) throw conflict(`${what}: uid mismatch`)
    this.remove(resource.kind, name, namespace)
  }

  #record(call: Call): void {
    this.calls.push(call)
    this.onCall(call)
  }

  #existing(what: string, found: KubeObject | undefined): KubeObject {
    if (found === undefined) throw new KubeError(`${what}: 404`, { status: 404, reason: 'NotFound' })
    return found
  }

  /** With a new version, and a new generation when the spec is another one, as the API server does. */
  #store(object: KubeObject, found: KubeObject | undefined): KubeObject {
    if (isDeepStrictEqual(copy(object), found)) return copy(object)
    const { generation = 0 } = found?.metadata ?? {}
    const isNew = !isDeepStrictEqual(object['spec'], found?.['spec'])
    const grown = isObject(object['spec']) ? { generation: generation + (isNew ? 1 : 0) } : {}
    return this.#put({ ...object, metadata: { ...object.metadata, ...grown } })
  }
}
