// `postscreen top` on a terminal (a pseudo-terminal of script(1)): it obeys keys and the size of the terminal, and gives the terminal back however it
// ends.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { setTimeout as pause } from 'node:timers/promises'

import { unless } from '../../peers/require.ts'
import { FakeCluster } from './fake-cluster.ts'
import { livePageOf } from './live-scene.ts'
import { pods, policies } from './scene.ts'

const skip = unless('script')
const program = fileURLToPath(new URL('../../../cli/kubectl-postscreen.js', import.meta.url))
const crash = fileURLToPath(new URL('crash-on-signal.ts', import.meta.url))
const enter = '\u001b[?1049h'
const leave = '\u001b[?25h\u001b[?1049l'

let fake: FakeCluster
before(async () => {
  fake = await FakeCluster.start()
  fake.policies = policies
  fake.pods = pods
  for (const { metadata } of pods) fake.pages.set(`${metadata.namespace}/${metadata.name}/live`, { json: livePageOf() })
})
after(() => fake.close())

/** A shell on a terminal of 80 × 24, which runs the command and says how it ended, and whether the terminal is as it was. */
class Terminal {
  #text = ''
  readonly #child
  readonly #ended: Promise<void>

  constructor(args: string, nodeOptions = '') {
    const shell = [
      'stty cols 80 rows 24; before=$(stty -g)',
      `KUBECONFIG='${fake.kubeconfig}' TERM=xterm LANG=C.UTF-8 LC_ALL= NO_COLOR= '${process.execPath}' ${nodeOptions} '${program}' top ${args} &`,
      // In the foreground, so that it may read the terminal; its number is printed first.
      'echo "pid=$! tty=$(tty)"; fg >/dev/null; code=$?',
      // Stopped by Ctrl-Z: go on.
      'while [ $code = 147 ]; do echo "stopped"; fg >/dev/null; code=$?; done',
      '[ "$before" = "$(stty -g)" ] && echo "terminal: as before" || echo "terminal: changed"; echo "exit=$code;"',
    ].join('\n')
    this.#child = spawn('script', ['-qefc', `bash -mc '${shell.replaceAll("'", `'\\''`)}'`, '/dev/null'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    this.#child.stdout.setEncoding('utf8').on('data', (text: string) => (this.#text += text))
    this.#ended = new Promise((resolve) => this.#child.once('close', () => resolve()))
  }

  get text(): string {
    return this.#text
  }

  type(keys: string): void {
    this.#child.stdin.write(keys)
  }

  /** Waits until what was printed, after this place, matches. @returns the match */
  async until(pattern: RegExp, from = 0): Promise<RegExpExecArray> {
    for (let tries = 0; tries < 2400; tries++) {
      const found = pattern.exec(this.#text.slice(from))
      if (found !== null) return found
      await pause(50)
    }
    throw new Error(`not seen: ${String(pattern)} in ${JSON.stringify(this.#text.slice(-3000))}`)
  }

  async pid(): Promise<number> {
    return Number((await this.until(/pid=(\d+)/))[1])
  }

  async tty(): Promise<string> {
    return (await this.until(/tty=(\S+)/))[1] ?? ''
  }

  /** Waits for its end. @returns its exit code */
  async end(): Promise<number> {
    const code = Number((await this.until(/exit=(\d+);/))[1])
    this.#child.stdin.end()
    await this.#ended
    assert.match(this.#text, /terminal: as before/)
    return code
  }

  stop(): void {
    this.#child.kill('SIGKILL')
  }
}

async function withTerminal(args: string, use: (terminal: Terminal) => Promise<void>, nodeOptions = ''): Promise<void> {
  const terminal = new Terminal(args, nodeOptions)
  try {
    await use(terminal)
  } finally {
    terminal.stop()
  }
}

const shown = /mail\/mx .*gateways.*live/

describe('top on a terminal', { skip }, () => {
  const ends: readonly (readonly [how: string, end: (terminal: Terminal) => Promise<void>, code: number])[] = [
    ['q', async (terminal) => terminal.type('q'), 0],
    ['Ctrl-C', async (terminal) => terminal.type('\u0003'), 0],
    ['SIGTERM', async (terminal) => void process.kill(await terminal.pid(), 'SIGTERM'), 0],
    ['SIGINT', async (terminal) => void process.kill(await terminal.pid(), 'SIGINT'), 0],
    ['SIGHUP', async (terminal) => void process.kill(await terminal.pid(), 'SIGHUP'), 0],
  ]
  for (const [how, end, code] of ends)
    test(`${how} ends it, and the terminal is as before`, () =>
      withTerminal('-n mail mx', async (terminal) => {
        await terminal.until(shown)
        await end(terminal)
        assert.equal(await terminal.end(), code)
        assert.ok(terminal.text.includes(enter) && terminal.text.lastIndexOf(leave) > terminal.text.lastIndexOf(enter))
      }))

  test('a crash gives the terminal back before its message is printed', () =>
    withTerminal(
      '-n mail mx',
      async (terminal) => {
        await terminal.until(shown)
        process.kill(await terminal.pid(), 'SIGUSR2')
        assert.equal(await terminal.end(), 1)
        const at = terminal.text.lastIndexOf(leave)
        assert.ok(at > terminal.text.lastIndexOf(enter))
        assert.ok(terminal.text.indexOf('a bug of the test') > at)
      },
      `--import '${crash}'`,
    ))

  test('Ctrl-Z gives the terminal to the shell, and it goes on in the foreground', () =>
    withTerminal('-n mail mx', async (terminal) => {
      await terminal.until(shown)
      const { length } = terminal.text
      terminal.type('\u001a')
      await terminal.until(/\u001b\[\?1049l[^]*stopped[^]*\u001b\[\?1049h[^]*mail\/mx /, length)
      terminal.type('q')
      assert.equal(await terminal.end(), 0)
    }))

  test('keys: another policy, the order of the lists, a pause, help', () =>
    withTerminal('-n mail', async (terminal) => {
      await terminal.until(/mail\/mx {2}\(1 of 2\)/)
      terminal.type('\u001b[C')
      await terminal.until(/mail\/mx-backup {2}\(2 of 2\)/)
      terminal.type('p')
      await terminal.until(/paused/)
      terminal.type('?')
      await terminal.until(/sort the DNS lists/)
      terminal.type('?q')
      assert.equal(await terminal.end(), 0)
    }))

  test('another size of the terminal is used at once', () =>
    withTerminal('-n mail mx', async (terminal) => {
      await terminal.until(shown)
      assert.doesNotMatch(terminal.text, /MOST REFUSED NETWORKS/)
      const stty = spawn('stty', ['-F', await terminal.tty(), 'cols', '160', 'rows', '40'], { stdio: 'inherit' })
      await new Promise((resolve) => stty.once('close', resolve))
      await terminal.until(/MOST REFUSED NETWORKS TODAY/)
      terminal.type('q')
      assert.equal(await terminal.end(), 0)
    }))

  test('without an answer at first it says why, and leaves the terminal alone', () =>
    withTerminal('-n nowhere', async (terminal) => {
      assert.equal(await terminal.end(), 3)
      assert.match(terminal.text, /there is no PostscreenPolicy in the namespace nowhere/)
      assert.ok(!terminal.text.includes(enter))
    }))
})
