// A real Postfix with private networks in mynetworks, behind a gateway that does not see the addresses of clients: it must
// not relay for them.
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'
import { writeProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { Player } from '../../support/player.ts'
import { untilHolds } from '../../support/until-holds.ts'

const skip = unless('postfix', 'loopback')
/** For a busy machine. */
const patience = 60

let postfix: Postfix

before(async () => {
  if (skip !== false) return
  const mynetworks = '127.0.0.0/8 10.0.0.0/8 192.168.0.0/16 172.16.0.0/12 [fc00::]/7 [::1]/128 [fe80::]/10'
  postfix = await startPostfix({ mainCf: { mynetworks, inet_protocols: 'all', defer_transports: 'smtp', default_transport: 'smtp' } })
})
after(() => postfix?.stop())

type Version = 'V1' | 'V2'
interface Setting {
  readonly handoff: 'Reconnect' | 'SameSession'
  readonly clientAddress?: object
  readonly access?: readonly object[]
  readonly isBehindProxy?: boolean
}

/** In front of Postfix, without tests that take time. */
function startGateway({ handoff, clientAddress = {}, access = [], isBehindProxy = true }: Setting): Promise<GatewayProcess> {
  return startGatewayProcess({
    spec: {
      hostname: 'mx.example.test',
      greet: { banner: '' },
      deepTests: { handoff, ...(handoff === 'SameSession' && { bareNewline: { enabled: true, action: 'Enforce' } }) },
      limits: { connectionsPerClient: 0 },
      clientAddress,
      access,
      listen: { proxyProtocol: { mode: isBehindProxy ? 'Required' : 'None' } },
    },
    flags: ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`],
    logFormat: 'json',
  })
}

/** What a client hears that wants mail for another site to be relayed: the greeting, or the reply to its recipient. */
async function relayReply(gateway: GatewayProcess, client: string | undefined, version: Version = 'V2'): Promise<string> {
  const { port } = gateway
  const player = await Player.connect({ host: '127.0.0.1', port, from: '127.0.0.1' })
  try {
    if (client !== undefined) {
      const server = client.includes(':') ? '2001:db8::25' : '198.51.100.25'
      const header = writeProxyHeader(version, { address: client, port: player.port }, { address: server, port: 25 })
      await player.send(Buffer.from(header).toString('latin1'))
    }
    const [greeting = ''] = await player.replies(1, patience)
    if (!greeting.startsWith('220')) return greeting
    for (const line of ['EHLO client.example.net', 'MAIL FROM:<a@example.net>']) {
      await player.send(`${line}\r\n`)
      await player.replies(1, patience)
    }
    await player.send('RCPT TO:<user@elsewhere.example.com>\r\n')
    const [reply = ''] = await player.replies(1, patience)
    return reply
  } finally {
    await player.close()
  }
}

/** Waits for a line of Postfix with this text. */
const untilLogged = (text: string): Promise<void> =>
  untilHolds(`Postfix logs ${text}`, () => postfix.log.lines().some((line) => line.text.includes(text)), patience)

const refused = /^[45]54 [45]\.7\.1 .*Relay access denied/
const relayed = /^250 2\.1\.5 Ok/

for (const handoff of ['Reconnect', 'SameSession'] as const) {
  describe(`with ${handoff}`, { skip }, () => {
    let gateway: GatewayProcess
    const internal = ['10.9.0.0/16', 'fd00:9::/32']
    before(async () => {
      if (skip === false)
        gateway = await startGateway({ handoff, clientAddress: { internal }, access: [{ action: 'Permit', cidrs: ['10.8.0.0/16'] }] })
    })
    after(() => gateway?.stop())

    const hidden = ['10.244.1.1', '192.168.7.7', '172.31.0.1', '127.0.0.1', '127.200.3.4', 'fd00:8::1', '::1', 'fe80::1']
    for (const version of ['V1', 'V2'] as const)
      for (const client of hidden)
        test(`Postfix relays nothing for ${client}, named in a header ${version}`, { skip }, async () =>
          assert.match(await relayReply(gateway, client, version), refused),
        )

    for (const client of ['10.9.3.4', 'fd00:9::1', '10.8.1.1'])
      test(`Postfix relays for ${client}, which the policy expects`, { skip }, async () => {
        assert.match(await relayReply(gateway, client), relayed)
        await untilLogged(`connect from unknown[${client}]`)
      })

    test('a public client is named as it is', { skip }, async () => {
      assert.match(await relayReply(gateway, '198.51.100.77'), refused)
      await untilLogged('connect from unknown[198.51.100.77]')
    })

    test('the log says what Postfix was told', { skip }, async () => {
      await relayReply(gateway, '10.77.1.2')
      await gateway.said(/"event":"CLIENT ADDRESS LOST","client":\{"address":"10\.77\.1\.2","port":\d+\},"named":"192\.0\.2\.1"/, patience)
      await gateway.said(/"event":"HANDED OFF","client":\{"address":"10\.77\.1\.2","port":\d+\},.*"named":"192\.0\.2\.1"/, patience)
      const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
      assert.match(metrics, /^postscreen_stranger_handoffs_total [1-9]/m)
    })
  })
}

test('a client that connects from a loopback address is not relayed for either', { skip }, async () => {
  const gateway = await startGateway({ handoff: 'Reconnect', isBehindProxy: false })
  try {
    assert.match(await relayReply(gateway, undefined), refused)
  } finally {
    await gateway.stop()
  }
})

test('under Defer private clients get 421 and Postfix hears nothing of them', { skip }, async () => {
  const gateway = await startGateway({ handoff: 'Reconnect', clientAddress: { guard: 'Defer', internal: ['10.9.0.0/16'] } })
  try {
    assert.match(await relayReply(gateway, '10.66.6.6'), /^421 4\.3\.5 /)
    await gateway.said('client address lost', patience)
    assert.match(await relayReply(gateway, '10.9.6.6'), relayed)
    assert.match(await relayReply(gateway, '203.0.113.66'), refused)
    await untilLogged('connect from unknown[203.0.113.66]')
    assert.ok(!postfix.log.lines().some(({ text }) => text.includes('10.66.6.6')))
  } finally {
    await gateway.stop()
  }
})
