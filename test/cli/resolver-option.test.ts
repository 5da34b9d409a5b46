// --resolver is the same option in every command that has it: what it accepts, what it refuses, and its help.
import assert from 'node:assert/strict'
import { describe, test, type TestContext } from 'node:test'
import { commands } from '../../cli/commands.ts'
import type { LoadedCommand } from '../../cli/command.ts'
import { readResolverOption } from '../../cli/resolver-option.ts'
import { resolverWhy } from '../../crds/values/endpoint.ts'

/** The words that each command needs before it reads --resolver. */
const words: Readonly<Record<string, readonly string[]>> = {
  gateway: ['--policy', 'policy.yaml'],
  explain: ['192.0.2.1', '--policy', 'policy.yaml'],
  lists: ['check'],
  spf: ['example.com'],
}

const loaded = await Promise.all(Object.entries(commands).map(async ([name, { load }]) => [name, await load()] as const))
const withResolver = loaded.filter(([, { options }]) => 'resolver' in options)

async function run(t: TestContext, command: LoadedCommand, args: readonly string[]) {
  const out = t.mock.method(process.stdout, 'write', () => true)
  const err = t.mock.method(console, 'error', () => undefined)
  try {
    const code = await command.run(args)
    return { code, out: String(out.mock.calls[0]?.arguments[0]), err: String(err.mock.calls[0]?.arguments[0]) }
  } finally {
    t.mock.restoreAll()
  }
}

test('it is an option of the commands that ask DNS', () => {
  assert.deepEqual(withResolver.map(([name]) => name).toSorted(), Object.keys(words).toSorted())
})

for (const [name, command] of withResolver)
  describe(`postscreen ${name} --resolver`, () => {
    for (const wrong of ['dns.example', '192.0.2.53:0', '192.0.2.53,192.0.2.54', ''])
      test(`refuses ${JSON.stringify(wrong)} and says what is allowed`, async (t) => {
        const args = [...(words[name] ?? []), '--resolver', '192.0.2.53', '--resolver', wrong]
        const { code, err } = await run(t, command, args)
        assert.equal(code, 2)
        assert.equal(err, `postscreen ${name}: --resolver ${JSON.stringify(wrong)}: ${resolverWhy}\nTry: postscreen ${name} --help`)
      })

    test('has the same help', async (t) => {
      const { code, out } = await run(t, command, ['--help'])
      assert.equal(code, 0)
      assert.match(
        out,
        /^ {2}--resolver SERVER +(with --policy: )?a DNS server, as ADDRESS or ADDRESS:PORT; may be repeated\. Default: those of the policy, or of this machine$/m,
      )
      assert.doesNotMatch(out, /--resolver AD/)
    })
  })

test('it may be repeated, and without it the default is used', () => {
  const servers = [
    { address: '192.0.2.53', port: 53 },
    { address: '2001:db8::53', port: 5353 },
  ]
  assert.deepEqual(readResolverOption(['192.0.2.53', '[2001:db8::53]:5353']), { value: servers })
  assert.deepEqual(readResolverOption(), { value: [] })
})
