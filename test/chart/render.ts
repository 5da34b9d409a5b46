// Runs helm on the chart: what it renders, or how it refuses.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { loadAll } from 'js-yaml'
import type { KubeObject } from '../../operator/kube/object.ts'
import { helmProgram } from '../peers/helm.ts'

export const chartFolder = fileURLToPath(new URL('../../charts/postscreen', import.meta.url))

export interface Rendering {
  readonly values?: object
  readonly release?: string
  readonly namespace?: string
  /** What the cluster is said to have besides Kubernetes' own. */
  readonly apis?: readonly string[]
}

/** Runs `helm VERB …` with these values. Rejects with what helm said when it refuses. */
export async function helm(args: readonly string[], values: object = {}): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), 'postscreen-chart.'))
  try {
    const file = join(scratch, 'values.json')
    writeFileSync(file, JSON.stringify(values))
    const run = await promisify(execFile)(helmProgram() ?? 'helm', [...args, '--values', file], { maxBuffer: 64 << 20 })
    return run.stdout
  } catch (error) {
    throw new Error((error as { readonly stderr?: string }).stderr ?? String(error), { cause: error })
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

/** Every object of the release, in Helm's order. */
export async function render({
  values = {},
  release = 'postscreen',
  namespace = 'mail',
  apis = [],
}: Rendering): Promise<readonly KubeObject[]> {
  const given = apis.flatMap((api) => ['--api-versions', api])
  const text = await helm(['template', release, chartFolder, '--namespace', namespace, ...given], values)
  return loadAll(text).filter((object) => object !== null && object !== undefined) as KubeObject[]
}

export const monitoring = 'monitoring.coreos.com/v1'
