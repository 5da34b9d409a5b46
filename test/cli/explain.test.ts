// `postscreen explain`: what it refuses, and what it says where nothing can be explained.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import http from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { explain } from '../../cli/explain.ts'
import { manifest } from '../peers/gateway.ts'

/** Runs the command in this process: its exit code, and what it prints as errors. */
async function run(t: TestContext, ...args: readonly string[]): Promise<{ readonly code: number; readonly err: string }> {
  let err = ''
  t.mock.method(console, 'error', (text: string) => (err += text))
  t.mock.method(process.stderr, 'write', (text: string) => {
    err += text
    return true
  })
  try {
    return { code: await explain(args), err }
  } finally {
    t.mock.restoreAll()
  }
}

function policyFile(t: TestContext, spec: object): string {
  const folder = mkdtempSync(join(tmpdir(), 'explain-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const file = join(folder, 'policy.yaml')
  writeFileSync(file, manifest(spec))
  return file
}

describe('wrong arguments end with 2 and say what is allowed:', () => {
  const wrong: readonly (readonly [args: readonly string[], want: RegExp])[] = [
    [[], /expected one ADDRESS, which must be an address, a network or a host name/],
    [['192.0.2.1', '192.0.2.2'], /expected one ADDRESS/],
    [['192.0.2.1/24'], /has address bits set beyond the prefix length; did you mean 192\.0\.2\.0\/24\?/],
    [['192.0.2.0/33'], /must be an address or a network/],
    [['not a name'], /must be an address, a network or a host name, such as/],
    [['-x', '192.0.2.1'], /Unknown option '-x'/],
    [
      ['192.0.2.1', '--policy', 'f', '--gateway', 'http://127.0.0.1:1'],
      /expected one of --gateway URL, -n NAMESPACE --policy-name NAME, --policy FILE, not --gateway and --policy/,
    ],
    [['192.0.2.1', '--data-dir', 'd'], /--data-dir can be used only with --policy/],
    [['192.0.2.1', '-n', 'mail', '--gateway', 'http://127.0.0.1:1'], /--gateway cannot be used with -n, -A, --policy-name, --context or/],
    [['192.0.2.1', '--policy-name', 'mx', '--policy', 'f'], /--policy cannot be used with -n, -A, --policy-name, --context or/],
    [['192.0.2.1', '-n', 'mail', '-A'], /expected one of --namespace and --all-namespaces/],
    [['192.0.2.1', '-o', 'xml'], /--output must be one of text, wide, json, yaml, not "xml"/],
    [['192.0.2.1', '--server', 'mx'], /--server "mx": must be an address such as 192\.0\.2\.1/],
    [['192.0.2.1', '--gateway', '127.0.0.1:2580'], /must be the URL of an admin server such as http:\/\/127\.0\.0\.1:2580/],
    [['192.0.2.1', '--policy', 'f', '--resolver', 'x'], /--resolver "x": /],
  ]
  for (const [args, want] of wrong)
    test(args.join(' ') || 'none', async (t) => {
      const { code, err } = await run(t, ...args)
      assert.equal(code, 2)
      assert.match(err, want)
    })
})

describe('what cannot be explained ends with 1 and says why:', () => {
  test('a gateway that does not run', async (t) => {
    const { code, err } = await run(t, '192.0.2.1', '--gateway', 'http://127.0.0.1:1')
    assert.equal(code, 1)
    assert.match(err, /http:\/\/127\.0\.0\.1:1: cannot be asked: .*ECONNREFUSED/)
  })
  test('a policy that is not valid', async (t) => {
    const { code, err } = await run(t, '192.0.2.1', '--policy', policyFile(t, { mode: 'Off' }))
    assert.equal(code, 1)
    assert.match(err, /policy\.yaml: spec\.mode: must be one of Enforce, Audit/)
  })
  test('a name without an address', async (t) => {
    const { code, err } = await run(t, 'no-such-host.invalid')
    assert.equal(code, 1)
    assert.match(err, /no-such-host\.invalid has no address/)
  })
  for (const [what, body] of [
    ['another program', 'hello'],
    ['a page of another form', '{"version":"1","policy":{},"recent":{"sessions":[]},"unhealthyLists":[],"address":{"verdict":1}}'],
  ] as const)
    test(`the answer of ${what}`, async (t) => {
      const server = http.createServer((_, response) => response.end(body)).listen(0, '127.0.0.1')
      t.after(() => server.close())
      await once(server, 'listening')
      const { code, err } = await run(t, '192.0.2.1', '--gateway', `http://127.0.0.1:${(server.address() as AddressInfo).port}`)
      assert.equal(code, 1)
      assert.match(err, /does not answer like a gateway of this version/)
    })
})
