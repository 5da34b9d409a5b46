// The chart of a release: the folder charts/postscreen with the version, the digests of the images, the licence, and
// commands that install from the registry.
//   node release/chart.ts FOLDER RELEASE.json
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { dump } from 'js-yaml'
import { changesForArtifactHub, releaseNotes } from './notes.ts'

const root = fileURLToPath(new URL('..', import.meta.url))

const source = 'https://github.com/postscreen-dev/postscreen'

export interface Release {
  readonly version: string
  /** Where images and chart are, such as `ghcr.io/postscreen-dev`. */
  readonly registry: string
  /** Digests of the images (`sha256:…`) by name. */
  readonly digests: { readonly postscreen: string; readonly 'postscreen-postfix': string }
  /** The key that signs the package. Artifact Hub shows it. */
  readonly signKey?: { readonly fingerprint: string; readonly url: string }
}

/** Writes the chart into `folder`. Throws if the chart has none of the lines that a release changes. */
export function writeChart(folder: string, release: Release): void {
  cpSync(join(root, 'charts/postscreen'), folder, { recursive: true })
  cpSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const notes = releaseNotes(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), release.version)
  change(folder, 'Chart.yaml', (text) => chartFile(text, release, notes))
  change(folder, 'values.yaml', (text) => pinImages(text, release))
  change(folder, 'README.md', (text) => installFromRegistry(text, release))
}

function change(folder: string, name: string, edit: (text: string) => string): void {
  const file = join(folder, name)
  writeFileSync(file, edit(readFileSync(file, 'utf8')))
}

/** Replaces what must be there exactly `times` times. */
function replaced(text: string, pattern: RegExp, by: string, times = 1): string {
  const found = [...text.matchAll(new RegExp(pattern, `${pattern.flags}g`))].length
  if (found !== times) throw new Error(`${String(pattern)} is ${found} times in the chart, not ${times}`)
  return text.replace(new RegExp(pattern, `${pattern.flags}g`), () => by)
}

/** Chart.yaml of the release. */
export function chartFile(text: string, release: Release, notes: string): string {
  const { version, registry, digests, signKey } = release
  const annotations = {
    'artifacthub.io/prerelease': String(version.includes('-')),
    'artifacthub.io/images': dump(
      Object.entries(digests).map(([name, digest]) => ({
        name,
        image: `${registry}/${name}:${version}@${digest}`,
        platforms: ['linux/amd64', 'linux/arm64'],
      })),
      { lineWidth: -1 },
    ),
    'artifacthub.io/changes': dump(changesForArtifactHub(notes), { lineWidth: -1 }),
    ...(signKey && { 'artifacthub.io/signKey': dump(signKey, { lineWidth: -1 }) }),
  }
  let made = replaced(text, /^version: .*$/m, `version: ${version}`)
  made = replaced(made, /^appVersion: .*$/m, `appVersion: ${version}`)
  made = replaced(made, /^(icon: \S+)\/main\//m, `icon: https://raw.githubusercontent.com/postscreen-dev/postscreen/v${version}/`)
  made = made.replaceAll('/blob/main/', () => `/blob/v${version}/`)
  made = replaced(made, /^ {2}# NOTES\.txt warns [^]*?images-published: 'false'$/m, `  postscreen.dev/images-published: 'true'`)
  return made.trimEnd() + '\n' + dump({ annotations }, { lineWidth: -1 }).replace(/^annotations:\n/, '')
}

/** values.yaml with the registry and the digests of the release. */
export function pinImages(text: string, { registry, digests }: Release): string {
  return Object.entries(digests).reduce((made, [name, digest]) => {
    const of = new RegExp(`^( +)repository: ghcr\\.io/postscreen-dev/${name}\n([^]*?)^\\1digest: ''$`, 'm')
    const [, indent = '', between] = of.exec(made) ?? []
    if (between === undefined) throw new Error(`values.yaml has no image ${name}`)
    return made.replace(of, () => `${indent}repository: ${registry}/${name}\n${between}${indent}digest: ${digest}`)
  }, text)
}

/**
 * README.md for a reader who has no checkout: commands name the chart in the registry, links lead to the files of this
 * version, and the paragraph about building the images is gone.
 */
export function installFromRegistry(text: string, { version, registry }: Release): string {
  const chart = `oci://${registry}/charts/postscreen --version ${version}`
  let made = replaced(text, /^The images are not published yet\.[^]*?```\n\n(?=Install )/m, '')
  made = made.replaceAll(/ \\\n +--set image\.repository=registry\.example\.com\/postscreen(?= \\\n|\n)/g, '')
  made = made.replaceAll(/\bcharts\/postscreen(?= )/g, () => chart)
  const files = `https://raw.githubusercontent.com/postscreen-dev/postscreen/v${version}`
  made = made.replaceAll('-k charts/manifests', () => `-f ${source}/releases/download/v${version}/install.yaml`)
  made = made.replaceAll(/-f (docs|crds)\//g, (_, folder: string) => `-f ${files}/${folder}/`)
  return made.replaceAll('/postscreen/blob/main/', () => `/postscreen/blob/v${version}/`)
}

if (import.meta.main) {
  const [folder = '', file = ''] = process.argv.slice(2)
  writeChart(folder, JSON.parse(readFileSync(file, 'utf8')) as Release)
}
