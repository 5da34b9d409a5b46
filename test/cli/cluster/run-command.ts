// Runs the command as its own process, against a cluster of the test.
import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { FakeCluster } from './fake-cluster.ts'

const folder = new URL('../../../cli/', import.meta.url)

export interface Ran {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** @param program `postscreen.js`, or `kubectl-postscreen.js` */
export function runCommand(args: readonly string[], cluster?: FakeCluster, program = 'kubectl-postscreen.js'): Promise<Ran> {
  const entry = fileURLToPath(new URL(program, folder))
  const kubeconfig = cluster === undefined ? '/nonexistent' : cluster.kubeconfig
  const env = { ...process.env, KUBECONFIG: kubeconfig, LANG: 'C.UTF-8', LC_ALL: '', TZ: 'UTC' }
  return new Promise((resolve) => {
    execFile(process.execPath, [entry, ...args], { env, maxBuffer: 1 << 26 }, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}
