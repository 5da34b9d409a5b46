// Health checks of a whole gateway: which connections count as one, what they read, and that they have no other effect.
import assert from 'node:assert/strict'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { test, type TestContext } from 'node:test'
import { writeLocalProxyHeader, writeProxyHeader } from '../../../gateway/core/proxy-header.ts'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { type Client, startBackend, startClient } from '../../support/wire.ts'
import { until } from '../../support/until.ts'

const skip = unless('loopback')

const greeting = '220 mx.example.test ESMTP Postfix'
/** Sent to clients that are not probes. The greet wait is so long that no test sees its end. */
const teaser = '220-mx.example.test ESMTP Postfix'
const unavailable = '421 4.3.2 Service currently unavailable'

/** The load balancer checks from 127.82.1.0/24 and brings clients with a header. */
const behindProxy = {
  listen: { proxyProtocol: { mode: 'TrustedNetworks', trustedNetworks: ['127.82.0.0/16'], timeout: '5s' } },
  probes: { networks: ['127.82.1.0/24', '127.83.0.0/24'] },
}
const direct = { probes: { networks: ['127.82.1.0/24', '2001:db8::/32'] } }

interface House {
  readonly gateway: GatewayProcess
  /** How many questions its name server was asked. */
  readonly questions: () => number
}

/** It has found out that its mail server works: a moment after it listens. */
async function untilReady({ admin }: GatewayProcess): Promise<void> {
  for (const end = performance.now() + 60_000; (await fetch(`${admin}/readyz`)).status !== 200;)
    assert.ok(performance.now() < end, 'the gateway is not ready')
}

/** A gateway with a mail server, unless `more` names another, and a name server that counts. */
async function start(t: TestContext, more: object, ...flags: readonly string[]): Promise<House> {
  const backend = await startBackend()
  t.after(() => backend.close())
  let questions = 0
  const dns = createSocket('udp4').on('message', () => questions++)
  dns.bind(0, '127.0.0.1')
  await once(dns, 'listening')
  t.after(() => dns.close())
  const gateway = await startGatewayProcess({
    spec: {
      hostname: 'mx.example.test',
      greet: { action: 'Drop', wait: '60s', stressWait: '60s' },
      dnsbl: { action: 'Drop', sites: [{ domain: 'bl.test' }] },
      allowlist: { cleanupInterval: '0s' },
      backend: { addresses: [backend.address], proxyProtocol: 'None', holdTime: '0s' },
      ...more,
    },
    flags: ['--resolver', `127.0.0.1:${dns.address().port}`, ...flags],
    logFormat: 'json',
    until: '"msg":"listening on ',
  })
  t.after(() => gateway.stop())
  if (!('backend' in more)) await untilReady(gateway)
  return { gateway, questions: () => questions }
}

async function connect(t: TestContext, { port }: { readonly port: number }, from: string, header?: Uint8Array): Promise<Client> {
  const client = await startClient(port, from)
  t.after(() => client.end())
  if (header !== undefined) client.write(Buffer.from(header).toString('latin1'))
  return client
}

/** Says what an SMTP check says, to its end. */
async function check(client: Client): Promise<void> {
  assert.equal(await client.line(), greeting)
  client.write('EHLO lb.example\r\n')
  for (let line = ''; !line.startsWith('250 '); line = await client.line());
  client.write('QUIT\r\n')
  assert.equal(await client.line(), '221 2.0.0 Bye')
  await assert.rejects(client.line(), /the connection has ended: ""/)
}

/** Values of metrics. */
async function metrics(gateway: GatewayProcess, ...names: readonly string[]): Promise<readonly string[]> {
  const lines = (await (await fetch(`${gateway.admin}/metrics`)).text()).split('\n')
  return names.map((name) => lines.find((line) => line.startsWith(`${name} `)) ?? `no ${name}`)
}

/** Everything in the log since it began to listen. */
const logged = (gateway: GatewayProcess): string => gateway.output().replace(/^[^]*"msg":"listening on [^\n]*\n/, '')

const ready = 'postscreen_probes_total{answer="ready"}'
const unready = 'postscreen_probes_total{answer="unready"}'

interface Visit {
  readonly what: string
  readonly spec: object
  readonly from: string
  readonly header?: Uint8Array
}

const server = { address: '127.0.0.1', port: 25 }
const forClient = (address: string): Uint8Array => writeProxyHeader('V2', { address, port: 4711 }, server)

/** Of command PROXY, with a TLV. */
const unspecHeader = Buffer.from('\r\n\r\n\0\r\nQUIT\n\x21\0\0\x04\x04\0\x01x', 'latin1')

const visits: readonly Visit[] = [
  { what: 'comes from an address in probes.networks', spec: direct, from: '127.82.1.7' },
  { what: 'has a PROXY header with an address in probes.networks', spec: behindProxy, from: '127.82.2.1', header: forClient('127.83.0.9') },
  { what: 'has a PROXY header that says LOCAL', spec: behindProxy, from: '127.82.2.1', header: writeLocalProxyHeader() },
  { what: 'has a PROXY header that says UNKNOWN', spec: behindProxy, from: '127.82.2.1', header: Buffer.from('PROXY UNKNOWN\r\n') },
  {
    what: 'has a PROXY header that says UNKNOWN, with addresses',
    spec: behindProxy,
    from: '127.82.2.1',
    header: Buffer.from('PROXY UNKNOWN 192.0.2.1 192.0.2.2 4711 25\r\n'),
  },
  { what: 'has a PROXY header of family UNSPEC', spec: behindProxy, from: '127.82.2.1', header: unspecHeader },
  { what: 'sends no PROXY header within its time limit, from an address in probes.networks', spec: behindProxy, from: '127.82.1.7' },
]

for (const { what, spec, from, header } of visits) {
  test(`a connection that ${what} is answered, and has no other effect`, { skip }, async (t) => {
    const { gateway, questions } = await start(t, spec)
    const client = await connect(t, gateway, from, header)
    await check(client)
    assert.equal(questions(), 0)
    assert.deepEqual(await metrics(gateway, ready, 'postscreen_connections_total', 'postscreen_allowlist_entries'), [
      `${ready} 1`,
      'postscreen_connections_total 0',
      'postscreen_allowlist_entries 0',
    ])
    assert.doesNotMatch(await (await fetch(`${gateway.admin}/status`)).text(), /"(header|early|smtp|closing)": ?[1-9]/)
    // What had been logged of it would stand above the next line.
    gateway.signal('SIGTERM')
    await gateway.exit
    assert.match(logged(gateway), /^[^\n]*"msg":"draining"/)
  })
}

test('a connection that must send a PROXY header and ends without a byte is not logged, from probes.networks only', { skip }, async (t) => {
  const { gateway } = await start(t, behindProxy)
  for (const end of [1, 2, 3]) (await connect(t, gateway, `127.82.1.${end}`)).end()
  const other = await connect(t, gateway, '127.82.2.2')
  other.end()
  await gateway.said('haproxy read: EOF')
  assert.match(logged(gateway), /^[^\n]*haproxy read: EOF[^\n]*\n$/)
  assert.deepEqual(await metrics(gateway, 'postscreen_connections_total'), ['postscreen_connections_total 0'])
})

test('a proxy in probes.networks that names a client brings a client', { skip }, async (t) => {
  const { gateway, questions } = await start(t, behindProxy)
  const client = await connect(t, gateway, '127.82.1.7', forClient('127.90.0.1'))
  assert.equal(await client.line(), teaser)
  await gateway.said('CONNECT from [127.90.0.1]:4711')
  await until(() => questions() > 0)
  const broken = await connect(t, gateway, '127.82.1.7')
  broken.write('EHLO me\r\n')
  assert.equal(await broken.line(), '421 4.3.2 No system resources', 'bytes that are not a header are refused there too')
})

test('all other clients are screened', { skip }, async (t) => {
  const { gateway } = await start(t, direct)
  const client = await connect(t, gateway, '127.82.2.1')
  assert.equal(await client.line(), teaser)
  assert.deepEqual(await metrics(gateway, 'postscreen_connections_total'), ['postscreen_connections_total 1'])
})

test('a changed list is in force for the next connection', { skip }, async (t) => {
  const { gateway } = await start(t, { probes: { networks: [] } })
  assert.equal(await (await connect(t, gateway, '127.82.1.1')).line(), teaser)
  const policy = readFileSync(gateway.policyFile, 'utf8')
  writeFileSync(gateway.policyFile, policy.replace('"networks":[]', '"networks":["127.82.1.0/24"]'))
  await gateway.said(/is in force[^]*is in force/)
  await check(await connect(t, gateway, '127.82.1.1'))
})

test('without a backend a probe reads 421, as long as /readyz says 503', { skip }, async (t) => {
  const { gateway } = await start(t, { ...direct, backend: { addresses: ['127.0.0.1:1'] } })
  assert.equal((await fetch(`${gateway.admin}/readyz`)).status, 503)
  const client = await connect(t, gateway, '127.82.1.7')
  assert.equal(await client.line(), unavailable)
  await assert.rejects(client.line(), /the connection has ended: ""/)
  assert.deepEqual(await metrics(gateway, unready), [`${unready} 1`])
})

test(
  'during --drain-delay a probe reads 421, so that load balancers use other gateways; clients are still accepted',
  { skip },
  async (t) => {
    const { gateway } = await start(t, direct, '--drain-delay', '8s', '--drain-timeout', '0s')
    gateway.signal('SIGTERM')
    await gateway.said('draining')
    assert.equal(await (await connect(t, gateway, '127.82.1.7')).line(), unavailable)
    assert.equal(await (await connect(t, gateway, '127.82.2.1')).line(), teaser)
    assert.equal(await gateway.exit, 0)
  },
)

test('the end of the gateway waits for no probe, and ends those that are there', { skip }, async (t) => {
  const { gateway } = await start(t, direct, '--drain-timeout', '1h')
  const probe = await connect(t, gateway, '127.82.1.7')
  assert.equal(await probe.line(), greeting)
  const began = performance.now()
  gateway.signal('SIGTERM')
  assert.equal(await gateway.exit, 0)
  await assert.rejects(probe.line(), /the connection has ended: ""/)
  assert.ok(performance.now() - began < 60_000)
})

for (const [what, spec, header, words] of [
  ['of probes.networks', direct, undefined, 'spec.probes.networks'],
  ['whose header says LOCAL', behindProxy, writeLocalProxyHeader(), 'names no client'],
  ['whose header says UNKNOWN', behindProxy, Buffer.from('PROXY UNKNOWN\r\n'), 'names no client'],
] as const) {
  test(`mail from an address ${what} stays with its sender, and the log says so once`, { skip }, async (t) => {
    const { gateway } = await start(t, spec)
    for (const end of [1, 2]) {
      const client = await connect(t, gateway, `127.82.1.${end}`, header)
      await client.line()
      client.write('MAIL FROM:<a@b.example>\r\n')
      assert.match(await client.line(), new RegExp(`^450 4\\.3\\.2 .*${words}`))
    }
    await gateway.said('mail is put off with 450')
    const lines = logged(gateway).split('\n').slice(0, -1)
    assert.equal(lines.length, 1, lines.join('\n'))
    const record = JSON.parse(lines[0] ?? '') as { level: string; msg: string; client: { address: string } }
    assert.deepEqual([record.level, record.client.address], ['warn', '127.82.1.1'])
    assert.ok(record.msg.includes(words))
  })
}

for (const [format, words] of [
  ['json', /"level":"debug".*"event":"PROBE","client":\{"address":"127\.82\.1\.7","port":\d+\},"reason":"network","answer":"ready"/],
  ['postfix', /postfix\/postscreen\[\d+\]: probe from \[127\.82\.1\.7\]:\d+: ready\n/],
] as const) {
  test(`--log-level debug shows probes in the ${format} log`, { skip }, async (t) => {
    const backend = await startBackend()
    t.after(() => backend.close())
    const spec = { hostname: 'mx.example.test', ...direct, backend: { addresses: [backend.address], proxyProtocol: 'None' } }
    const gateway = await startGatewayProcess({ spec, logFormat: format, flags: ['--log-level', 'debug'] })
    t.after(() => gateway.stop())
    await untilReady(gateway)
    assert.equal(await (await connect(t, gateway, '127.82.1.7')).line(), greeting)
    await gateway.said(words)
  })
}

test('300 open connections of a load balancer do not prevent its next check, or that of another load balancer', { skip }, async (t) => {
  const { gateway } = await start(t, behindProxy)
  const other = await connect(t, gateway, '127.82.2.2', writeLocalProxyHeader())
  assert.equal(await other.line(), greeting)
  for (let i = 0; i < 300; i++) await (await connect(t, gateway, '127.82.2.1', writeLocalProxyHeader())).line()
  await check(await connect(t, gateway, '127.82.2.1', writeLocalProxyHeader()))
  other.write('QUIT\r\n')
  assert.equal(await other.line(), '221 2.0.0 Bye')
})
