// Writes the program as JavaScript: our files without types, together with the packages that they use, in a few files.
// Node then has no types to remove and some hundred files fewer to find.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build, type Metafile, type Plugin, transformSync } from 'esbuild'
import { nativePackages } from './packages.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

/** The files that runtime/program-beside.ts finds. */
const programs = [
  'gateway/allowlist/lmdb-file-check-main.ts',
  'gateway/policy-files/table-thread-main.ts',
  'gateway/process/workers/worker.ts',
]

/** The image does not contain the demo (cli/main.ts). */
const demo = ['./demo.ts', './demo/gateway.ts']

/** Packages in the form of CommonJS call `require`, which a module does not have. */
const banner = `import { createRequire as requireFrom } from 'node:module'; const require = requireFrom(import.meta.url);`

/**
 * The parts of prom-client that push metrics or measure Node. We do not use them; they load @opentelemetry/api, HTTPS
 * and more of Node.
 */
const withoutUnusedMetrics: Plugin = {
  name: 'without unused parts of prom-client',
  setup(on) {
    on.onResolve({ filter: /^\.\/lib\/(defaultMetrics|pushgateway)$/ }, ({ path, importer }) =>
      importer.endsWith('/prom-client/index.js') ? { path, namespace: 'empty' } : undefined,
    )
    on.onLoad({ filter: /.*/, namespace: 'empty' }, () => ({ contents: '' }))
  },
}

export interface BundleOptions {
  /** The file that starts the command. */
  readonly command?: string
  readonly plugins?: readonly Plugin[]
}

/**
 * Writes program/*.js, the licenses of the packages in it, and package.json into `folder`. Names and lines stay
 * readable for stack traces; a comment before each part names the source file.
 */
export async function bundle(folder: string, { command = 'cli/postscreen.js', plugins = [] }: BundleOptions = {}): Promise<void> {
  rmSync(join(folder, 'program'), { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [command, ...programs],
    entryNames: '[name]',
    chunkNames: '[name]-[hash]',
    outdir: join(folder, 'program'),
    bundle: true,
    splitting: true,
    format: 'esm',
    platform: 'node',
    target: 'node26',
    external: [...nativePackages, ...demo],
    banner: { js: banner },
    plugins: [withoutUnusedMetrics, ...plugins],
    legalComments: 'none',
    metafile: true,
    logLevel: 'warning',
  })
  // What browsers load, see runtime/page-files.ts.
  copyPage(join(root, 'runtime/page'), join(folder, 'program/page'))
  writeFileSync(join(folder, 'program/LICENSES'), licenses(metafile))
  writeFileSync(join(folder, 'package.json'), manifest(process.env['VERSION']))
}

/** package.json; with the version of a release if there is one. */
function manifest(version: string | undefined): string {
  const text = readFileSync(join(root, 'package.json'), 'utf8')
  return (version ?? '') === '' ? text : `${JSON.stringify({ ...(JSON.parse(text) as object), version }, undefined, 2)}\n`
}

/** Scripts and style in as few bytes as possible; the names of files and of what they export stay. */
function copyPage(from: string, to: string): void {
  mkdirSync(to, { recursive: true })
  for (const name of readdirSync(from)) {
    const text = readFileSync(join(from, name), 'utf8')
    const loader = name.endsWith('.js') ? 'js' : name.endsWith('.css') ? 'css' : undefined
    // Old names for colours would double the style sheet, and every browser since 2024 knows light-dark().
    const small = loader && transformSync(text, { loader, minify: true, target: 'esnext', legalComments: 'none' }).code
    writeFileSync(join(to, name), small ?? text)
  }
}

/** The license texts of all packages in the bundle. */
function licenses({ inputs }: Metafile): string {
  const paths = Object.keys(inputs).map((input) => /^.*node_modules\/(@[^/]+\/)?[^/]+/.exec(input)?.[0])
  const packages = [...new Set(paths)].filter((path) => path !== undefined).toSorted()
  return packages.map((path) => `=== ${path.replace(/^.*node_modules\//, '')}\n\n${licenseOf(path)}\n`).join('\n')
}

function licenseOf(path: string): string {
  const files = readdirSync(join(root, path)).filter((name) => /^(licen[cs]e|copying|notice)/i.test(name))
  if (files.length > 0) return files.map((name) => readFileSync(join(root, path, name), 'utf8')).join('\n')
  const { license = 'unknown' } = JSON.parse(readFileSync(join(root, path, 'package.json'), 'utf8')) as { readonly license?: string }
  return `License: ${license}\n`
}

if (import.meta.main) {
  const [folder] = process.argv.slice(2)
  if (folder === undefined) throw new Error('expected a folder')
  await bundle(folder)
}
