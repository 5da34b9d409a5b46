// A registry on this machine, and the shell functions of release/ as release/run calls them.
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { untilHolds } from '../support/until-holds.ts'
import { clusterProgram } from '../peers/helm.ts'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface LocalRegistry {
  /** `127.0.0.1:PORT` */
  readonly host: string
  readonly stop: () => Promise<void>
}

/** Starts `crane registry serve` on a free port of loopback; its log goes into a file of `scratch`. Rejects if it ends before it serves. */
export async function startLocalRegistry(scratch: string): Promise<LocalRegistry> {
  // A file, not a pipe: a test that waits for another program reads no pipe.
  const file = join(scratch, 'registry.log')
  const log = openSync(file, 'w')
  const child = spawn(clusterProgram('crane') ?? 'crane', ['registry', 'serve', '--address', '127.0.0.1:0'], {
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  const exited = once(child, 'exit')
  let port: string | undefined
  await untilHolds('the registry', () => {
    const said = readFileSync(file, 'utf8')
    if (child.exitCode !== null) throw new Error(said)
    port = /serving on port (\d+)/.exec(said)?.[1]
    return port !== undefined
  })
  return {
    host: `127.0.0.1:${port}`,
    stop: async () => {
      child.kill()
      await exited
    },
  }
}

/** What a shell with the functions of release/ needs to know. */
export interface ReleaseShell {
  /** A folder that the test removes: storage of images, keys, files of the release. */
  readonly scratch: string
  /** The folder whose Dockerfile and files are released. */
  readonly project: string
  readonly registry: string
}

export interface Said {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Runs a script in bash that has read the scripts of release/, with a storage for images of its own. */
export function inReleaseShell({ scratch, project, registry }: ReleaseShell, script: string, env: NodeJS.ProcessEnv = {}): Said {
  // Only a registry on loopback is spoken to without TLS.
  const registries = join(scratch, 'registries.conf')
  writeFileSync(registries, `[[registry]]\nlocation = "${registry}"\ninsecure = true\n`)
  const head = `
    set -euo pipefail
    . '${root}test/cluster/settings.sh'
    for file in buildah debian-bases images files publish; do . "${root}release/$file.sh"; done
    project='${project}' tree='${project}' scratch='${scratch}' cache='${scratch}/cache' out='${scratch}/out' log='${scratch}/log'
    registry='${registry}' version=1.2.3 revision=0000000000000000000000000000000000000000 source=https://example.com/a
    debian_bases=false artifact_hub= cosign_key=\${RELEASE_COSIGN_KEY:-} npm_secrets=() architectures=(amd64 arm64)
    mkdir -p "$out" "$log" "$cache"
  `
  // settings.sh finds them in the home directory, which may be another one here.
  const programs = ['helm', 'crane', 'cosign'].flatMap((name) => clusterProgram(name) ?? []).map(dirname)
  const path = [...new Set(programs), process.env['PATH'] ?? ''].join(':')
  const all = { ...process.env, CONTAINERS_REGISTRIES_CONF: registries, ...env, PATH: path }
  const { status, stdout, stderr, error } = spawnSync('bash', ['-c', `${head}\n${script}`], {
    encoding: 'utf8',
    env: all,
    maxBuffer: 64 << 20,
  })
  if (error !== undefined) throw error
  return { code: status, stdout, stderr }
}
