// CPU time for each session, the gateway beside its peers in the same run: `node test/bench/cost.ts [CASE…] [--rounds=N] [--log=json]`.
// Cases: pregreet (bots that talk early, 200 at once) and dnsbl (listed clients, three lists, 1,000 at once), both dropped, beside a real postscreen with
// all its processes; relay (4 KiB messages of permitted clients, 20 at once) beside HAProxy. Rounds alternate. Needs root, Postfix, rbldnsd, HAProxy.
//
// The load comes from this process, whose own CPU time for each session is printed too: it must be less than what it measures.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { type Crowd, loopbackAddress, visitAll } from '../load/clients.ts'
import { median, spread } from '../load/figures.ts'
import { gatewayFlags } from '../load/gateway-flags.ts'
import { type MailSink, startMailSink } from '../load/mail-sink.ts'
import { cpuMicros, cpuMicrosOfTree } from '../load/process-use.ts'
import { early, listed, lists, mail, mute } from '../load/scripts.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { freePorts } from '../peers/loopback.ts'
import { startPostfix } from '../peers/postfix.ts'
import { startRbldnsd } from '../peers/rbldnsd.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '5' }, log: { type: 'string', default: 'postfix' } },
})
const rounds = Number(values.rounds)
const logFormat = values.log === 'json' ? 'json' : 'postfix'

/** A server under load: where it listens and how much CPU time its processes have used. */
interface Server {
  readonly name: string
  readonly port: number
  readonly cpu: () => number
}

interface Case {
  readonly what: string
  readonly sessions: number
  readonly atOnce: number
  readonly client: Crowd['client']
  /** What a client has heard in the end when all is well. */
  readonly heard: RegExp
}

const cases = {
  pregreet: {
    what: 'pregreet bots, dropped',
    sessions: 20_000,
    atOnce: 200,
    client: (index: number) => ({ from: loopbackAddress(61, index), script: early }),
    heard: /^521 5\.5\.1 Protocol error/m,
  },
  dnsbl: {
    what: 'DNSBL-listed clients, three lists, dropped',
    sessions: 6000,
    atOnce: 1000,
    client: (index: number) => ({ from: listed(index), script: mute }),
    heard: /^521 .*blocked using/m,
  },
  relay: {
    what: 'messages of 4 KiB relayed',
    sessions: 8000,
    atOnce: 20,
    client: (index: number) => ({ from: loopbackAddress(70, index), script: mail(4096) }),
    heard: /^250 2\.0\.0 Ok: queued[^]*^221 /m,
  },
} satisfies Record<string, Case>

const spec = {
  greet: { action: 'Drop', wait: '2s', stressWait: '2s' },
  access: [{ action: 'Permit', cidrs: ['127.70.0.0/16'] }],
  limits: { connectionsPerClient: 0 },
}
const dnsbl = { action: 'Drop', threshold: 1, sites: lists.map((domain) => ({ domain })) }
const mainCf = {
  postscreen_greet_action: 'drop',
  postscreen_greet_wait: '2s',
  postscreen_pre_queue_limit: '10000',
  postscreen_post_queue_limit: '1000',
}
const mainCfDnsbl = { ...mainCf, postscreen_dnsbl_action: 'drop', postscreen_dnsbl_sites: lists.join(', ') }

interface Round {
  readonly micros: number
  readonly ownMicros: number
  readonly perSecond: number
  readonly wrong: number
}

async function measure(server: Server, { sessions, atOnce, client, heard }: Case): Promise<Round> {
  let wrong = 0
  const [before, ownBefore] = [server.cpu(), process.cpuUsage()]
  const ms = await visitAll({
    port: server.port,
    count: sessions,
    atOnce,
    client,
    patienceMs: 20_000,
    onVisit: (visit) => {
      if (!heard.test(visit.heard)) wrong++
    },
  })
  const own = process.cpuUsage(ownBefore)
  const micros = (server.cpu() - before) / sessions
  return { micros, ownMicros: (own.user + own.system) / sessions, perSecond: (sessions / ms) * 1000, wrong }
}

/** Rounds of each server in turn, after one that does not count. */
async function compare(one: Case, servers: readonly Server[]): Promise<void> {
  const results = servers.map((): Round[] => [])
  for (let round = 0; round <= rounds; round++) {
    for (const [index, server] of servers.entries()) {
      const result = await measure(server, one)
      if (round > 0) results[index]?.push(result)
    }
  }
  console.log(`${one.what} (${one.sessions} sessions a round, ${one.atOnce} at once, ${rounds} rounds; min/median/max)`)
  for (const [index, { name }] of servers.entries()) {
    const of = (key: keyof Round): number[] => results[index]?.map((round) => round[key]) ?? []
    const ratio = median(of('micros')) / median(results[1]?.map(({ micros }) => micros) ?? [])
    console.log(
      `  ${name.padEnd(11)} ${spread(of('micros'))} µs of CPU each, ratio ${ratio.toFixed(2)}; ${spread(of('perSecond'))} a second; ` +
        `clients used ${spread(of('ownMicros'))} µs each; not as expected: ${of('wrong').reduce((sum, count) => sum + count, 0)}`,
    )
  }
}

async function startHaproxy(sink: MailSink): Promise<{ server: Server; child: ChildProcess }> {
  const [port = 0] = await freePorts(1)
  const folder = mkdtempSync(join(tmpdir(), 'haproxy-'))
  const file = join(folder, 'haproxy.cfg')
  const limits = 'timeout connect 5s\n timeout client 60s\n timeout server 60s'
  const listen = `listen l\n bind 127.0.0.1:${port}\n server s 127.0.0.1:${sink.port} send-proxy-v2\n`
  writeFileSync(file, `global\n nbthread 1\ndefaults\n mode tcp\n ${limits}\n${listen}`)
  const child = spawn('haproxy', ['-db', '-f', file], { stdio: 'ignore' })
  child.on('exit', () => rmSync(folder, { recursive: true }))
  for (let open = false; !open; ) {
    const socket = connect(port, '127.0.0.1')
    open = await once(socket, 'connect').then(
      () => true,
      () => false,
    )
    socket.destroy()
  }
  return { child, server: { name: 'HAProxy', port, cpu: () => cpuMicros(child.pid ?? 0) } }
}

const wanted = (name: string): boolean => positionals.length === 0 || positionals.includes(name)
const rbldnsd = await startRbldnsd()
const sink = await startMailSink('header')
const flags = ['--backend', `127.0.0.1:${sink.port}`, '--resolver', `${rbldnsd.address}:53`]
const startGateway = async (more: object): Promise<{ server: Server; stop: () => Promise<void> }> => {
  const { pid, port, stop } = await startGatewayProcess({ spec: { ...spec, ...more }, flags, logFormat, nodeFlags: gatewayFlags })
  return { server: { name: 'gateway', port, cpu: () => cpuMicros(pid) }, stop }
}

if (wanted('pregreet') || wanted('dnsbl')) {
  const screens = [
    { name: 'pregreet', mainCf },
    { name: 'dnsbl', mainCf: mainCfDnsbl },
  ]
  const postfix = await startPostfix({ nameServer: rbldnsd.address, screens })
  const postscreen = (name: string): Server => ({
    name: 'postscreen',
    port: postfix.ports.get(name) ?? 0,
    cpu: () => cpuMicrosOfTree(postfix.folder),
  })
  for (const name of ['pregreet', 'dnsbl'] as const) {
    if (!wanted(name)) continue
    const gateway = await startGateway(name === 'dnsbl' ? { dnsbl } : {})
    await compare(cases[name], [gateway.server, postscreen(name)])
    await gateway.stop()
  }
  await postfix.stop()
}
if (wanted('relay')) {
  const gateway = await startGateway({})
  const haproxy = await startHaproxy(sink)
  await compare(cases.relay, [gateway.server, haproxy.server])
  haproxy.child.kill()
  await gateway.stop()
}
await rbldnsd.stop()
sink.stop()
process.exit()
