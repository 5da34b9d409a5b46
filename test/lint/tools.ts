// Where the linters are, and how they are run.
import { execFile } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

/** The programs of all linters. */
export const linterNames: readonly string[] = [
  'checkov',
  'hadolint',
  'kube-score',
  'kubeconform',
  'kubectl-validate',
  'promtool',
  'shellcheck',
  'yamllint',
]

const setting = (name: string): string =>
  new RegExp(`^${name}=(.+)$`, 'm').exec(readFileSync(join(root, 'test/cluster/settings.sh'), 'utf8'))?.[1] ?? ''

/** The version of Kubernetes of the test cluster, whose schemas are used. */
export const kubernetesVersion = setting('kubernetes')

function cacheFolder(): string {
  const { POSTSCREEN_CLUSTER_CACHE, XDG_CACHE_HOME = join(homedir(), '.cache') } = process.env
  return join(POSTSCREEN_CLUSTER_CACHE ?? join(XDG_CACHE_HOME, 'postscreen-cluster'), kubernetesVersion)
}

/** Where test/lint/build writes the schemas. */
export const schemaFolder = (): string => join(cacheFolder(), 'lint/schemas')

/** The path of a linter, or undefined. What test/lint/build made comes first. */
export function linterProgram(name: string): string | undefined {
  const folders = [join(cacheFolder(), 'bin'), join(cacheFolder(), 'lint/python/bin'), ...(process.env['PATH'] ?? '').split(':')]
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path))
}

/** The output of a linter, which exits with one of these codes. Rejects with what it says if it exits with another one. */
export function output(name: string, args: readonly string[], codes: readonly number[] = [0, 1]): Promise<string> {
  const program = linterProgram(name) ?? name
  return new Promise((resolve, reject) => {
    const options = { cwd: root, maxBuffer: 256 << 20, encoding: 'utf8' } as const
    const child = execFile(program, args, options, (error, stdout, stderr) => {
      const code = child.exitCode
      if (code !== null && codes.includes(code)) resolve(stdout)
      else reject(new Error(`${name} failed (${error?.code ?? code}): ${(stderr || stdout).slice(-2000)}`, { cause: error }))
    })
  })
}
