// The command line of the operator: what is wrong is said in one line, with exit code 2, before anything is started.
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { describe, test, type TestContext } from 'node:test'
import { fileURLToPath } from 'node:url'
import { operator } from '../../cli/operator.ts'

const enough = ['--gateway-image', 'postscreen:1', '--leader-elect', 'false']

interface Case {
  readonly args: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  readonly want: string
}

const cases: readonly Case[] = [
  { args: ['--nonsense'], want: "Unknown option '--nonsense'" },
  { args: ['policy.yaml'], want: "Unexpected argument 'policy.yaml'" },
  { args: [...enough, '--admin', '8080'], want: '--admin must be ADDR:PORT such as *:8080, not "8080"' },
  { args: [...enough, '--admin', 'localhost:8080'], want: '--admin must be ADDR:PORT such as *:8080, not "localhost:8080"' },
  { args: [...enough, '--admin', '*:70000'], want: '--admin must be ADDR:PORT such as *:8080, not "*:70000"' },
  { args: [...enough, '--admin', '1.2.3:8080'], want: '--admin must be ADDR:PORT such as *:8080, not "1.2.3:8080"' },
  { args: [...enough, '--leader-elect', 'yes'], want: '--leader-elect must be true or false, not "yes"' },
  { args: [...enough, '--resync', '0s'], want: '--resync must be a time from 1s to 24d such as 10m, not "0s"' },
  { args: [...enough, '--resync', 'often'], want: '--resync must be a time from 1s to 24d such as 10m, not "often"' },
  { args: [...enough, '--lease-duration', '2s'], want: '--lease-duration must be a time from 3s to 1h such as 60s, not "2s"' },
  { args: [...enough, '--lease-duration', '61m'], want: '--lease-duration must be a time from 3s to 1h such as 60s, not "61m"' },
  { args: [...enough, '--workers', '0'], want: '--workers must be a number from 1 to 99, not "0"' },
  { args: [...enough, '--workers', '100'], want: '--workers must be a number from 1 to 99, not "100"' },
  { args: [...enough, '--log-level', 'loud'], want: '--log-level must be one of debug, info, warn, error, not "loud"' },
  {
    args: [...enough, '--namespaces', 'mail,Mail'],
    want: '--namespaces must be a comma-separated list of namespaces; "Mail" is not a valid name',
  },
  {
    args: [...enough, '--namespaces', 'a/b'],
    want: '--namespaces must be a comma-separated list of namespaces; "a/b" is not a valid name',
  },
  {
    args: [...enough, '--log-level', `${'x'.repeat(200)}\u001b[31m`],
    want: `--log-level must be one of debug, info, warn, error, not "${'x'.repeat(100)}"`,
  },
  { args: [...enough, '--workers', '\u001b[31m'], want: '--workers must be a number from 1 to 99, not "\\u001b[31m"' },
  { args: [...enough, '--resync', '25d'], want: '--resync must be a time from 1s to 24d such as 10m, not "25d"' },
  { args: [...enough, '--pod-users', 'root'], want: '--pod-users must be one of auto, fixed, assigned' },
  { args: [...enough, '--metrics-from', '[{"pods":{}}]'], want: '--metrics-from must be a JSON list of NetworkPolicy peers' },
  { args: [...enough, '--metrics-from', 'monitoring'], want: '--metrics-from must be a JSON list of NetworkPolicy peers' },
  { args: [...enough, '--gateway-pull-secrets', 'a,B'], want: '--gateway-pull-secrets must be a comma-separated list of Secret names' },
  { args: [...enough, '--tenancy', 'closed'], want: '--tenancy must be open or restricted, not "closed"' },
  {
    args: [...enough, '--tenancy', 'restricted', '--tenant-name-prefix', ''],
    want: '--tenant-name-prefix must be a prefix of Secret names, such as postscreen-, not ""',
  },
  { args: [...enough, '--tenant-hosts', '10.0.0.0/24,10.0.0.1/24'], want: '--tenant-hosts: "10.0.0.1/24" must be an address, a network' },
  { args: ['--leader-elect', 'false'], want: 'expected the image of the gateways: --gateway-image IMAGE' },
  {
    args: ['--gateway-image', 'postscreen:1'],
    want: 'expected the namespace of the Lease: --lease-namespace NAME, or --leader-elect false',
  },
  {
    args: ['--gateway-image', 'postscreen:1', '--lease-namespace', 'Mail'],
    want: '--lease-namespace must be the name of a namespace, not "Mail"',
  },
  {
    args: ['--gateway-image', 'postscreen:1', '--lease-namespace', 'x', '--lease-name', 'a/b'],
    want: '--lease-name must be the name of a Lease, not "a/b"',
  },
]

/** Runs it with an environment that has nothing of a pod but what is given. */
async function run(t: TestContext, { args, env = {} }: Omit<Case, 'want'>): Promise<{ readonly code: number; readonly said: string }> {
  const said = t.mock.method(console, 'error', () => undefined)
  const clean = { POD_NAMESPACE: undefined, POD_NAME: undefined, GATEWAY_IMAGE: undefined, ...env }
  const before = { ...process.env }
  for (const [name, value] of Object.entries(clean)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
  try {
    const code = await operator(args)
    return { code, said: said.mock.calls.map(({ arguments: words }) => words.join(' ')).join('\n') }
  } finally {
    process.env = before
  }
}

describe('postscreen operator', () => {
  for (const { args, env, want } of cases) {
    test(`${args.map((arg) => JSON.stringify(arg.slice(0, 30))).join(' ')} is refused`, async (t) => {
      const { code, said } = await run(t, { args, ...(env !== undefined && { env }) })
      assert.equal(code, 2)
      assert.ok(said.startsWith(`postscreen operator: ${want}`), said)
      assert.match(said, /\nTry: postscreen operator --help$/)
    })
  }

  test('a missing kubeconfig is reported, with exit code 1', async (t) => {
    const { code, said } = await run(t, {
      args: [...enough, '--admin', '127.0.0.1:0', '--log-level', 'error', '--kubeconfig', '/nowhere/config'],
    })
    assert.equal(code, 1)
    assert.match(said, /^postscreen operator: [^\n]*\/nowhere\/config/)
  })

  test('its help names every flag, and the signals', () => {
    const entry = fileURLToPath(new URL('../../cli/postscreen.js', import.meta.url))
    const { status, stdout, stderr } = spawnSync(process.execPath, [entry, 'operator', '--help'], { encoding: 'utf8' })
    assert.deepEqual([status, stderr], [0, ''])
    const flags = [...stdout.matchAll(/^ {2}--([a-z-]+)/gm)].map(([, flag]) => flag)
    assert.deepEqual(flags, [
      'namespaces',
      'gateway-image',
      'gateway-pull-secrets',
      'pod-users',
      'metrics-from',
      'tenancy',
      'tenant-name-prefix',
      'tenant-hosts',
      'admin',
      'leader-elect',
      'lease-namespace',
      'lease-name',
      'lease-duration',
      'kubeconfig',
      'resync',
      'workers',
      'log-level',
      'help',
    ])
    assert.match(stdout, /SIGTERM/)
  })
})
