// The logs of pods, also of pods that no longer exist when the logs are read.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { attempt } from './kubectl.ts'

const mostLines = 50_000

export interface PodLogs {
  /** What the pods that are there now said, and what those said that were there at the beginning. */
  stop(): Promise<readonly string[]>
}

/** Listens to the pods that are there, from now on. */
export function listenToPods(namespace: string, selector: string): PodLogs {
  const these = ['logs', '-n', namespace, '-l', selector, '--prefix', '--max-log-requests=20']
  const child = spawn('kubectl', [...these, '--tail=0', '--follow'], { stdio: ['ignore', 'pipe', 'ignore'] })
  const ended = once(child, 'close')
  const lines: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    lines.push(...text.split('\n'))
    if (lines.length > mostLines) lines.splice(0, lines.length - mostLines)
  })
  return {
    async stop() {
      const { stdout } = await attempt('kubectl', [...these, '--tail=-1'])
      child.kill()
      await ended
      return [...new Set([...lines, ...stdout.split('\n')])].filter((line) => line !== '')
    },
  }
}
