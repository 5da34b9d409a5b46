// `node release/fill-compile-cache.ts PROGRAM CACHE`: runs the built program once, so that Node writes the code that it
// compiles into the folder CACHE. An image in which this folder is read-only then starts with the code compiled.
//
// The cache is valid for the path of the program, the version of Node and its options.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** As in the Dockerfile. */
const options = ['--max-semi-space-size=4']

const policy = `apiVersion: postscreen.dev/v1alpha1
kind: PostscreenPolicy
metadata: {name: compile}
spec:
  backend: {addresses: ['127.0.0.1:9']}
`

/**
 * Runs a gateway of one process, one with workers, and the help of the operator, which loads all of it.
 * Rejects if one of them fails.
 */
export async function fillCompileCache(program: string, cache: string): Promise<void> {
  const scratch = mkdtempSync(join(tmpdir(), 'compile-'))
  try {
    const file = join(scratch, 'policy.yaml')
    writeFileSync(file, policy)
    const gateway = ['gateway', '--policy', file, '--listen', '127.0.0.1:0', '--admin', '127.0.0.1:0']
    await run(program, cache, gateway)
    await run(program, cache, [...gateway, '--workers', '2', '--data-dir', join(scratch, 'data')])
    await promisify(execFile)(process.execPath, [...options, program, 'operator', '--help'], { env: environment(cache) })
  } finally {
    rmSync(scratch, { recursive: true })
  }
}

const environment = (cache: string): NodeJS.ProcessEnv => ({ ...process.env, NODE_COMPILE_CACHE: cache })

/** Until the gateway listens. Node writes the cache when the process ends. */
function run(program: string, cache: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = execFile(process.execPath, [...options, program, ...args], { env: environment(cache) }, (error) =>
      error === null ? resolve() : reject(error),
    )
    child.stdout?.on('data', (text: string) => {
      if (text.includes('"listening on ')) child.kill('SIGTERM')
    })
  })
}

if (import.meta.main) {
  const [program, cache] = process.argv.slice(2)
  if (program === undefined || cache === undefined) throw new Error('expected the program and a folder for the cache')
  await fillCompileCache(program, cache)
}
