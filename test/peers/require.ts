// What a test with real peers needs of the machine. On a laptop a missing peer is a skip that says so; in CI it is a failure.

import { existsSync } from 'node:fs'
import { spawnSync } from 'node:child_process'
import { linterNames, linterProgram } from '../lint/tools.ts'
import { browserProgram } from '../page/browser.ts'
import { clusterProgram, helm3Program, helmProgram, kubectlProgram } from './helm.ts'
import { daemonFolder } from './postfix-files.ts'
import { valkeyProgram } from './valkey.ts'

/** `postfix` stands for all that a private Postfix takes, with the name server that its postscreen asks. */
export type Peer =
  | 'chromium'
  | 'curl'
  | 'fish'
  | 'haproxy'
  | 'helm'
  | 'helm3'
  | 'kubectl'
  /** All linters of `npm run lint:manifests`. */
  | 'linters'
  | 'loopback'
  | 'lua'
  | 'mount'
  | 'nc'
  | 'nft'
  | 'openssl'
  | 'postfix'
  /** Prometheus and its promtool. */
  | 'prometheus'
  | 'python3'
  | 'rbldnsd'
  /** What a release is built, signed and published with; building images takes root. */
  | 'release-tools'
  | 'script'
  | 'shellcheck'
  | 'swaks'
  /** What swaks needs for TLS. */
  | 'swaks-tls'
  | 'valkey'
  | 'zsh'

/**
 * node:test's `skip` for tests that need these peers: `false` when all are there, else the reason.
 * Throws instead of giving a reason where the variable CI is set: a proof that silently stops is worse than none.
 */
export function unless(...peers: readonly Peer[]): string | false {
  const missing = peers.map((peer) => why(peer)).find((reason) => reason !== undefined)
  if (missing === undefined) return false
  if ((process.env['CI'] ?? '') !== '') throw new Error(`CI must have every peer: ${missing}`)
  return missing
}

const known = new Map<Peer, string | undefined>()

function why(peer: Peer): string | undefined {
  if (!known.has(peer)) known.set(peer, look(peer))
  return known.get(peer)
}

function look(peer: Peer): string | undefined {
  switch (peer) {
    case 'loopback':
      return process.platform === 'linux' ? undefined : 'only Linux lets a client use any 127.0.0.0/8 address'
    case 'helm':
      return helmProgram() === undefined ? 'helm is not installed, nor was it built for the test cluster (npm run test:cluster)' : undefined
    case 'helm3':
      return helm3Program() === undefined ? 'helm3 was not fetched for the test cluster (npm run test:cluster)' : undefined
    case 'kubectl':
      return kubectlProgram() === undefined
        ? 'kubectl is not installed, nor was it built for the test cluster (npm run test:cluster)'
        : undefined
    case 'release-tools':
      return root() ?? program('buildah') ?? program('gpg') ?? missingReleaseTools()
    case 'linters':
      return missingLinters()
    case 'chromium':
      return browserProgram() === undefined ? 'chromium is not installed' : undefined
    case 'haproxy':
      return program('haproxy')
    case 'nc':
      return program('nc')
    case 'swaks':
      return program('swaks')
    case 'swaks-tls':
      return program('perl') ?? perlModule('Net::SSLeay')
    case 'curl':
      return program('curl')
    case 'fish':
      return program('fish')
    case 'zsh':
      return program('zsh')
    case 'python3':
      return program('python3')
    case 'openssl':
      return program('openssl')
    case 'script':
      return why('loopback') ?? program('script') ?? program('bash')
    case 'shellcheck':
      return program('shellcheck')
    case 'lua':
      return program('lua5.3')
    case 'mount':
      return root() ?? namespaces()
    case 'nft':
      return root() ?? program('nft') ?? program('ip') ?? ownNetwork()
    case 'prometheus':
      return program('prometheus') ?? program('promtool')
    case 'rbldnsd':
      return why('loopback') ?? root() ?? program('rbldnsd')
    case 'valkey':
      return valkeyProgram('server') !== undefined && valkeyProgram('cli') !== undefined
        ? undefined
        : 'neither valkey-server nor redis-server is installed, each with its -cli'
    case 'postfix':
      return why('loopback') ?? root() ?? program('postconf') ?? daemons() ?? lmdb() ?? namespaces()
  }
}

function missingLinters(): string | undefined {
  const missing = linterNames.filter((name) => linterProgram(name) === undefined)
  return missing.length === 0 ? undefined : `${missing.join(', ')} not built yet (npm run lint:manifests)`
}

function missingReleaseTools(): string | undefined {
  const missing = ['helm', 'crane', 'cosign', 'oras'].filter((name) => clusterProgram(name) === undefined)
  return missing.length === 0 ? undefined : `${missing.join(', ')} not built yet for the test cluster (npm run test:cluster)`
}

function ownNetwork(): string | undefined {
  const tried = spawnSync('unshare', ['--net', 'nft', 'list', 'ruleset'], { encoding: 'utf8' })
  return tried.status === 0 ? undefined : `no network namespaces with nftables here: ${tried.error?.message ?? tried.stderr.trim()}`
}

function root(): string | undefined {
  return process.getuid?.() === 0
    ? undefined
    : 'needs root: Postfix starts as root, name servers listen on port 53, and file systems are mounted'
}

function program(name: string): string | undefined {
  const folders = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/sbin']
  return folders.some((folder) => existsSync(`${folder}/${name}`)) ? undefined : `${name} is not installed`
}

function perlModule(name: string): string | undefined {
  return spawnSync('perl', [`-M${name}`, '-e', '1']).status === 0 ? undefined : `perl has no ${name}`
}

function daemons(): string | undefined {
  return existsSync(`${daemonFolder()}/postscreen`) ? undefined : 'this Postfix has no postscreen'
}

function lmdb(): string | undefined {
  const types = spawnSync('postconf', ['-m'], { encoding: 'utf8' })
  return /^lmdb$/m.test(types.stdout) ? undefined : 'this Postfix has no lmdb tables (package postfix-lmdb)'
}

function namespaces(): string | undefined {
  const tried = spawnSync('unshare', ['--mount', '--pid', '--fork', 'true'], { encoding: 'utf8' })
  return tried.status === 0 ? undefined : `no mount namespaces here: ${tried.error?.message ?? tried.stderr.trim()}`
}
