// A gateway that is started before its policy is there, as in a pod whose ConfigMap is still to be written.
import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import net from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { type GatewayProcess, manifest, startGatewayProcess } from '../../peers/gateway.ts'
import { unless } from '../../peers/require.ts'
import { runGateway, startClient } from '../../support/wire.ts'

const skip = unless('loopback')

interface Status {
  readonly ready: boolean
  readonly notReady: readonly string[]
  readonly listening: readonly string[]
  readonly policy: { readonly name: string; readonly hash: string; readonly generation: number | null } | null
  readonly refusedPolicy: {
    readonly at: string
    readonly hash: string | null
    readonly generation: number | null
    readonly problems: readonly { readonly path: string; readonly why: string }[]
    readonly furtherProblems: number
  } | null
}

const status = async ({ admin }: GatewayProcess): Promise<Status> => (await (await fetch(`${admin}/status`)).json()) as Status
const hashOf = (text: string): string => createHash('sha256').update(text).digest('hex')

async function start(t: TestContext, text: string | undefined): Promise<{ gateway: GatewayProcess; file: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'await-'))
  const file = join(folder, 'policy.yaml')
  if (text !== undefined) writeFileSync(file, text)
  const gateway = await startGatewayProcess({ spec: {}, flags: ['--policy', file, '--await-policy'], until: 'policy refused' })
  t.after(async () => {
    await gateway.stop()
    rmSync(folder, { recursive: true })
  })
  return { gateway, file }
}

const good = manifest({ greet: { wait: '1s' } })
const bad = manifest({ greet: { wiat: '1s' } }).replace('{name: mx}', '{name: mx, generation: 3}')

test('it says that there is no policy yet, and listens once there is one', { skip }, async (t) => {
  const { gateway, file } = await start(t, undefined)
  await gateway.said('policy refused, there is none yet: manifest: cannot be read: ENOENT')
  const ready = await fetch(`${gateway.admin}/readyz`)
  assert.deepEqual([ready.status, await ready.text()], [503, 'not ready: no policy yet\n'])
  assert.equal((await fetch(`${gateway.admin}/healthz`)).status, 200)
  assert.equal((await fetch(`${gateway.admin}/metrics`)).status, 200)
  const { policy, refusedPolicy, listening } = await status(gateway)
  assert.deepEqual([policy, listening, refusedPolicy?.hash, refusedPolicy?.generation], [null, [], null, null])
  writeFileSync(file, good)
  await gateway.said('listening on ')
  const client = await startClient(gateway.port, '127.82.0.1')
  assert.match(await client.line(), /^220-/)
  client.end()
  const later = await status(gateway)
  assert.deepEqual([later.policy?.hash, later.refusedPolicy], [hashOf(good), null])
})

test('it says which text was refused and why, before the first policy and behind it', { skip }, async (t) => {
  const { gateway, file } = await start(t, bad)
  const problem = { path: 'spec.greet.wiat', why: 'unknown field; did you mean `wait`?' }
  const { refusedPolicy } = await status(gateway)
  assert.ok(refusedPolicy !== null && !Number.isNaN(Date.parse(refusedPolicy.at)))
  assert.deepEqual({ ...refusedPolicy, at: '' }, { at: '', hash: hashOf(bad), generation: 3, problems: [problem], furtherProblems: 0 })
  writeFileSync(file, good)
  await gateway.said('listening on ')
  writeFileSync(file, bad)
  await gateway.said('policy refused, the last good one stays')
  const later = await status(gateway)
  assert.deepEqual([later.policy?.hash, later.refusedPolicy?.hash], [hashOf(good), hashOf(bad)])
})

test('it does not show thousands of problems', { skip }, async (t) => {
  const { gateway } = await start(
    t,
    manifest({ access: Array.from({ length: 5 }, () => ({ action: 'Permit', cidrs: Array.from({ length: 1000 }, () => 'x') })) }),
  )
  const { refusedPolicy } = await status(gateway)
  assert.deepEqual([refusedPolicy?.problems.length, refusedPolicy?.furtherProblems], [50, 4950])
  await gateway.said('manifest: has 4901 more problems')
  assert.equal(gateway.output().match(/spec\.access/g)?.length, 99)
})

test('SIGTERM ends it while it still waits', { skip }, async (t) => {
  const { gateway } = await start(t, undefined)
  gateway.signal('SIGTERM')
  assert.equal(await gateway.exit, 0)
})

test('a port in use ends it as soon as there is a policy, with code 1', { skip }, async (t) => {
  const taken = net.createServer()
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve))
  t.after(() => taken.close())
  const folder = mkdtempSync(join(tmpdir(), 'await-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, good)
  const listen = `127.0.0.1:${(taken.address() as net.AddressInfo).port}`
  const { code, output } = await runGateway(['--policy', file, '--await-policy', '--listen', listen, '--admin', '127.0.0.1:0'])
  assert.equal(code, 1, output)
  assert.match(output, /cannot listen on 127\.0\.0\.1:\d+: the port is in use/)
})
