// A real browser for tests and screenshots: Debian's Chromium without a window, told what to do over its own protocol (CDP).
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'

const patienceMs = 180_000
const programs = ['chromium', 'chromium-browser', 'google-chrome']

/** Undefined if there is none on this machine. */
export function browserProgram(): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(':')
  return folders.flatMap((folder) => programs.map((name) => join(folder, name))).find((path) => existsSync(path))
}

export interface Screen {
  readonly width: number
  readonly height: number
  readonly theme?: 'light' | 'dark'
  readonly isPhone?: boolean
}

interface Answer {
  readonly id?: number
  readonly result?: Record<string, unknown>
  readonly error?: { readonly message: string }
  readonly method?: string
  readonly params?: Record<string, unknown>
  readonly sessionId?: string
}

/** One tab. */
export class Tab {
  readonly #send: (method: string, params?: object) => Promise<Record<string, unknown>>
  /** Errors of scripts, and what the page's policy has refused. */
  readonly errors: string[] = []

  constructor(send: Tab['call']) {
    this.#send = send
  }

  call(method: string, params?: object): Promise<Record<string, unknown>> {
    return this.#send(method, params)
  }

  async open(url: string): Promise<void> {
    await this.call('Page.navigate', { url })
    await this.until('document.readyState === "complete"')
  }

  async screen({ width, height, theme = 'light', isPhone = false }: Screen): Promise<void> {
    await this.call('Emulation.setDeviceMetricsOverride', { width, height, deviceScaleFactor: 1, mobile: isPhone })
    const features = [
      { name: 'prefers-color-scheme', value: theme },
      { name: 'prefers-reduced-motion', value: 'reduce' },
    ]
    await this.call('Emulation.setEmulatedMedia', { features })
  }

  /** The value of an expression in the page, as JSON can hold it. */
  async read<T>(expression: string): Promise<T> {
    const answer = await this.call('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true })
    if (answer['exceptionDetails'] !== undefined) throw new Error(`${expression}: ${JSON.stringify(answer['exceptionDetails'])}`)
    return (answer['result'] as { readonly value: T }).value
  }

  /** Waits until an expression is true; minutes, since a machine may be very slow. */
  async until(expression: string): Promise<void> {
    const end = performance.now() + patienceMs
    while (performance.now() < end) {
      if (await this.read<boolean>(`Boolean(${expression})`).catch(() => false)) return
      await sleep(50)
    }
    throw new Error(`the page does not come to this: ${expression}`)
  }

  /** Types into what has the focus, and presses keys by their name. */
  async press(key: string): Promise<void> {
    const text = key.length === 1 ? { text: key } : {}
    await this.call('Input.dispatchKeyEvent', {
      type: 'keyDown',
      key,
      ...text,
      ...(key === 'Enter' && { text: '\r', windowsVirtualKeyCode: 13 }),
    })
    await this.call('Input.dispatchKeyEvent', { type: 'keyUp', key })
  }

  async screenshot(): Promise<Buffer> {
    const { data } = await this.call('Page.captureScreenshot', { format: 'png' })
    return Buffer.from(String(data), 'base64')
  }
}

export class Browser {
  readonly #program: ChildProcess
  readonly #folder: string
  readonly #socket: WebSocket
  readonly #asked = new Map<number, (answer: Answer) => void>()
  readonly #tabs = new Map<string, Tab>()
  #questions = 0

  private constructor(program: ChildProcess, folder: string, socket: WebSocket) {
    this.#program = program
    this.#folder = folder
    this.#socket = socket
    socket.addEventListener('message', ({ data }) => this.#hear(JSON.parse(String(data)) as Answer))
  }

  static async start(): Promise<Browser> {
    const program = browserProgram()
    if (program === undefined) throw new Error('there is no Chromium on this machine (Debian: apt-get install chromium)')
    const folder = mkdtempSync(join(tmpdir(), 'browser-'))
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage', '--no-first-run', '--hide-scrollbars']
    const child = spawn(program, [...options, '--remote-debugging-port=0', `--user-data-dir=${folder}`, 'about:blank'], { stdio: 'ignore' })
    const port = join(folder, 'DevToolsActivePort')
    while (!existsSync(port) || !readFileSync(port, 'utf8').includes('\n')) {
      if (child.exitCode !== null) throw new Error(`Chromium has ended with ${child.exitCode}`)
      await sleep(50)
    }
    const [number, path] = readFileSync(port, 'utf8').trim().split('\n')
    const socket = new WebSocket(`ws://127.0.0.1:${number}${path}`)
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve, { once: true })
      socket.addEventListener('error', () => reject(new Error('Chromium does not answer')), { once: true })
    })
    return new Browser(child, folder, socket)
  }

  async tab(screen: Screen): Promise<Tab> {
    const { targetId } = await this.#send('Target.createTarget', { url: 'about:blank' })
    const { sessionId } = await this.#send('Target.attachToTarget', { targetId, flatten: true })
    const tab = new Tab((method, params) => this.#send(method, params, String(sessionId)))
    this.#tabs.set(String(sessionId), tab)
    for (const domain of ['Page', 'Runtime', 'Log']) await tab.call(`${domain}.enable`)
    await tab.screen(screen)
    return tab
  }

  async close(): Promise<void> {
    const ended = new Promise((resolve) => this.#program.once('exit', resolve))
    this.#program.kill('SIGKILL')
    await ended
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 20, retryDelay: 100 })
  }

  #send(method: string, params: object = {}, sessionId?: string): Promise<Record<string, unknown>> {
    const id = ++this.#questions
    return new Promise((resolve, reject) => {
      this.#asked.set(id, ({ result = {}, error }) =>
        error === undefined ? resolve(result) : reject(new Error(`${method}: ${error.message}`)),
      )
      this.#socket.send(JSON.stringify({ id, method, params, ...(sessionId !== undefined && { sessionId }) }))
    })
  }

  #hear(answer: Answer): void {
    if (answer.id !== undefined) {
      this.#asked.get(answer.id)?.(answer)
      this.#asked.delete(answer.id)
      return
    }
    const tab = this.#tabs.get(answer.sessionId ?? '')
    const { method, params = {} } = answer
    if (method === 'Runtime.exceptionThrown') tab?.errors.push(JSON.stringify(params['exceptionDetails']))
    // A gateway that is away does not count as an error of the page.
    const entry = params['entry'] as { readonly level?: string; readonly text?: string; readonly source?: string } | undefined
    if (method === 'Log.entryAdded' && entry?.level === 'error' && entry.source !== 'network') tab?.errors.push(String(entry.text))
  }
}
