// The files of the image: all that a pod needs, and not much more.
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { build } from '../../release/build.ts'
import { fillCompileCache } from '../../release/fill-compile-cache.ts'
import { nativePackages } from '../../release/packages.ts'
import { loadedModules } from '../cli/loaded-modules.ts'
import { manifest } from '../peers/gateway.ts'
import { unless } from '../peers/require.ts'
import { startCluster, startValkey } from '../peers/valkey.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Bounds of the image: megabytes of the program and of node_modules, and packages in node_modules. */
/** Megabytes, and a number. A tenth more than what is there. */
const most = { program: 4.5, packages: 8, count: 16 }
let app: string

interface LockedPackage {
  readonly integrity?: string
}

function lockedPackages(): [string, LockedPackage][] {
  const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as { packages: Record<string, LockedPackage> }
  return Object.entries(lock.packages).filter(([path]) => path !== '')
}

before(async () => {
  app = mkdtempSync(join(tmpdir(), 'image-'))
  await build(app)
})

after(() => rmSync(app, { recursive: true }))

const program = (): string => join(app, 'program/postscreen.js')
const postscreen = (args: readonly string[], env: NodeJS.ProcessEnv = {}) =>
  promisify(execFile)(process.execPath, ['--max-semi-space-size=4', program(), ...args], { env: { ...process.env, ...env } })
const kilobytes = (path: string): number => Number.parseInt(execFileSync('du', ['-sk', join(app, path)], { encoding: 'utf8' }))

/** A gateway of the image until it listens; the paths of the files that it has loaded. */
async function gateway(...args: readonly string[]): Promise<readonly string[]> {
  const policy = join(app, 'policy.yaml')
  const head = 'apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\n'
  writeFileSync(policy, `${head}spec:\n  backend: {addresses: ['127.0.0.1:9']}\n`)
  const all = ['gateway', '--policy', policy, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0', ...args]
  const modules = await loadedModules(program(), all, /listening on/)
  return modules.filter((module) => module.startsWith('file:')).map((module) => relative(realpathSync(app), fileURLToPath(module)))
}

describe('the files of the image', () => {
  test('are small', (t) => {
    const count = packageFolders(join(app, 'node_modules')).length
    const [built, packages] = [kilobytes('program'), kilobytes('node_modules')]
    t.diagnostic(`program ${Math.round(built / 1024)} MB, ${count} packages ${Math.round(packages / 1024)} MB`)
    assert.ok(built <= most.program * 1024, `program: ${built} kB`)
    assert.ok(packages <= most.packages * 1024, `node_modules: ${packages} kB`)
    assert.ok(count <= most.count, `${count} packages`)
  })

  test('are all JavaScript, except for the live page, and a gateway loads fewer than 70 of them and no package', async () => {
    assert.deepEqual(
      readdirSync(join(app, 'program')).filter((name) => !['LICENSES', 'page'].includes(name) && !name.endsWith('.js')),
      [],
    )
    const files = await gateway()
    assert.ok(files.includes('program/postscreen.js'))
    // Each command that shares modules with the gateway splits some of them off into a file of their own.
    assert.ok(files.length < 70, files.join(' '))
    if (process.platform === 'linux')
      assert.deepEqual(
        files.filter((file) => !file.startsWith('program/')),
        [],
      )
  })

  test('include the packages with native libraries', async () => {
    const files = await gateway('--io', 'node', '--data-dir', join(app, 'data'))
    for (const name of nativePackages)
      assert.ok(
        files.some((file) => file.startsWith(`node_modules/${name}/`)),
        name,
      )
  })

  test('include the license of each package', () => {
    const licenses = readFileSync(join(app, 'program/LICENSES'), 'utf8')
    for (const name of ['zod', 'undici', '@ioredis/commands']) assert.match(licenses, new RegExp(`^=== ${name}\n`, 'm'))
    assert.doesNotMatch(licenses, /^License: unknown/m)
  })

  test('work with several processes, which share an allowlist that a process of its own has checked', async () => {
    const data = join(app, 'shared')
    await gateway('--data-dir', data)
    await gateway('--data-dir', data, '--workers', '2')
  })

  const servers = [
    { mode: 'Single', start: async () => ({ one: await startValkey() }) },
    { mode: 'Cluster', start: async () => startCluster().then(({ nodes, stop }) => ({ one: nodes[0], stop })) },
  ] as const
  for (const { mode, start } of servers) {
    test(`reach a Valkey in mode ${mode}`, { skip: unless('valkey') }, async (t) => {
      const { one, ...all } = await start()
      t.after(() => ('stop' in all ? all.stop() : one?.stop()))
      const policy = join(app, `${mode}.yaml`)
      writeFileSync(policy, manifest({ allowlist: { store: 'Valkey', valkey: { mode, addresses: [one?.address] } } }))
      await postscreen(['allowlist', 'add', '--policy', policy, '192.0.2.1', '--for', '1h'])
      const { stdout } = await postscreen(['allowlist', 'list', '--policy', policy])
      assert.match(stdout, /^192\.0\.2\.1 /m)
    })
  }

  test('start with the code compiled, also where the cache is read-only', async () => {
    const cache = join(app, '.compiled')
    await fillCompileCache(program(), cache)
    execFileSync('chmod', ['-R', 'a-w', cache])
    const { stdout, stderr } = await postscreen(['operator', '--help'], { NODE_COMPILE_CACHE: cache, NODE_DEBUG_NATIVE: 'COMPILE_CACHE' })
    execFileSync('chmod', ['-R', 'u+w', cache])
    assert.match(stdout + stderr, /program\/postscreen\.js was accepted/)
    assert.doesNotMatch(stdout + stderr, /was rejected|was not initialized/)
  })

  test('come from packages that all have a checksum in the lock file, as those for development do', () => {
    assert.deepEqual(
      lockedPackages().filter(([, { integrity }]) => integrity === undefined),
      [],
    )
  })
})

/** The folders of packages, those within others too. */
function packageFolders(modules: string): string[] {
  const files = readdirSync(modules, { recursive: true, encoding: 'utf8' })
  return files.filter((file) => /(^|node_modules\/)(@[^/]+\/)?[^/@]+\/package\.json$/.test(file))
}

describe('with the files of the image', () => {
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
    const running = execFile(process.execPath, [program(), ...args])
    t.after(() => running.kill('SIGKILL'))
    let said = ''
    running.stderr?.on('data', (text: string) => (said += text))
    running.once('exit', () => asked.reject(new Error(`the operator ended: ${said}`)))
    assert.equal(await asked.promise, 'Bearer secret')
  })
})
