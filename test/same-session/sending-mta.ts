// A real Postfix that sends mail through a gateway whose sessions are continued at another Postfix. A proxy in front of the gateway names another
// client for each connection, so that each session is that of a first-time client.
import { once } from 'node:events'
import { execFile } from 'node:child_process'
import { type AddressInfo, connect, createServer } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { writeProxyHeader } from '../../gateway/core/proxy-header.ts'
import type { GatewayProcess } from '../peers/gateway.ts'
import { type Postfix, startPostfix } from '../peers/postfix.ts'
import { portOf, startHoldingPostfix } from './postfix-variants.ts'
import { addressOfRun } from './run-address.ts'
import { sameSessionSpec, startSameSessionGateway, untilKeywordsKnown } from './same-session-gateway.ts'

const run = promisify(execFile)

export interface SendingOptions {
  readonly messages: number
  readonly recipients: number
  readonly concurrency: number
  /** Whether the sender uses TLS where it is offered. */
  readonly tls: boolean
  /** Which of the variants of Postfix takes the mail. */
  readonly variant?: string
  /** How long to wait for the sender. */
  readonly seconds: number
}

export interface Sent {
  /** Recipients by what the sender has logged of them; one that was deferred and then sent counts as both. */
  readonly sent: number
  readonly deferred: number
  readonly bounced: number
  /** Messages that the receiving Postfix has in its queue. */
  readonly arrived: number
  /** Sessions by where the gateway has handed them off. */
  readonly handOffs: ReadonlyMap<string, number>
  /** The first reasons of what was not sent. */
  readonly reasons: readonly string[]
}

export async function sendThroughGateway(options: SendingOptions): Promise<Sent> {
  const receiver = await startHoldingPostfix()
  const spec = { ...sameSessionSpec, listen: { proxyProtocol: { mode: 'Required' } } }
  const gateway = await startSameSessionGateway([portOf(receiver, options.variant ?? 'plain')], { spec, logFormat: 'json' })
  const proxy = await startNamingProxy(gateway.port)
  const sender = await startSender(proxy.port, options)
  try {
    await untilKeywordsKnown(gateway)
    const { messages, recipients, concurrency } = options
    const many = ['-s', String(concurrency), '-m', String(messages), '-r', String(recipients), '-l', '3000']
    const addresses = ['-f', 'sender@sender.example', '-t', 'user@example.test', `127.0.0.1:${sender.ports.get('smtpd')}`]
    await run('smtp-source', [...many, ...addresses])
    return await counted(options, { sender, receiver, gateway })
  } finally {
    await sender.stop()
    proxy.stop()
    await gateway.stop()
    await receiver.stop()
  }
}

function startSender(gatewayPort: number, { concurrency, tls }: SendingOptions): Promise<Postfix> {
  return startPostfix({
    mainCf: {
      myhostname: 'sender.example',
      mydestination: '',
      mynetworks: '127.0.0.0/8',
      relayhost: `[127.0.0.1]:${gatewayPort}`,
      disable_dns_lookups: 'yes',
      smtp_tls_security_level: tls ? 'may' : 'none',
      default_destination_concurrency_limit: String(concurrency),
      initial_destination_concurrency: String(concurrency),
      // A session for each message.
      smtp_connection_cache_on_demand: 'no',
      minimal_backoff_time: '1s',
      maximal_backoff_time: '2s',
      queue_run_delay: '1s',
    },
  })
}

interface NamingProxy {
  readonly port: number
  stop(): void
}

/** Connects clients to the gateway, each under another address. */
async function startNamingProxy(gatewayPort: number): Promise<NamingProxy> {
  let clients = 0
  const server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    const gateway = connect({ port: gatewayPort, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
    gateway.write(writeProxyHeader('V2', { address: addressOfRun(clients++), port: 2525 }, { address: '127.0.0.1', port: 25 }))
    socket.on('error', () => gateway.destroy()).pipe(gateway)
    gateway.on('error', () => socket.destroy()).pipe(socket)
  }).listen({ port: 0, host: '127.0.0.1', backlog: 1024 })
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, stop: () => server.close() }
}

interface Parties {
  readonly sender: Postfix
  readonly receiver: Postfix
  readonly gateway: GatewayProcess
}

/** Waits until the sender has sent or returned everything, or for so many seconds. */
async function counted({ messages, recipients, seconds }: SendingOptions, { sender, receiver, gateway }: Parties): Promise<Sent> {
  const outcomes = (status: string): string[] =>
    sender.log.lines().flatMap(({ text }) => (text.includes(` status=${status} `) && text.includes('to=<') ? [text] : []))
  for (const end = performance.now() + seconds * 1000; performance.now() < end; await sleep(100)) {
    if (outcomes('sent').length + outcomes('bounced').length >= messages * recipients) break
  }
  const arrived = receiver.log.lines().filter(({ text }) => /^\w+: hold: .* from=<sender@sender\.example> /.test(text)).length
  const handOffs = new Map<string, number>()
  for (const [, at = ''] of gateway.output().matchAll(/"event":"HANDED OFF".*?"at":"([^"]*)"/g))
    handOffs.set(at, (handOffs.get(at) ?? 0) + 1)
  return {
    sent: outcomes('sent').length,
    deferred: outcomes('deferred').length,
    bounced: outcomes('bounced').length,
    arrived,
    handOffs,
    reasons: [...outcomes('bounced'), ...outcomes('deferred')].slice(0, 5),
  }
}
