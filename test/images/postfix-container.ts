// Runs the entrypoint of the chart's Postfix image as the chart does, without Kubernetes: in namespaces of its own, on a read-only root
// file system (this machine's, with its Postfix), with the capabilities of values.yaml and no others.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFileSync, closeSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { load } from 'js-yaml'

const inRepository = (path: string): string => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const imageFolder = inRepository('charts/images/postfix')

/** Process 1 of the container becomes the entrypoint. Its network has a loopback interface only. */
const enter = `set -e
ip link set lo up
mount -t tmpfs -o mode=755 tmpfs /run
mkdir /run/postfix
mount --bind "$VOLUME" /var/lib/postfix
mount -o remount,bind,ro /
exec setpriv --bounding-set "$CAPABILITIES" --inh-caps=-all --no-new-privs "$IMAGE/entrypoint"`

export interface PostfixFolders {
  /** What the pod mounts at /etc/postfix.d, here by POSTFIX_SETTINGS. */
  readonly settings: string
  /** What outlives the container. */
  readonly volume: string
  /** Where its log goes: Postfix opens its standard output once more, and cannot when that is a socket, as Node's pipes are. */
  readonly logFile: string
  remove(): void
}

/** Folders with these settings. */
export function makeFolders(settings: Readonly<Record<string, string>>): PostfixFolders {
  const folder = mkdtempSync(join(tmpdir(), 'postfix-image.'))
  const made = { settings: join(folder, 'settings'), volume: join(folder, 'volume'), logFile: join(folder, 'log') }
  for (const path of [made.settings, made.volume]) mkdirSync(path)
  for (const [name, text] of Object.entries(settings)) writeFileSync(join(made.settings, name), text)
  return { ...made, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** The chart's capabilities, as setpriv(1) names them. */
function capabilities(): string {
  const values = load(readFileSync(inRepository('charts/postscreen/values.yaml'), 'utf8')) as {
    readonly postfix: { readonly securityContext: { readonly capabilities: { readonly add: readonly string[] } } }
  }
  return ['-all', ...values.postfix.securityContext.capabilities.add.map((name) => `+${name.toLowerCase()}`)].join(',')
}

export class PostfixContainer {
  readonly #child: ChildProcess
  readonly #logFile: string
  #ended = false
  readonly exit: Promise<number | null>

  private constructor(folders: PostfixFolders, environment: Readonly<Record<string, string>>) {
    const namespaces = ['--mount', '--pid', '--net', '--uts', '--ipc', '--fork', '--kill-child', '--mount-proc']
    const given = { VOLUME: folders.volume, POSTFIX_SETTINGS: folders.settings, IMAGE: imageFolder, CAPABILITIES: capabilities() }
    const env = { PATH: process.env['PATH'], MAIL_CONFIG: '/run/postfix', POSTFIX_HOSTNAME: 'mx.example.test', ...given, ...environment }
    // Should this process die, the kernel ends the container too.
    writeFileSync(folders.logFile, '')
    this.#logFile = folders.logFile
    const out = openSync(folders.logFile, 'a')
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, 'sh', '-c', enter], {
      env,
      stdio: ['ignore', out, out],
    })
    closeSync(out)
    this.exit = once(this.#child, 'exit').then(([code]) => {
      this.#ended = true
      return code as number | null
    })
  }

  /** Resolves when its readiness probe says yes. */
  static async start(folders: PostfixFolders, environment: Readonly<Record<string, string>> = {}): Promise<PostfixContainer> {
    const container = new PostfixContainer(folders, { DRAIN_DELAY: '1', DRAIN_TIMEOUT: '30', FLUSH_TIMEOUT: '60', ...environment })
    await container.until('the container is ready', async () => (await container.health('ready')).code === 0)
    return container
  }

  get log(): string {
    return readFileSync(this.#logFile, 'latin1')
  }

  /** Resolves once the condition holds; rejects with the log when it does not within two minutes, or the container ends. */
  async until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
    const end = performance.now() + 120_000
    while (!(await holds())) {
      if (this.#ended || performance.now() > end)
        throw new Error(`${what}: not ${this.#ended ? 'before its end' : 'within two minutes'}\n${this.log}`)
      await sleep(50)
    }
  }

  async said(text: string): Promise<void> {
    await this.until(`the log has ${text}`, () => this.log.includes(text))
  }

  signal(name: NodeJS.Signals): void {
    process.kill(this.#first(), name)
  }

  async stop(): Promise<void> {
    if (this.#ended) return
    this.#child.kill('SIGKILL')
    await this.exit
  }

  /** What a probe of the pod gives. */
  async health(which: 'live' | 'ready'): Promise<{ readonly code: number | null; readonly output: string }> {
    return await this.run(join(imageFolder, 'health'), which)
  }

  /** Runs a command in the container, as `kubectl exec` does. */
  async run(command: string, ...args: readonly string[]): Promise<{ readonly code: number | null; readonly output: string }> {
    const first = this.#find()
    if (first === undefined) return { code: null, output: 'there is no process yet' }
    const env = { PATH: process.env['PATH'], MAIL_CONFIG: '/run/postfix' }
    const child = spawn('nsenter', ['-t', String(first), '--all', command, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] })
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk.toString()))
    const [code] = await once(child, 'close')
    return { code: code as number | null, output }
  }

  /** A connection to the gateways' port: a process in the container's network that passes bytes on. */
  connect(): ChildProcess {
    const pipe = `const s = require('node:net').connect(10025, '127.0.0.1'); process.stdin.pipe(s).pipe(process.stdout)`
    return spawn('nsenter', ['-t', String(this.#first()), '--net', process.execPath, '-e', pipe], { stdio: ['pipe', 'pipe', 'inherit'] })
  }

  #first(): number {
    const first = this.#find()
    if (first === undefined) throw new Error(`there is no container:\n${this.log}`)
    return first
  }

  /** Process 1 of the container, by its number outside: the child of unshare. */
  #find(): number | undefined {
    try {
      const [child] = readFileSync(`/proc/${this.#child.pid}/task/${this.#child.pid}/children`, 'utf8').split(' ')
      return child === undefined || child === '' ? undefined : Number(child)
    } catch {
      return undefined
    }
  }
}

/** Mails in a Maildir below the volume's mail folder. */
export function mailIn(folders: PostfixFolders, maildir: string): readonly string[] {
  const folder = join(folders.volume, 'mail', maildir, 'new')
  try {
    return readdirSync(folder).map((name) => readFileSync(join(folder, name), 'latin1'))
  } catch {
    return []
  }
}

/** Adds to a mounted file, as a changed ConfigMap does. */
export function addTo(folders: PostfixFolders, file: string, text: string): void {
  appendFileSync(join(folders.settings, file), text)
}
