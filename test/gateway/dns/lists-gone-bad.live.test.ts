// A gateway with lists of a real rbldnsd that have gone bad: no bot gets through because of them, and no good client is refused.
import assert from 'node:assert/strict'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, describe, test } from 'node:test'
import { type GatewayProcess, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { untilHolds } from '../../support/until-holds.ts'
import { startClient } from '../../support/wire.ts'
import { type Rbldnsd, startRbldnsd, type Zone } from './rbldnsd.ts'

const skip = unless('rbldnsd')
const soa = '$SOA 300 ns.test hostmaster.test 0 600 300 86400 300'
const everything = (name: string, answer: string): Zone => ({ name, type: 'ip4trie', lines: [soa, `0.0.0.0/0 :${answer}:x`] })

/** The same wildcard as a block list, as an allow list, and in place of dnswl.org. */
const wildcards = ['127.0.1.255', '127.0.0.255', '127.0.10.3'] as const
const nameOf = (answer: string, kind: 'block' | 'allow'): string => `${kind}-${answer.replaceAll('.', '-')}.test`

const zones: readonly Zone[] = [
  { name: 'good.test', type: 'ip4set', lines: [soa, ':127.0.0.2:x', '127.0.0.2', '127.9.1.0/24'] },
  ...wildcards.flatMap((answer) => (['block', 'allow'] as const).map((kind) => everything(nameOf(answer, kind), answer))),
  everything('list.dnswl.org', '127.0.10.3'),
  everything('parked.test', '203.0.113.80'),
  everything('limit.test', '127.255.255.255'),
]

interface Health {
  readonly list: string
  readonly state: string
  readonly reason: string | null
  readonly answer: string | null
  readonly advice: string | null
  readonly used: boolean
}

/** The first reply to a client, behind the teaser. */
async function greeted(gateway: GatewayProcess, client: string): Promise<string> {
  const connection = await startClient(gateway.port, client)
  for (;;) {
    const line = await connection.line()
    if (line.startsWith('220-')) continue
    connection.write('QUIT\r\n')
    return line
  }
}

/** The last number of a client's address, so that no client comes twice. */
let last = 1
const bot = (): string => `127.9.1.${last++}`
const goodClient = (): string => `127.9.2.${last++}`

for (const workers of [1, 2]) {
  describe(`a gateway of ${workers} ${workers === 1 ? 'process' : 'workers'} with lists that have gone bad`, { skip }, () => {
    let rbldnsd: Rbldnsd
    let gateway: GatewayProcess
    const folder = mkdtempSync(join(tmpdir(), 'lists-gone-bad-'))
    const health = async (): Promise<readonly Health[]> => {
      const page = (await (await fetch(`${gateway.admin}/status`)).json()) as { readonly dnsbl: { readonly lists: readonly Health[] } }
      return page.dnsbl.lists
    }

    before(async () => {
      rbldnsd = await startRbldnsd(zones)
      const sites = [
        { domain: 'good.test', weight: 3 },
        ...wildcards.flatMap((answer) => [
          { domain: nameOf(answer, 'block'), weight: 3 },
          { domain: nameOf(answer, 'allow'), weight: -4 },
        ]),
        { domain: 'list.dnswl.org', replies: '127.0.[0..255].[1..3]', weight: -8 },
        { domain: 'parked.test', weight: 3 },
        { domain: 'limit.test', weight: 3 },
      ]
      const spec = {
        hostname: 'mx.example.test',
        greet: { wait: '1s', action: 'Drop' },
        deepTests: { pipelining: { enabled: true } },
        dnsbl: { action: 'Drop', threshold: 3, allowThreshold: -1, selfTest: '3h', sites },
      }
      const flags = [
        '--resolver',
        `127.0.0.1:${rbldnsd.endpoint.port}`,
        ...(workers > 1 ? ['--workers', String(workers), '--data-dir', folder] : []),
      ]
      gateway = await startGatewayProcess({ spec, logFormat: 'json', flags })
      await untilHolds('all lists are tested', async () => (await health()).every(({ state }) => state !== 'unknown'))
    })
    after(async () => {
      await gateway.stop()
      await rbldnsd.stop()
      rmSync(folder, { recursive: true })
    })

    test('suspends each of them with its reason, and says what to do', async () => {
      const lists = await health()
      const reasons = Object.fromEntries(lists.map(({ list, state, reason }) => [list, `${state} ${reason ?? ''}`.trimEnd()]))
      assert.deepEqual(reasons, {
        'good.test': 'healthy',
        ...Object.fromEntries(
          wildcards.flatMap((answer) => (['block', 'allow'] as const).map((kind) => [nameOf(answer, kind), 'suspended ListsEverything'])),
        ),
        'list.dnswl.org': 'suspended OverLimitAnswersHigh',
        'parked.test': 'suspended NotADNSList',
        'limit.test': 'suspended QueryLimit',
      })
      for (const { state, answer, advice, used } of lists.filter((one) => one.state === 'suspended')) {
        assert.ok((answer ?? '') !== '' && (advice ?? '') !== '', state)
        assert.equal(used, false)
      }
    })

    test('refuses bots that the good list contains, although allow lists vouch for every client', async () => {
      const replies = await Promise.all(Array.from({ length: 6 }, () => greeted(gateway, bot())))
      for (const reply of replies) assert.match(reply, /^521 .*good\.test/)
    })

    test('refuses no good client, although block lists contain every address', async () => {
      const replies = await Promise.all(Array.from({ length: 6 }, () => greeted(gateway, goodClient())))
      for (const reply of replies) assert.match(reply, /^220 /)
    })

    test('shows it in metrics and log, once for each list', async () => {
      const metrics = await (await fetch(`${gateway.admin}/metrics`)).text()
      assert.match(metrics, /^postscreen_dnsbl_list_unhealthy\{zone_id="limit\.test",reason="QueryLimit"\} 1$/m)
      assert.doesNotMatch(metrics, /^postscreen_dnsbl_list_unhealthy\{zone_id="good\.test"/m)
      assert.match(metrics, /^postscreen_dnsbl_list_failing\{zone_id="parked\.test"\} 1$/m)
      assert.match(metrics, /^postscreen_dnsbl_tests_total\{zone_id="good\.test",result="healthy"\} 1$/m)
      const lines = gateway
        .output()
        .split('\n')
        .filter((line) => line.includes('"DNS LIST UNHEALTHY"'))
      assert.equal(lines.length, 9, lines.join('\n'))
      const [limit = ''] = lines.filter((line) => line.includes('limit.test'))
      assert.match(
        limit,
        /DNS list limit\.test is not healthy: QueryLimit \(answer: 127\.255\.255\.255\): too many queries: use a DNS resolver/,
      )
    })
  })
}
