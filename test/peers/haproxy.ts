// A private HAProxy in TCP mode on one thread: what a relay of bytes costs in C, PROXY header included.
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.ts'
import { freePorts } from './loopback.ts'

export interface Haproxy {
  readonly port: number
  readonly pid: number
  /** Its own folder, which its command line holds. */
  readonly folder: string
  stop(): Promise<void>
}

/** Starts it in front of 127.0.0.1:`backendPort` and waits until it listens. */
export async function startHaproxy(backendPort: number): Promise<Haproxy> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  const limits = 'timeout connect 5s\n timeout client 60s\n timeout server 60s'
  const listen = `listen l\n bind 127.0.0.1:${port}\n server s 127.0.0.1:${backendPort} send-proxy-v2\n`
  writeFileSync(file, `global\n nbthread 1\ndefaults\n mode tcp\n ${limits}\n${listen}`)
  const child = startChild('haproxy', ['-db', '-f', file])
  const end = performance.now() + 60_000
  while (!(await listens(port))) {
    if (child.process.exitCode !== null || performance.now() > end) throw new Error(`HAProxy does not listen:\n${child.output()}`)
    await sleep(20)
  }
  return {
    port,
    pid: child.process.pid ?? 0,
    folder,
    stop: async () => {
      await child.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

async function listens(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1')
  const open = await once(socket, 'connect').then(
    () => true,
    () => false,
  )
  socket.destroy()
  return open
}
