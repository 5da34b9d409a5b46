// A gateway that is started again: with lines in a table that do not parse, and into a policy that cannot be used.
import assert from 'node:assert/strict'
import { appendFileSync, chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type GatewayProcess, manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { runGateway } from '../../support/wire.ts'

const skip = unless('loopback')

interface Status {
  readonly ready: boolean
  readonly policy: {
    readonly hash: string
    readonly keptAt: string | null
    readonly skippedLines: readonly {
      readonly table: string
      readonly lines: number
      readonly first: readonly { readonly line: number }[]
    }[]
  } | null
  readonly refusedPolicy: { readonly problems: readonly { readonly path: string; readonly why: string }[] } | null
}

/** Once all workers run one policy. */
async function status({ admin }: GatewayProcess): Promise<Status> {
  for (const end = performance.now() + 30_000; ;) {
    const page = (await (await fetch(`${admin}/status`)).json()) as Status
    if (page.policy !== null || performance.now() > end) return page
  }
}
const metric = async ({ admin }: GatewayProcess, name: string): Promise<string | undefined> =>
  new RegExp(`^${name}(?:\\{[^}]*\\})? (\\S+)$`, 'm').exec(await (await fetch(`${admin}/metrics`)).text())?.[1]

interface Place {
  readonly policy: string
  readonly table: string
  readonly data: string
  start(...flags: string[]): Promise<GatewayProcess>
}

const withTable = manifest({ access: [{ table: { file: 't.cidr' } }], greet: { wait: '1s' } })

/** A folder with a policy, its table and a data directory that outlive gateways. */
function place(t: TestContext): Place {
  const folder = mkdtempSync(join(tmpdir(), 'last-good-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const [policy, table, data] = [join(folder, 'policy.yaml'), join(folder, 't.cidr'), join(folder, 'data')]
  writeFileSync(policy, withTable)
  writeFileSync(table, '192.0.2.1 permit\n')
  return {
    policy,
    table,
    data,
    async start(...flags) {
      const gateway = await startGatewayProcess({ spec: {}, flags: ['--policy', policy, '--data-dir', data, ...flags] })
      t.after(() => gateway.stop())
      return gateway
    },
  }
}

/** Starts a gateway and ends it gently, so that it has kept its policy. */
async function runOnce({ start }: Place, ...flags: string[]): Promise<Status> {
  const gateway = await start(...flags)
  const page = await status(gateway)
  gateway.signal('SIGTERM')
  assert.equal(await gateway.exit, 0, gateway.output())
  return page
}

test('a table line that does not parse is skipped, also at the start, and reported in log, status and metric', { skip }, async (t) => {
  const here = place(t)
  appendFileSync(here.table, `192.0.2.8/27 permit\n\u001b]0; x\n${'nonsense x\n'.repeat(20)}`)
  const gateway = await here.start('--backend', '127.0.0.1:1')
  await gateway.said(
    'access table t.cidr, line 2: non-null host address bits in "192.0.2.8/27", perhaps you should use "192.0.2.0/27" instead',
  )
  await gateway.said('access table t.cidr: skipping 12 more such lines')
  assert.doesNotMatch(gateway.output(), /\u001b|line 12:/)
  const [skipped] = (await status(gateway)).policy?.skippedLines ?? []
  assert.deepEqual([skipped?.table, skipped?.lines, skipped?.first.length], ['t.cidr', 22, 10])
  assert.equal(await metric(gateway, 'postscreen_access_table_skipped_lines'), '22')
  writeFileSync(here.table, '192.0.2.1 permit\n')
  gateway.signal('SIGHUP')
  await gateway.said(/is in force[^]*is in force/)
  assert.deepEqual((await status(gateway)).policy?.skippedLines, [])
  assert.equal(await metric(gateway, 'postscreen_access_table_skipped_lines'), undefined)
})

const breaks: readonly {
  readonly what: string
  readonly flags?: readonly string[]
  readonly make: (here: Place) => void
  readonly says: RegExp
}[] = [
  {
    what: 'a policy that is not valid',
    make: ({ policy }) => writeFileSync(policy, manifest({ greet: { wiat: '1s' } })),
    says: /policy refused, the last good one of \S+ is served from the data directory: spec\.greet\.wiat: unknown field/,
  },
  {
    what: 'a policy that is missing',
    make: ({ policy }) => rmSync(policy),
    says: /served from the data directory: manifest: cannot be read/,
  },
  {
    what: 'a table that is missing',
    make: ({ table }) => rmSync(table),
    says: /served from the data directory: spec\.access\[0\]\.table\.file: cannot be read/,
  },
  {
    what: 'a policy that requires TLS with a certificate that is missing',
    make: ({ policy }) =>
      writeFileSync(
        policy,
        manifest({
          tls: { level: 'Encrypt', certFile: 'none.pem', keyFile: 'none.key' },
          deepTests: { handoff: 'Reconnect' },
          greet: { wait: '1s' },
        }),
      ),
    says: /served from the data directory: spec\.tls\.certFile: cannot be read/,
  },
  {
    what: 'a policy that is not valid, with --await-policy',
    flags: ['--await-policy'],
    make: ({ policy }) => writeFileSync(policy, 'nonsense'),
    says: /policy refused, the last good one/,
  },
  {
    what: 'a policy that is not valid, with two workers',
    flags: ['--workers', '2'],
    make: ({ policy }) => writeFileSync(policy, 'nonsense'),
    says: /policy refused, the last good one/,
  },
]
for (const { what, flags = [], make, says } of breaks) {
  test(`a start into ${what} serves the last good policy with its table, and says so until it is corrected`, { skip }, async (t) => {
    const here = place(t)
    const before = await runOnce(here, ...flags)
    assert.equal(before.policy?.keptAt, null)
    make(here)
    const gateway = await here.start(...flags)
    await gateway.said(says)
    const during = await status(gateway)
    assert.equal(during.policy?.hash, before.policy.hash)
    assert.match(during.policy.keptAt ?? '', /^\d{4}-/)
    assert.notEqual(during.refusedPolicy, null)
    assert.equal(await metric(gateway, 'postscreen_policy_from_data_directory'), '1')
    writeFileSync(here.table, '192.0.2.1 permit\n')
    writeFileSync(here.policy, `${withTable}# mended\n`)
    await gateway.said(/policy refused[^]*is in force/)
    const end = performance.now() + 30_000
    while ((await status(gateway)).policy?.keptAt !== null && performance.now() < end) await gateway.said('listening on ')
    const after = await status(gateway)
    assert.deepEqual([after.policy?.keptAt, after.refusedPolicy], [null, null])
    assert.equal(await metric(gateway, 'postscreen_policy_from_data_directory'), '0')
  })
}

test('what is kept can be read by the user of the gateway only, and nothing unfinished is left beside it', { skip }, async (t) => {
  const here = place(t)
  await runOnce(here)
  assert.equal(statSync(join(here.data, 'last-good-policy')).mode & 0o777, 0o600)
  assert.deepEqual(
    readdirSync(here.data).filter((name) => name.startsWith('last-good')),
    ['last-good-policy'],
  )
})

const refuses = async (here: Place): Promise<string> => {
  const { code, output } = await runGateway(['--policy', here.policy, '--data-dir', here.data, '--listen', '127.0.0.1:0'])
  assert.equal(code, 1)
  return output
}

test('without a last good policy, or with a damaged one, a policy that is not valid ends the start', { skip }, async (t) => {
  const here = place(t)
  writeFileSync(here.policy, 'nonsense')
  assert.match(await refuses(here), /policy\.yaml: /)
  writeFileSync(here.policy, withTable)
  await runOnce(here)
  writeFileSync(here.policy, 'nonsense')
  const kept = join(here.data, 'last-good-policy')
  const bytes = readFileSync(kept)
  bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 1
  chmodSync(kept, 0o600)
  writeFileSync(kept, bytes)
  assert.match(await refuses(here), /the last good policy cannot be served: .*is damaged/)
})
