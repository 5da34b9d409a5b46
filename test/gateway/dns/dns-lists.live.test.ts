// What /metrics, /status and the log of a gateway show of DNS lists that answer with error codes, wrongly or not at all.
import assert from 'node:assert/strict'
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { startClient } from '../../support/wire.ts'
import { addressRecord, rawMessage } from './dns-raw.ts'
import { type Question, startStubServer } from './dns-server-stub.ts'
import { untilHolds } from '../../support/until-holds.ts'

const skip = unless('loopback')

interface Site {
  readonly lastOutcome: string
  readonly lastError?: string
  readonly failing: { readonly why: string } | null
  readonly [outcome: string]: unknown
}

async function start(t: TestContext, dnsbl: object, answer: (question: Question) => void) {
  const stub = await startStubServer(answer)
  t.after(() => stub.close())
  const { address, port } = stub.endpoint
  const spec = {
    hostname: 'mx.example.test',
    greet: { wait: '2s' },
    deepTests: { pipelining: { enabled: true } },
    dnsbl: { action: 'Enforce', timeout: '10s', ...dnsbl },
  }
  const gateway = await startGatewayProcess({ spec, logFormat: 'json', flags: ['--resolver', `${address}:${port}`] })
  t.after(() => gateway.stop())
  const page = async (name: string): Promise<string> => (await fetch(`${gateway.admin}/${name}`)).text()
  return {
    gateway,
    asked: stub.asked,
    /** So many clients at once, each of an address of its own, up to the greeting. */
    clients: (count: number) =>
      Promise.all(
        Array.from({ length: count }, async (_, i) => {
          const client = await startClient(gateway.port, `127.9.0.${i + 1}`)
          for (let line = ''; !line.startsWith('220 ');) line = await client.line()
          client.write('QUIT\r\n')
          await client.line()
        }),
      ),
    /** The counters of lists that are not 0, such as `queries_total error 1`. */
    counters: async (): Promise<readonly string[]> => {
      const found = (await page('metrics')).matchAll(
        /^postscreen_dnsbl_(queries_total|errors_total)\{zone_id="bl\.test",\w+="(\w+)"\} (\d+)$/gm,
      )
      return [...found].map(([, name, label, count]) => `${name} ${label} ${count}`).toSorted()
    },
    failing: async (): Promise<string | undefined> =>
      /^postscreen_dnsbl_list_failing\{zone_id="bl\.test"\} (\d)$/m.exec(await page('metrics'))?.[1],
    site: async (): Promise<Site | undefined> =>
      (JSON.parse(await page('status')) as { dnsbl: { sites: readonly Site[] } }).dnsbl.sites.find(({ site }) => site === 'bl.test'),
  }
}

const count = (log: string, text: string): number => log.split(text).length - 1

test(
  'a list that answers 127.255.255.254 to every query shows as error, not as listed, and has one line in the log',
  {
    skip,
  },
  async (t) => {
    const scene = await start(t, { sites: [{ domain: 'bl.test' }] }, (q) => q.reply({ addresses: ['127.255.255.254'] }))
    await scene.clients(5)
    assert.deepEqual(await scene.counters(), ['errors_total code 5', 'queries_total error 5'])
    const site = await scene.site()
    assert.deepEqual([site?.['listed'], site?.['error'], site?.lastOutcome], [0, 5, 'error'])
    assert.match(
      site?.failing?.why ?? '',
      /^127\.255\.255\.254: the list does not answer public DNS resolvers: use a DNS resolver of your own/,
    )
    assert.equal(await scene.failing(), '1')
    await scene.gateway.said('DNS list bl.test fails: 127.255.255.254')
    assert.equal(count(scene.gateway.output(), 'DNS LIST FAILS'), 1)
    assert.equal(count(scene.gateway.output(), 'DNSBL ANSWER'), 0)
  },
)

test('an answer outside the filter of the site shows as unweighted', { skip }, async (t) => {
  const scene = await start(t, { sites: [{ domain: 'bl.test', replies: '127.0.0.[2..9]' }] }, (q) => q.reply({ addresses: ['127.0.0.10'] }))
  await scene.clients(2)
  assert.deepEqual(await scene.counters(), ['queries_total unweighted 2'])
  assert.equal((await scene.site())?.lastOutcome, 'unweighted')
  assert.equal(await scene.failing(), '0')
})

test('a DNS answer whose A record has two bytes is an error of the kind malformed, not a listing', { skip }, async (t) => {
  const scene = await start(t, { sites: [{ domain: 'bl.test' }] }, (q) => {
    const answers = [{ data: Buffer.from([127, 0]) }, addressRecord('127.0.0.2', { owner: Buffer.from([1, 2, 0]) })]
    q.replyBytes(rawMessage(q.bytes, { answers }))
  })
  await scene.clients(3)
  assert.ok((await scene.counters()).every((line) => /(errors_total malformed|queries_total error|timeout) /.test(line)))
  assert.equal((await scene.site())?.['listed'], 0)
})

test('a dead list shows in metrics, status and log when its clients have waited, although dnsbl.timeout is longer', { skip }, async (t) => {
  const scene = await start(t, { sites: [{ domain: 'bl.test' }, { domain: 'well.test' }] }, (q) => {
    if (q.name.endsWith('.well.test')) q.reply({ rcode: 3 })
  })
  await scene.clients(10)
  assert.deepEqual(await scene.counters(), ['errors_total overdue 10', 'queries_total timeout 10'])
  await scene.gateway.said('DNS list bl.test fails: no answer within 2.')
  assert.equal(count(scene.gateway.output(), 'DNS LIST FAILS'), 1)
  assert.equal(await scene.failing(), '1')
  assert.match((await scene.site())?.failing?.why ?? '', /^no answer within 2\.\d s/)
})

test('a dead list shows although every client hangs up before it could have answered', { skip }, async (t) => {
  const scene = await start(t, { timeout: '1s', sites: [{ domain: 'bl.test' }] }, () => undefined)
  for (let i = 0; i < 5; i++) {
    const client = await startClient(scene.gateway.port, `127.9.1.${i + 1}`)
    await client.line()
    client.end()
  }
  await untilHolds('five timeouts are counted', async () => (await scene.counters()).includes('queries_total timeout 5'))
  await scene.gateway.said('DNS list bl.test fails')
})

test(
  'a list whose key is missing is left out and named, the others are asked, and it is asked again when the key appears',
  {
    skip,
  },
  async (t) => {
    const keySecret = { name: 'lists', key: 'dq' }
    const sites = [{ domain: 'bl.test' }, { domain: 'keyed.test', keySecret }, { domain: 'well.test' }]
    const scene = await start(t, { sites }, (q) => q.reply({ rcode: 3 }))
    const page = async (): Promise<{ ready: boolean; leftOut: readonly { path: string; why: string }[] }> =>
      (await (await fetch(`${scene.gateway.admin}/status`)).json()) as never
    const why =
      'Secret lists does not exist or has no key dq (there is no file secrets/lists/dq); the DNS list keyed.test is not asked without its key'
    await scene.clients(1)
    assert.deepEqual(new Set(scene.asked.map(({ name }) => name)), new Set(['1.0.9.127.bl.test', '1.0.9.127.well.test']))
    assert.deepEqual((await page()).leftOut, [{ path: 'spec.dnsbl.sites[1].keySecret', why }])
    await scene.gateway.said(`policy in force without a part: spec.dnsbl.sites[1].keySecret: ${why}`)
    assert.match(await (await fetch(`${scene.gateway.admin}/metrics`)).text(), /^postscreen_policy_parts_left_out 1$/m)

    const folder = join(scene.gateway.folder, 'secrets/lists')
    mkdirSync(folder, { recursive: true })
    writeFileSync(join(folder, 'dq'), 'thekey')
    await scene.gateway.said('policy in force with the part that was left out: spec.dnsbl.sites[1].keySecret')
    await scene.clients(2)
    assert.ok(scene.asked.some(({ name }) => name === '2.0.9.127.thekey.keyed.test'))
    assert.deepEqual((await page()).leftOut, [])

    rmSync(folder, { recursive: true })
    await untilHolds('the list is left out again', async () => (await page()).leftOut.length === 1)
    const before = scene.asked.length
    await scene.clients(3)
    assert.ok(scene.asked.slice(before).some(({ name }) => name.endsWith('.bl.test')))
    assert.ok(scene.asked.slice(before).every(({ name }) => !name.endsWith('.keyed.test')))
  },
)

test('a gateway whose only list has no key screens without DNS lists', { skip }, async (t) => {
  const scene = await start(t, { sites: [{ domain: 'keyed.test', keySecret: { name: 'lists', key: 'dq' } }] }, () => undefined)
  await scene.clients(1)
  assert.equal(scene.asked.length, 0)
})
