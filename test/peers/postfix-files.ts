// The files of a private Postfix: main.cf, master.cf and the folders that its programs expect.

import { execFileSync } from 'node:child_process'
import { chmodSync, chownSync, copyFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** Parameters by name. `@FOLDER@` in a value becomes the instance's folder, where access.cidr, dnsbl_reply and tls/ are. */
export type Settings = Readonly<Record<string, string>>

/** One postscreen with its own smtpd behind it, as services of one Postfix. */
export interface Screen {
  /** Letters, digits and dashes; names its port and its lines in the log. */
  readonly name: string
  /** Over main.cf, for postscreen and for the smtpd behind it. */
  readonly mainCf: Settings
  /** What the temporary allowlist holds at the start: address -> record (`a;b;c;d;e`, see dict of postscreen_cache). */
  readonly remembered?: Settings
}

const files = join(import.meta.dirname, 'files')

/** Where Postfix keeps its daemons (daemon_directory of the installed one). */
export function daemonFolder(): string {
  return execFileSync('postconf', ['-dh', 'daemon_directory'], { encoding: 'utf8' }).trim()
}

/** The main.cf that all recordings and tests share; `folder` is the instance's own. */
export function baseMainCf(folder: string): Settings {
  return {
    compatibility_level: '3.6',
    queue_directory: `${folder}/queue`,
    data_directory: `${folder}/data`,
    daemon_directory: daemonFolder(),
    mail_owner: 'postfix',
    setgid_group: 'postdrop',
    myhostname: 'mx.example.test',
    mydomain: 'example.test',
    mydestination: 'example.test, localhost',
    inet_interfaces: 'all',
    inet_protocols: 'ipv4',
    mynetworks: '127.0.0.1/32',
    alias_maps: '',
    local_recipient_maps: '',
    local_transport: 'discard:',
    relayhost: '',
    smtpd_relay_restrictions: 'permit_mynetworks, reject_unauth_destination',
    maillog_file: `${folder}/log/mail.log`,
    maillog_file_prefixes: `${folder}/log`,
    default_process_limit: '200',
    smtpd_peername_lookup: 'no',
    // Presets of a scenario would be cleaned away where they say that a test was never passed.
    postscreen_cache_cleanup_interval: '0',
    in_flow_delay: '0',
    smtpd_error_sleep_time: '0',
    smtpd_client_connection_count_limit: '0',
    smtpd_client_connection_rate_limit: '0',
    tlsproxy_tls_security_level: 'may',
    smtpd_tls_cert_file: `${folder}/tls/cert.pem`,
    smtpd_tls_key_file: `${folder}/tls/key.pem`,
    import_environment: 'MAIL_CONFIG MAIL_DEBUG MAIL_LOGTAG TZ XAUTHORITY DISPLAY LANG=C',
  }
}

/** main.cf's text. */
export function mainCfText(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => `${name} = ${value}\n`)
    .join('')
}

// dnsblog gives up, and takes all others with it for a minute, when it cannot read an IPv6 client's address.
const daemons = `dnsblog unix - - n - 0 dnsblog -o inet_protocols=all
tlsproxy unix - - n - 0 tlsproxy
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
discard unix - - n - - discard
error unix - - n - - error
anvil unix - - n - 1 anvil
smtp unix - - n - - smtp
scache unix - - n - 1 scache
proxymap unix - - n - - proxymap
tlsmgr unix - - n 1000? 1 tlsmgr
postlog unix-dgram n - n - 1 postlogd
`

/** master.cf's text: every screen on its port and its smtpd once more behind the PROXY protocol; a plain smtpd, and one behind the PROXY protocol. */
export function masterCfText(screens: readonly Screen[], ports: ReadonlyMap<string, number>): string {
  const proxied = options({ smtpd_upstream_proxy_protocol: 'haproxy' })
  const lines = screens.flatMap((screen) => {
    const own = options(screen.mainCf)
    const postscreen = options({ syslog_name: screen.name, smtpd_service_name: `smtpd-${screen.name}`, ...cacheOf(screen) })
    return [
      `${ports.get(screen.name)} inet n - n - 1 postscreen${postscreen}${own}`,
      `smtpd-${screen.name} pass - - n - - smtpd${own}`,
      `${ports.get(`${screen.name}-smtpd`)} inet n - n - - smtpd${own}${proxied}`,
    ]
  })
  lines.push(`${ports.get('smtpd')} inet n - n - - smtpd`)
  lines.push(`${ports.get('smtpd-proxy')} inet n - n - - smtpd${proxied}`)
  return `${lines.join('\n')}\n${daemons}`
}

/** Every screen has a cache of its own, unless its settings name another. */
export function cacheOf(screen: Screen): { readonly postscreen_cache_map: string } {
  return { postscreen_cache_map: screen.mainCf['postscreen_cache_map'] ?? `lmdb:$data_directory/cache-${screen.name}` }
}

function options(settings: Settings): string {
  return Object.entries(settings)
    .map(([name, value]) => ` -o { ${name} = ${value} }`)
    .join('')
}

/** Makes an instance's folders and its fixed files; the queue's folders are those of postfix-files(5), with their owners and modes. */
export function makeFolders(folder: string): void {
  const postfix = id('/etc/passwd', 'postfix')
  const root = 0
  for (const name of ['conf', 'queue', 'data', 'log', 'tls', 'queue/pid']) makeFolder(join(folder, name), root, root, 0o755)
  chownSync(join(folder, 'data'), postfix, root)
  for (const name of ['active', 'bounce', 'corrupt', 'defer', 'deferred', 'flush', 'incoming', 'private', 'saved', 'hold', 'trace'])
    makeFolder(join(folder, 'queue', name), postfix, root, 0o700)
  makeFolder(join(folder, 'queue/public'), postfix, id('/etc/group', 'postdrop'), 0o2710)
  makeFolder(join(folder, 'queue/maildrop'), postfix, id('/etc/group', 'postdrop'), 0o1730)
  // The table types that this Postfix loads on demand (lmdb among them) are named beside main.cf.
  cpSync('/etc/postfix', join(folder, 'conf'), {
    recursive: true,
    filter: (path) => /^\/etc\/postfix(\/(dynamicmaps|postfix-files).*)?$/.test(path),
  })
  for (const name of ['access.cidr', 'dnsbl_reply']) {
    copyFileSync(join(files, name), join(folder, name))
    chmodSync(join(folder, name), 0o644)
  }
}

function makeFolder(path: string, user: number, group: number, mode: number): void {
  mkdirSync(path)
  chownSync(path, user, group)
  chmodSync(path, mode)
}

/** The number of a user or group. */
function id(file: '/etc/passwd' | '/etc/group', name: string): number {
  const line = readFileSync(file, 'utf8')
    .split('\n')
    .find((entry) => entry.startsWith(`${name}:`))
  if (line === undefined) throw new Error(`${file} has no ${name}`)
  return Number(line.split(':')[2])
}

/** Fills a screen's cache before Postfix starts, as `postmap` makes it: the table then belongs to postscreen's user. */
export function rememberAll(folder: string, screen: Screen): void {
  const source = join(folder, 'data', `cache-${screen.name}`)
  const lines = Object.entries(screen.remembered ?? {}).map(([address, record]) => `${address} ${record}\n`)
  writeFileSync(source, lines.join(''))
  chownSync(source, id('/etc/passwd', 'postfix'), 0)
  execFileSync('postmap', ['-c', join(folder, 'conf'), `lmdb:${source}`])
}
