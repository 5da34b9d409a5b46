// The chart of a release: version, digests, licence, and a README whose links and commands need no checkout.
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'
import { isObject } from '../../crds/is-object.ts'
import { pinImages, type Release, writeChart } from '../../release/chart.ts'
import { helmProgram } from '../peers/helm.ts'
import { unless } from '../peers/require.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const release: Release = {
  version: '7.8.9-rc.1',
  registry: 'registry.test:5000/mail',
  digests: { postscreen: `sha256:${'a'.repeat(64)}`, 'postscreen-postfix': `sha256:${'b'.repeat(64)}` },
  signKey: { fingerprint: 'C874011F0AB405110D02105534365D9472D7468F', url: 'https://example.com/key.asc' },
}
let folder: string
const file = (name: string): string => readFileSync(join(folder, name), 'utf8')

before(() => {
  folder = join(mkdtempSync(join(tmpdir(), 'release-chart.')), 'postscreen')
  writeChart(folder, release)
})
after(() => rmSync(join(folder, '..'), { recursive: true }))

interface Link {
  readonly name: string
  readonly url: string
}

interface ChartFile {
  readonly home: string
  readonly sources: readonly string[]
  readonly icon: string
  readonly maintainers: readonly Link[]
  readonly version: string
  readonly appVersion: string
  readonly annotations: Readonly<Record<string, string>>
}

describe('Chart.yaml of a release', () => {
  const chart = (): ChartFile => load(file('Chart.yaml')) as ChartFile

  test('has its version', () => {
    assert.deepEqual([chart().version, chart().appVersion], [release.version, release.version])
  })

  test('says that the images are published, and which these are', () => {
    const { annotations } = chart()
    assert.equal(annotations['postscreen.dev/images-published'], 'true')
    assert.equal(annotations['artifacthub.io/prerelease'], 'true')
    const images = load(annotations['artifacthub.io/images'] ?? '') as { readonly image: string }[]
    assert.deepEqual(
      images.map(({ image }) => image),
      [
        `registry.test:5000/mail/postscreen:7.8.9-rc.1@sha256:${'a'.repeat(64)}`,
        `registry.test:5000/mail/postscreen-postfix:7.8.9-rc.1@sha256:${'b'.repeat(64)}`,
      ],
    )
  })

  test('names the key of its signature, and the changes', () => {
    const { annotations } = chart()
    assert.deepEqual(load(annotations['artifacthub.io/signKey'] ?? ''), release.signKey)
    const changes = load(annotations['artifacthub.io/changes'] ?? '') as { readonly kind: string; readonly description: string }[]
    assert.ok(changes.length > 10)
    for (const { kind, description } of changes) {
      assert.match(kind, /^(added|changed|deprecated|removed|fixed|security)$/)
      assert.ok(description.length > 0)
    }
  })
})

/** The path in the repository that an address of a version leads to, or undefined. */
function pathOf(url: string, version: string): string | undefined {
  const found =
    /^https:\/\/(?:github\.com\/postscreen-dev\/postscreen\/blob|raw\.githubusercontent\.com\/postscreen-dev\/postscreen)\/([^/]+)\/([^#]*)/
  const [, at, path] = found.exec(url) ?? []
  if (at !== undefined) assert.equal(at, version, url)
  return path
}

/** Chart.yaml in the checkout leads to main, and that of a release to its version. */
for (const [name, at, read] of [
  ['the checkout', 'main', () => readFileSync(join(root, 'charts/postscreen/Chart.yaml'), 'utf8')],
  ['a release', `v${release.version}`, () => file('Chart.yaml')],
] as const)
  test(`Chart.yaml of ${name} has home, sources, icon, maintainers and links, and the files that they name exist`, () => {
    const chart = load(read()) as ChartFile
    const repository = (JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).repository.url as string).slice(
      'git+'.length,
      -'.git'.length,
    )
    assert.equal(chart.home, repository)
    assert.deepEqual(chart.sources, [repository])
    const links = load(chart.annotations['artifacthub.io/links'] ?? '') as readonly Link[]
    assert.deepEqual(
      links.map((link) => link.name),
      ['Documentation', 'Changes', 'support'],
    )
    assert.ok(chart.maintainers.length > 0)
    const paths = [chart.icon, ...[...chart.maintainers, ...links].map(({ url }) => url)].map((url) => {
      assert.ok(url.startsWith('https://'), url)
      return pathOf(url, at)
    })
    const files = paths.filter((path) => path !== undefined)
    assert.deepEqual(files, ['docs/images/icon.svg', 'GOVERNANCE.md', 'CHANGELOG.md'])
    for (const path of files) assert.ok(existsSync(join(root, path)), path)
    assert.match(readFileSync(join(root, 'docs/images/icon.svg'), 'utf8'), /^<svg /)
  })

test('the values of a release pin every image by its digest', () => {
  const values = load(file('values.yaml')) as { readonly image: object; readonly postfix: { readonly image: object } }
  const ours = (name: 'postscreen' | 'postscreen-postfix', image: object): void => {
    assert.ok(isObject(image))
    assert.deepEqual([image['repository'], image['digest']], [`registry.test:5000/mail/${name}`, release.digests[name]])
  }
  ours('postscreen', values.image)
  ours('postscreen-postfix', values.postfix.image)
  assert.throws(() => pinImages('image: {}\n', release), { message: 'values.yaml has no image postscreen' })
})

test('the chart renders the pinned images', { skip: unless('helm') }, () => {
  const said = execFileSync(
    helmProgram() ?? '',
    ['template', 'x', folder, '--set=postfix.enabled=true', '--set=postfix.domains={a.example}'],
    {
      encoding: 'utf8',
    },
  )
  const images = [...said.matchAll(/image: "?([^"\n]+)/g)].map(([, image = '']) => image)
  assert.ok(images.length >= 2)
  for (const image of images) assert.match(image, /^registry\.test:5000\/mail\/postscreen(-postfix)?@sha256:/)
})

test('the package has the licence', () => {
  assert.equal(file('LICENSE'), readFileSync(join(root, 'LICENSE'), 'utf8'))
})

describe('README.md of the chart', () => {
  const inCheckout = readFileSync(join(root, 'charts/postscreen/README.md'), 'utf8')
  const links = (text: string): readonly string[] => [...text.matchAll(/\]\(([^)#]+)(?:#[^)]*)?\)/g)].map(([, target = '']) => target)

  test('has links that work in the package, and lead to files that exist', () => {
    const found = links(inCheckout)
    assert.ok(found.length > 3)
    for (const target of found) {
      const [, path] = /^https:\/\/github\.com\/postscreen-dev\/postscreen\/blob\/main\/(.*)$/.exec(target) ?? []
      if (path !== undefined) assert.ok(existsSync(join(root, path)), target)
      else if (!/^https?:/.test(target)) assert.ok(!target.startsWith('..') && existsSync(join(folder, target)), target)
    }
  })

  test('in a release leads to the files of its version', () => {
    assert.doesNotMatch(file('README.md'), /blob\/main/)
    assert.match(file('README.md'), /blob\/v7\.8\.9-rc\.1\/docs\//)
  })

  test('in a release installs from the registry, and needs no checkout and no image of your own', () => {
    const readme = file('README.md')
    assert.match(readme, /^helm install postscreen oci:\/\/registry\.test:5000\/mail\/charts\/postscreen --version 7\.8\.9-rc\.1 -n /m)
    assert.doesNotMatch(readme, /registry\.example\.com|not published|docker build|charts\/postscreen -n|-k charts|-f (docs|crds)\//)
  })
})
