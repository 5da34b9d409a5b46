// Runs `postscreen` and tells which modules it has loaded: files, packages, and parts of Node.
import { execFile } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Writes the URL of each module as it is loaded, and at the end the parts of Node, each as a line of the file. */
const hook = (file: string): string => `
import { registerHooks } from 'node:module'
import { appendFileSync } from 'node:fs'
const note = (...modules) => appendFileSync(${JSON.stringify(file)}, modules.map((one) => one + '\\n').join(''))
registerHooks({ load(url, context, next) { note(url); return next(url, context) } })
process.once('exit', () => note(...process.moduleLoadList))
`

/**
 * @param program the file to run
 * @param until standard output that ends the run; without it, the program ends by itself
 * @returns the modules: `file:` URLs, and names as in process.moduleLoadList
 */
export async function loadedModules(program: string, args: readonly string[], until?: RegExp): Promise<readonly string[]> {
  const folder = mkdtempSync(join(tmpdir(), 'loaded-'))
  const file = join(folder, 'modules')
  try {
    await run([`--import=data:text/javascript,${encodeURIComponent(hook(file))}`, program, ...args], until)
    return readFileSync(file, 'utf8').split('\n')
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function run(args: readonly string[], until: RegExp | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const running = execFile(process.execPath, args, (error) => (error === null ? resolve() : reject(error)))
    let said = ''
    running.stdout?.on('data', (text: string) => {
      const before = said
      said += text
      // A second signal would end it at once.
      if (until?.test(said) === true && !until.test(before)) running.kill('SIGTERM')
    })
  })
}
