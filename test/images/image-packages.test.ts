// The packages of the image: all that a pod needs, and not much more.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

const root = fileURLToPath(new URL('../..', import.meta.url))
const shipped = ['crds', 'runtime', 'gateway', 'operator', 'cli']
/** Bounds of the image: megabytes of node_modules, and packages. */
const most = { megabytes: 30, packages: 75 }
/** What `npm ci --omit=dev` installs here; the Dockerfile takes Node out of node_modules. */
const packages = productionPackages()
let app: string

interface LockedPackage {
  readonly dev?: boolean
  readonly integrity?: string
}

function lockedPackages(): [string, LockedPackage][] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> }
  return Object.entries(lock.packages).filter(([path]) => path !== '')
}

function productionPackages(): string[] {
  return lockedPackages()
    .filter(([path, { dev }]) => dev !== true && existsSync(join(root, path)) && !/node-linux-/.test(path))
    .map(([path]) => path)
}

/** The Dockerfile's own command that deletes what only compilers and debuggers read. */
function pruningCommand(): string {
  const found = /find node_modules .* -delete/.exec(readFileSync(join(root, 'Dockerfile'), 'utf8'))
  assert.ok(found !== null, 'the Dockerfile prunes node_modules with find')
  return found[0]
}

/** The packages that the program imports while it runs; types are gone by then, and the demo is not for the image. */
function importedPackages(): string[] {
  const files = shipped.flatMap((folder) =>
    readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' }).map((file) => join(folder, file)),
  )
  const sources = files.filter((file) => file.endsWith('.ts') && !file.startsWith('cli/demo') && !file.startsWith('crds/generate/'))
  const imports = /^import (?!type\b)[^'\n]*'([^.'][^']*)'|^\} from '([^.'][^']*)'|\bimport\('([^.'][^']*)'\)/gm
  const names = sources.flatMap((file) =>
    [...readFileSync(join(root, file), 'utf8').matchAll(imports)].map(([, a, b, c]) => a ?? b ?? c ?? ''),
  )
  return [...new Set(names)].filter((name) => !name.startsWith('node:')).toSorted()
}

before(() => {
  app = mkdtempSync(join(tmpdir(), 'image-'))
  for (const path of packages) cpSync(join(root, path), join(app, path), { recursive: true })
  execFileSync('sh', ['-c', pruningCommand()], { cwd: app })
  for (const path of ['package.json', ...shipped]) cpSync(join(root, path), join(app, path), { recursive: true })
})

after(() => rmSync(app, { recursive: true }))

const postscreen = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(process.execPath, [join(app, 'cli/postscreen.js'), ...args], { env: { ...process.env, ...env } })

describe('the packages of the image', () => {
  test(`are at most ${most.packages}, of ${most.megabytes} MB together`, (t) => {
    const kilobytes = Number.parseInt(execFileSync('du', ['-sk', 'node_modules'], { cwd: app, encoding: 'utf8' }))
    t.diagnostic(`${packages.length} packages, ${Math.round(kilobytes / 1024)} MB`)
    assert.ok(packages.length <= most.packages, `${packages.length} packages: ${packages.join(' ')}`)
    assert.ok(kilobytes <= most.megabytes * 1024, `${kilobytes} kB`)
  })

  test('contain every package that a pod imports', async () => {
    const program = importedPackages()
      .map((name) => `await import('${name}')`)
      .join('\n')
    assert.match(program, /undici/)
    const file = join(app, 'imports.mjs')
    writeFileSync(file, program)
    await promisify(execFile)(process.execPath, [file])
  })

  test('all have a checksum in the lock file, as those for development do', () => {
    assert.deepEqual(
      lockedPackages().filter(([, { integrity }]) => integrity === undefined),
      [],
    )
  })
})

describe('with the packages of the image', () => {
  for (const command of ['gateway', 'operator', 'validate', 'apply', 'allowlist', 'import']) {
    test(`postscreen ${command} --help works`, async () => {
      const { stdout } = await postscreen([command, '--help'])
      assert.match(stdout, new RegExp(`postscreen ${command}`))
    })
  }

  test('postscreen demo says where it can run', async () => {
    await assert.rejects(postscreen(['demo']), {
      code: 1,
      stderr: /the image does not contain the demo; in a checkout of the project run: npm ci/,
    })
  })

  test('postscreen operator reads a kubeconfig with a token', async (t) => {
    const asked = Promise.withResolvers<string | undefined>()
    const server = createServer((request, response) => {
      asked.resolve(request.headers.authorization)
      response.writeHead(503).end()
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    t.after(() => {
      server.close()
      server.closeAllConnections()
    })
    const { port } = server.address() as AddressInfo
    const cluster = { server: `http://127.0.0.1:${port}`, 'insecure-skip-tls-verify': true }
    const kubeconfig = {
      'current-context': 'a',
      clusters: [{ name: 'a', cluster }],
      users: [{ name: 'a', user: { token: 'secret' } }],
      contexts: [{ name: 'a', context: { cluster: 'a', user: 'a' } }],
    }
    const file = join(app, 'kubeconfig')
    writeFileSync(file, JSON.stringify(kubeconfig))
    const args = ['operator', '--kubeconfig', file, '--leader-elect', 'false', '--gateway-image', 'x', '--admin', '127.0.0.1:0']
    const running = execFile(process.execPath, [join(app, 'cli/postscreen.js'), ...args])
    t.after(() => running.kill('SIGKILL'))
    let said = ''
    running.stderr?.on('data', (text: string) => (said += text))
    running.once('exit', () => asked.reject(new Error(`the operator ended: ${said}`)))
    assert.equal(await asked.promise, 'Bearer secret')
  })
})
