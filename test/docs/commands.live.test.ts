// Runs the commands of the documents that need only one machine, in a folder that looks like the checkout. Ports and system paths are replaced.
import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { freePorts } from '../peers/loopback.ts'
import { unless } from '../peers/require.ts'
import { startValkey } from '../peers/valkey.ts'
import { type Block, blocks, root } from './blocks.ts'
import { treatmentsOf } from './classification.ts'

/** A folder with the files of the checkout, and the files that the reader has. */
interface Desk {
  readonly folder: string
  /** Replacements for the ports and paths of the page. */
  readonly replace: readonly (readonly [string, string])[]
}

const policy = (valkey: string): string =>
  `apiVersion: postscreen.dev/v1alpha1\nkind: PostscreenPolicy\nmetadata: {name: mx}\nspec:\n  hostname: mx.example.com\n  backend: {addresses: ["127.0.0.1:9"]}\n${
    valkey === '' ? '' : `  allowlist: {store: Valkey, valkey: {addresses: ["${valkey}"]}}\n`
  }`

const mainCf = 'compatibility_level = 3.6\nmyhostname = mx.example.com\nmynetworks = 127.0.0.0/8\npostscreen_greet_action = enforce\n'

async function desk(valkey: string): Promise<Desk> {
  const folder = mkdtempSync(join(tmpdir(), 'docs-'))
  for (const name of readdirSync(root)) if (!name.startsWith('.')) symlinkSync(join(root, name), join(folder, name))
  writeFileSync(join(folder, 'mx.yaml'), policy(valkey))
  writeFileSync(join(folder, 'settings.txt'), 'zimbraMtaPostscreenGreetAction: enforce\nzimbraMtaMyNetworks: 127.0.0.0/8\n')
  mkdirSync(join(folder, 'conf'))
  mkdirSync(join(folder, 'data'))
  writeFileSync(join(folder, 'conf/main.cf'), `${mainCf}queue_directory = ${folder}\ndata_directory = ${folder}/data\n`)
  writeFileSync(join(folder, 'conf/master.cf'), 'smtp inet n - n - 1 postscreen\n')
  const [port = 0, admin = 0] = await freePorts(2)
  const replace = [
    ['/etc/postfix/main.cf', 'conf/main.cf'],
    ['/opt/postfix/conf', 'conf'],
    ['/var/lib/postfix/postscreen_cache', 'cache-of-postfix'],
    ['/var/lib/postscreen', 'data'],
    ['0.0.0.0:25 ', `127.0.0.1:${port} `],
    ["'[::]:25'", `'127.0.0.2:${port}'`],
    ['127.0.0.1:2580', `127.0.0.1:${admin}`],
  ] as const
  return { folder, replace }
}

const typed = (text: string, { replace }: Desk): string => replace.reduce((at, [from, to]) => at.replaceAll(from, to), text)

const environment = (folder: string): NodeJS.ProcessEnv => ({
  ...process.env,
  MAIL_CONFIG: join(folder, 'conf'),
  PATH: `${root}node_modules/.bin:${process.env['PATH']}:/usr/sbin:/sbin`,
})

function shell(command: string, folder: string): string {
  const { status, stdout, stderr } = spawnSync('bash', ['-euo', 'pipefail', '-c', command], {
    cwd: folder,
    encoding: 'utf8',
    env: environment(folder),
  })
  assert.equal(status, 0, `${command}\n${stderr}${stdout}`)
  return stdout + stderr
}

/** Starts a gateway with this command, runs `during` when it is ready, and stops it with SIGTERM. */
async function serve(command: string, { folder }: Desk, admin: string, during: () => void): Promise<void> {
  const child = spawn('bash', ['-c', `${command}${command.includes('--admin') ? '' : ` --admin ${admin}`}`], {
    cwd: folder,
    env: environment(folder),
    detached: true,
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.on('close', () => resolve()))
  try {
    for (let tries = 0; !(await listens(admin)); tries++) {
      assert.ok(child.exitCode === null && tries < 600, `${command}\n${said}`)
      await sleep(100)
    }
    during()
  } finally {
    if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
    await ended
  }
}

const listens = (admin: string): Promise<boolean> =>
  fetch(`http://${admin}/status`).then(
    ({ ok }) => ok,
    () => false,
  )

/** Creates the files that the commands of the block need. */
function prepare({ text }: Block, at: Desk): void {
  if (text.includes('postmap -s lmdb:')) {
    writeFileSync(join(at.folder, 'cache-of-postfix'), '192.0.2.1 1999999999;1999999999;0;0;0\n')
    shell('postmap lmdb:cache-of-postfix', at.folder)
  }
  if (text.includes('12526/inet')) writeFileSync(join(at.folder, 'conf/master.cf'), 'smtp inet n - n - - smtpd\n')
}

/** Checks of the results of commands, besides their exit code. */
const results: Readonly<Record<string, (said: string, folder: string) => void>> = {
  "postconf -M '10025": (_, folder) =>
    assert.match(shell('postconf -M 10025/inet', folder), /smtpd[^]*smtpd_upstream_proxy_protocol=haproxy/),
  '#!/bin/sh': (_, folder) => assert.match(shell('postconf -M 12526/inet', folder), /smtpd_upstream_proxy_protocol=haproxy/),
  'postmap -s lmdb:/var/lib/postfix/postscreen_cache |': (_, folder) =>
    assert.match(shell('npm run -s postscreen -- allowlist list --data-dir data', folder), /192\.0\.2\.1/),
  'curl -s': (said) => assert.equal(typeof JSON.parse(said), 'object'),
}

for (const block of blocks) {
  const [treatment] = treatmentsOf(block)
  if (treatment?.runs !== 'here') continue
  const needs = treatment.needs ?? []
  const { page, line, text } = block
  test(`the commands of ${page}, line ${line}, can be typed: ${text.split('\n')[0]}`, { skip: unless('loopback', ...needs) }, async () => {
    const valkey = needs.includes('valkey') ? await startValkey() : undefined
    const at = await desk(valkey?.address ?? '')
    try {
      prepare(block, at)
      const admin = at.replace.at(-1)?.[1] ?? ''
      const commands = typed(text, at)
      let said = ''
      if (text.startsWith('curl')) {
        await serve(
          'npm run -s postscreen -- gateway --policy mx.yaml --listen 127.0.0.1:0',
          at,
          admin,
          () => (said = shell(commands, at.folder)),
        )
      } else if (text.includes(' gateway ')) {
        const start = commands.lastIndexOf('npm run -s postscreen -- gateway')
        said = shell(commands.slice(0, start), at.folder)
        await serve(commands.slice(start).trim(), at, admin, () => undefined)
      } else said = shell(commands, at.folder)
      for (const [beginning, check] of Object.entries(results)) if (text.startsWith(beginning)) check(said, at.folder)
    } finally {
      await valkey?.stop()
      rmSync(at.folder, { recursive: true, force: true })
    }
  })
}
