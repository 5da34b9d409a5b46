// A private real Postfix for tests: its own folders, free ports, any number of postscreens with different settings, many at a time.

import { execFileSync } from 'node:child_process'
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startChild, untilReady } from './child.ts'
import type { Child } from './child.ts'
import { freePorts } from './loopback.ts'
import { openMailLog } from './mail-log.ts'
import type { MailLog } from './mail-log.ts'
import { baseMainCf, daemonFolder, mainCfText, makeFolders, masterCfText, rememberAll } from './postfix-files.ts'
import type { Screen, Settings } from './postfix-files.ts'

export interface PostfixOptions {
  /** Over the shared main.cf; `@FOLDER@` stands for the instance's folder. */
  readonly mainCf?: Settings
  readonly screens?: readonly Screen[]
  /** The name server of postscreen's DNSBL lookups; it must listen on port 53. Without one, lookups fail. */
  readonly nameServer?: string
  /** The ports of one that has been stopped, to take its place. */
  readonly ports?: ReadonlyMap<string, number>
}

export interface Postfix {
  /** Where its files are: access.cidr, dnsbl_reply, tls/cert.pem, tls/key.pem, data/. */
  readonly folder: string
  /**
   * By screen name; `NAME-smtpd` is that screen's smtpd behind a PROXY header. `smtpd` takes mail directly, `smtpd-proxy` behind a PROXY header.
   * All listen on every IPv4 address.
   */
  readonly ports: ReadonlyMap<string, number>
  readonly log: MailLog
  /** Ends it and removes its folder. */
  stop(): Promise<void>
}

/** Starts Postfix and waits until it listens. Needs root, mount and PID namespaces (see require.ts, peer `postfix`). */
export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  const folder = mkdtempSync(join(temporaryFolder(), 'postfix-'))
  chmodSync(folder, 0o755)
  makeFolders(folder)
  writeFileSync(join(folder, 'resolv.conf'), `nameserver ${options.nameServer ?? '127.0.0.253'}\noptions timeout:2 attempts:1\n`)
  writeFileSync(join(folder, 'conf/main.cf'), mainCfText({ ...baseMainCf(folder), ...inFolder(options.mainCf ?? {}, folder) }))
  makeCertificate(join(folder, 'tls'))
  const screens = (options.screens ?? []).map((screen) => ({ ...screen, mainCf: inFolder(screen.mainCf, folder) }))
  for (const screen of screens) if (screen.remembered !== undefined) rememberAll(folder, screen)
  const log = openMailLog(join(folder, 'log/mail.log'))
  const { child, ports } = await startMaster(folder, screens, options.ports)
  return {
    folder,
    ports,
    log,
    stop: async () => {
      await child.stop()
      log.close()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

/** In memory where there is such a place: postscreen writes its cache through to the disk, and stands still when that is busy. */
function temporaryFolder(): string {
  return existsSync('/dev/shm') ? '/dev/shm' : tmpdir()
}

/** Another process may take a port between the choice and the start: then other ports are tried. */
async function startMaster(
  folder: string,
  screens: readonly Screen[],
  wanted: ReadonlyMap<string, number> | undefined,
): Promise<{ child: Child; ports: ReadonlyMap<string, number> }> {
  for (let attempt = 0; ; attempt++) {
    const names = [...screens.flatMap(({ name }) => [name, `${name}-smtpd`]), 'smtpd', 'smtpd-proxy']
    const free = await freePorts(names.length)
    const ports = wanted ?? new Map(names.map((name, index) => [name, free[index] ?? 0]))
    writeFileSync(join(folder, 'conf/master.cf'), masterCfText(screens, ports))
    // postscreen's dnsblog asks the name servers of /etc/resolv.conf, so master sees another one there. The shell is process 1 of a
    // namespace and takes all others with it; it stays, because programs that change their user escape the signal of a dead parent.
    const script = 'mount --bind "$1/resolv.conf" /etc/resolv.conf || exit; "$2/master" -c "$1/conf" & wait'
    const namespace = ['--mount', '--pid', '--fork', '--kill-child']
    const child = startChild('unshare', [...namespace, 'sh', '-c', script, 'sh', folder, daemonFolder()])
    const said = (): string => (existsSync(join(folder, 'log/mail.log')) ? readFileSync(join(folder, 'log/mail.log'), 'utf8') : '')
    try {
      await untilReady(child, 'Postfix', () => /daemon started -- version|fatal:/.test(said()))
    } catch (error) {
      throw new Error(`${String(error)}\n${said()}`, { cause: error })
    }
    if (!said().includes('fatal:')) return { child, ports }
    await child.stop()
    if (!said().includes('Address already in use') || attempt >= 4) throw new Error(`Postfix did not start:\n${said()}`)
    rmSync(join(folder, 'log/mail.log'))
  }
}

/** A self-signed certificate for mx.example.test in `folder`: cert.pem and key.pem. */
export function makeCertificate(folder: string): void {
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-keyout', join(folder, 'key.pem')]
  const args = ['req', '-x509', ...key, '-out', join(folder, 'cert.pem'), '-days', '30', '-subj', '/CN=mx.example.test']
  execFileSync('openssl', args, { stdio: 'ignore' })
}

function inFolder(settings: Settings, folder: string): Settings {
  return Object.fromEntries(Object.entries(settings).map(([name, value]) => [name, value.replaceAll('@FOLDER@', folder)]))
}
