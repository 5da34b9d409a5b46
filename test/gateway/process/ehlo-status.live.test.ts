// With sessions that are continued at a Postfix, the status shows which EHLO keywords Postfix offers to strangers.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'

const skip = unless('postfix', 'openssl')

interface Ehlo {
  readonly ipv4?: { readonly promise: readonly string[] | null; readonly limitedBy: readonly string[] }
}
interface Status {
  readonly ehlo: Ehlo | null
  readonly backends: readonly {
    readonly addresses: readonly { readonly label: string; readonly ehlo?: { readonly warning: string | null } }[]
  }[]
}

let postfix: Postfix

before(async () => {
  if (skip !== false) return
  postfix = await startPostfix({
    mainCf: { smtpd_tls_security_level: 'may', message_size_limit: '30000' },
    screens: [
      { name: 'open', mainCf: { smtpd_authorized_xclient_hosts: '127.0.0.1' } },
      // As Postfix's DSN_README recommends it.
      {
        name: 'hides',
        mainCf: { smtpd_discard_ehlo_keyword_address_maps: 'cidr:{{127.0.0.0/8 silent-discard}, {0.0.0.0/0 silent-discard, dsn}}' },
      },
    ],
  })
})
after(async () => postfix?.stop())

/** The status of a gateway before these ports of Postfix, as soon as it knows their keywords. */
async function statusOf(
  gateways: GatewayProcess[],
  ports: readonly string[],
  deepTests: object,
  flags: readonly string[] = [],
): Promise<Status> {
  const backend = ports.flatMap((name) => ['--backend', `127.0.0.1:${postfix.ports.get(name)}`])
  const gateway = await startGatewayProcess({ spec: { deepTests }, flags: [...backend, ...flags] })
  gateways.push(gateway)
  for (let tries = 0; ; tries++) {
    const status = (await fetch(`${gateway.admin}/status`).then((response) => response.json())) as Status
    const known = status.backends
      .flatMap(({ addresses }) => addresses)
      .filter(({ ehlo }) => ehlo !== undefined && JSON.stringify(ehlo).includes('probe'))
    if (known.length === ports.length || tries > 200) return status
    await sleep(50)
  }
}

/** Runs a test with gateways, which are stopped afterwards. */
const withGateways = (what: string, run: (gateways: GatewayProcess[]) => Promise<void>): void =>
  void test(what, { skip }, async (t) => {
    const gateways: GatewayProcess[] = []
    t.after(() => Promise.all(gateways.map((gateway) => gateway.stop())))
    await run(gateways)
  })

const sameSession = { handoff: 'SameSession', pipelining: { enabled: true } }
const all = ['SIZE 30000', 'STARTTLS', 'ENHANCEDSTATUSCODES', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING']

withGateways('all that Postfix offers to a stranger, and nothing that it offers to the gateway alone', async (gateways) => {
  const status = await statusOf(gateways, ['open-smtpd'], sameSession)
  assert.deepEqual(status.ehlo?.ipv4, { promise: all, limitedBy: [] })
  assert.equal(status.backends[0]?.addresses[0]?.ehlo?.warning, null)
})

withGateways('a Postfix that hides DSN from strangers limits the promise', async (gateways) => {
  const status = await statusOf(gateways, ['open-smtpd', 'hides-smtpd'], sameSession)
  assert.deepEqual(status.ehlo?.ipv4, {
    promise: all.filter((keyword) => keyword !== 'DSN'),
    limitedBy: [`127.0.0.1:${postfix.ports.get('hides-smtpd')} does not offer DSN`],
  })
})

withGateways('workers know the same', async (gateways) => {
  const folder = mkdtempSync(join(tmpdir(), 'workers-'))
  const status = await statusOf(gateways, ['open-smtpd'], sameSession, ['--workers', '2', '--data-dir', folder])
  assert.deepEqual(status.ehlo?.ipv4?.promise, all)
  await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()))
  rmSync(folder, { recursive: true, force: true })
})

withGateways('with Reconnect, or without deep tests, Postfix is not asked', async (gateways) => {
  const lines = (): number => postfix.log.lines().filter(({ text }) => /192\.0\.2\.1\] ehlo=1 /.test(text)).length
  const asked = lines()
  for (const deepTests of [{ ...sameSession, handoff: 'Reconnect' }, { handoff: 'SameSession' }]) {
    const gateway = await startGatewayProcess({ spec: { deepTests }, flags: ['--backend', `127.0.0.1:${postfix.ports.get('open-smtpd')}`] })
    gateways.push(gateway)
    while (!(await fetch(`${gateway.admin}/readyz`)).ok) await sleep(20)
    await sleep(300)
    const status = (await fetch(`${gateway.admin}/status`).then((response) => response.json())) as Status
    assert.equal(status.ehlo, null)
  }
  assert.equal(lines(), asked)
})
