// A registry in the cluster's network, with the releases that test/cluster/release has written. It is on loopback for
// helm, crane and cosign, and nodes are told to reach it at the address of the control plane.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { eventually, type Outcome, run, attempt } from './kubectl.ts'

/** As in test/cluster/release. */
export const registry = 'localhost:5000'
/** control_plane_address in test/cluster/settings.sh */
const forNodes = 'http://10.10.0.1:5000'

function required(name: string): string {
  const value = process.env[name]
  assert.ok(value, `${name} is not set: run this story with npm run test:cluster`)
  return value
}

/** What a dry run of this version has written. */
export const writtenRelease = (version: string): string => join(required('POSTSCREEN_RELEASES'), version)

export const publicKey = (): string => join(required('POSTSCREEN_RELEASES'), 'keys/cosign.pub')

export interface Registry {
  /** What it has served so far, a line for each request. */
  readonly log: () => string
  readonly stop: () => void
}

export async function startRegistry(): Promise<Registry> {
  const hosts = join(required('POSTSCREEN_CLUSTER_STATE'), 'registries')
  mkdirSync(join(hosts, registry), { recursive: true })
  writeFileSync(join(hosts, registry, 'hosts.toml'), `server = "${forNodes}"\n[host."${forNodes}"]\n  capabilities = ["pull", "resolve"]\n`)
  const child = spawn('crane', ['registry', 'serve', '--address', ':5000'], { stdio: ['ignore', 'pipe', 'pipe'] })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (more: string) => (text += more))
  await eventually('the registry', async () => {
    assert.equal(child.exitCode, null, text)
    return (await fetch(`http://${registry}/v2/`)).ok
  })
  return {
    log: () => text,
    stop: () => {
      child.kill()
      rmSync(hosts, { recursive: true, force: true })
    },
  }
}

/** `release/run VERSION --publish`: pushes and signs. */
export function publish(version: string): Promise<Outcome> {
  const project = new URL('../../../..', import.meta.url).pathname
  const key = join(required('POSTSCREEN_RELEASES'), 'keys/cosign.key')
  const command = ['release/run', version, '--registry', registry, '--publish', writtenRelease(version)]
  return attempt('env', ['-C', project, 'COSIGN_PASSWORD=', `RELEASE_COSIGN_KEY=${key}`, ...command])
}

/** `cosign SUBCOMMAND` with the public key, of a registry without TLS and without the public log. */
export const cosign = (subcommand: string, ...args: readonly string[]): Promise<Outcome> =>
  attempt('cosign', [subcommand, '--key', publicKey(), '--insecure-ignore-tlog=true', '--allow-http-registry', ...args])

/** The digest of a tag, such as `postscreen:0.1.0`. */
export const digest = async (tag: string): Promise<string> => (await run('crane', ['digest', `${registry}/${tag}`])).trim()
