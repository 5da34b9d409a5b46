// A real Postfix that is replaced as a pod of a StatefulSet is: it refuses new clients, lets sessions end, is gone for a while, and comes back at the same address.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { pidsOf } from '../laboratory/process-use.ts'
import { daemonFolder } from '../peers/postfix-files.ts'
import { type Postfix, startPostfix } from '../peers/postfix.ts'
import { untilHolds } from '../support/until-holds.ts'

/** Takes any mail for example.test and forgets it. */
const mainCf = { enable_long_queue_ids: 'yes' } as const

export class RollingPostfix {
  readonly #ports: ReadonlyMap<string, number>
  #running: Postfix

  private constructor(running: Postfix) {
    this.#running = running
    this.#ports = running.ports
  }

  static async start(): Promise<RollingPostfix> {
    return new RollingPostfix(await startPostfix({ mainCf }))
  }

  /** 127.0.0.1:PORT of the smtpd behind a PROXY header. */
  get address(): string {
    return `127.0.0.1:${this.#port}`
  }

  get #port(): number {
    return this.#ports.get('smtpd-proxy') ?? 0
  }

  /** The same as the chart's Postfix does when its pod is to stop, then nothing for `goneMs`, then it is there again. */
  async roll(goneMs: number): Promise<void> {
    this.#refuseNewClients()
    await untilHolds('its sessions are over', () => openSessions(this.#port) === 0, 60)
    await this.#running.stop()
    await sleep(goneMs)
    this.#running = await startPostfix({ mainCf, ports: this.#ports })
  }

  /** Ends it at once, in the middle of what it does. */
  stop(): Promise<void> {
    return this.#running.stop()
  }

  /** A service that is taken away would end its running sessions, and so would a stop; a reload does not. */
  #refuseNewClients(): void {
    const conf = `${this.#running.folder}/conf`
    const refuse = 'smtpd_client_restrictions = check_client_access static:{421 4.3.2 Service shutting down}'
    execFileSync('postconf', ['-c', conf, '-e', 'smtpd_delay_reject = no', refuse])
    // `postfix reload` would look for the process by its number in another namespace.
    for (const pid of pidsOf(`${daemonFolder()}/master\0-c\0${conf}`)) process.kill(pid, 'SIGHUP')
  }
}

/** Connections to a port of this machine that stand or whose peer has ended them (proc(5): states 01 and 08). */
function openSessions(port: number): number {
  const hex = port.toString(16).toUpperCase().padStart(4, '0')
  const lines = readFileSync('/proc/net/tcp', 'latin1').split('\n')
  return lines.filter((line) => new RegExp(`^ *\\d+: [0-9A-F]{8}:${hex} \\S+ (01|08) `).test(line)).length
}
