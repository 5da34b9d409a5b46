// The default StorageClass: makes a PersistentVolume for each claim, a folder of this machine that every node sees, and removes it with the claim.
import { chmod, mkdir, rm } from 'node:fs/promises'
import type { Api, ApiObject } from './api.ts'

interface Claim extends ApiObject {
  readonly spec: {
    readonly storageClassName?: string
    readonly volumeName?: string
    readonly accessModes?: readonly string[]
    readonly resources?: { readonly requests?: { readonly storage?: string } }
  }
}

interface Volume extends ApiObject {
  readonly spec: { readonly storageClassName?: string }
  readonly status?: { readonly phase?: string }
}

const className = 'standard'
const provisioner = 'postscreen.dev/test-cluster'
const storageClasses = '/apis/storage.k8s.io/v1/storageclasses'

const storageClass = {
  apiVersion: 'storage.k8s.io/v1',
  kind: 'StorageClass',
  metadata: { name: className, annotations: { 'storageclass.kubernetes.io/is-default-class': 'true' } },
  provisioner,
  reclaimPolicy: 'Delete',
}

export class Volumes {
  readonly #api: Api
  readonly #folder: string
  /** Names of volumes: a watch tells of each several times. */
  readonly #made = new Set<string>()
  readonly #removed = new Set<string>()

  constructor(api: Api, folder: string) {
    this.#api = api
    this.#folder = folder
  }

  /** Works until the process ends. */
  async serve(): Promise<never> {
    await this.#api.call('POST', storageClasses, storageClass)
    const claims = this.#api.follow('/api/v1/persistentvolumeclaims', (all) => {
      for (const claim of all as readonly Claim[]) {
        if (claim.spec.storageClassName === className && claim.spec.volumeName === undefined) this.#settle(this.#provide(claim))
      }
    })
    const volumes = this.#api.follow('/api/v1/persistentvolumes', (all) => {
      for (const volume of all as readonly Volume[]) {
        if (volume.spec.storageClassName === className && volume.status?.phase === 'Released') this.#settle(this.#remove(volume))
      }
    })
    return Promise.race([claims, volumes])
  }

  #settle(work: Promise<void>): void {
    work.catch((error: unknown) => console.error(String(error)))
  }

  async #provide(claim: Claim): Promise<void> {
    const { name: claimName, namespace, uid } = claim.metadata
    const name = `pvc-${uid}`
    if (this.#made.has(name)) return
    this.#made.add(name)
    const path = `${this.#folder}/${name}`
    await mkdir(path, { recursive: true })
    // Pods of any user write to it: hostPath knows no fsGroup.
    await chmod(path, 0o777)
    await this.#api.call('POST', '/api/v1/persistentvolumes', {
      apiVersion: 'v1',
      kind: 'PersistentVolume',
      metadata: { name, annotations: { 'pv.kubernetes.io/provisioned-by': provisioner } },
      spec: {
        capacity: { storage: claim.spec.resources?.requests?.storage ?? '1Gi' },
        accessModes: claim.spec.accessModes ?? ['ReadWriteOnce'],
        storageClassName: className,
        persistentVolumeReclaimPolicy: 'Delete',
        hostPath: { path },
        claimRef: { apiVersion: 'v1', kind: 'PersistentVolumeClaim', namespace, name: claimName, uid },
      },
    })
    console.log(`${namespace}/${claimName} has ${path}`)
  }

  async #remove(volume: Volume): Promise<void> {
    const { name } = volume.metadata
    if (this.#removed.has(name)) return
    this.#removed.add(name)
    await this.#api.call('DELETE', `/api/v1/persistentvolumes/${name}`)
    await rm(`${this.#folder}/${name}`, { recursive: true, force: true })
  }
}
