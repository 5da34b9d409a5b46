// The packages of the image: those that cannot be part of the bundle, because they contain native libraries, and the
// packages that these need.
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** They find their native libraries by their own path. */
export const nativePackages = ['lmdb', 'net-keepalive'] as const

const root = fileURLToPath(new URL('..', import.meta.url))

interface LockedPackage {
  readonly dependencies?: Readonly<Record<string, string>>
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

/** Only compilers, debuggers, other systems and other versions of Node read these. */
const needless = /\.(d\.[cm]?ts|map|c|cc|h)$|\.(musl|abi\d+\.glibc)\.node$/

/** Copies the packages, without their needless files, into `folder`/node_modules. */
export function copyPackages(folder: string): void {
  for (const path of neededPaths()) {
    const filter = (file: string): boolean => !needless.test(file) && file !== join(root, path, 'node_modules')
    cpSync(join(root, path), join(folder, path), { recursive: true, filter })
  }
}

/** The folders in package-lock.json, such as `node_modules/lmdb`. Those of other systems are not installed. */
function neededPaths(): ReadonlySet<string> {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
    readonly packages: Readonly<Record<string, LockedPackage>>
  }
  const found = new Set<string>()
  const open: [name: string, from: string][] = nativePackages.map((name) => [name, ''])
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const path = pathOf(...next)
    if (path === undefined || found.has(path)) continue
    found.add(path)
    const { dependencies = {}, optionalDependencies = {} } = lock.packages[path] ?? {}
    for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) open.push([name, path])
  }
  return found
}

/** Where Node finds a package: in the folder of the package that needs it, or in one of the folders around it. */
function pathOf(name: string, from: string): string | undefined {
  const path = join(from, 'node_modules', name)
  if (existsSync(join(root, path))) return path
  return from === '' ? undefined : pathOf(name, around(from))
}

/** `node_modules/a/node_modules/b` is in the package `node_modules/a`, which is in the project. */
const around = (path: string): string => path.slice(0, Math.max(0, path.lastIndexOf('node_modules/') - 1))

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('expected a folder')
  copyPackages(folder)
}
