// Which real mail servers pass the proof for which PROXY version, and what is said of those that do not.
import assert from 'node:assert/strict'
import type { Socket } from 'node:net'
import { after, before, describe, test, type TestContext } from 'node:test'
import type { BackendOptions } from '../../../gateway/backend/backend-options.ts'
import { Backends } from '../../../gateway/backend/backends.ts'
import type { ProxyVersion } from '../../../gateway/backend/backend-probe.ts'
import type { TargetStatus } from '../../../gateway/backend/backend-status.ts'
import { type Postfix, startPostfix } from '../../peers/postfix.ts'
import { unless } from '../../peers/require.ts'
import { listen } from '../../support/tcp-ends.ts'
import { endpointsOf } from '../../support/endpoints.ts'

const limits = { connectTimeoutMs: 20_000, greetingTimeoutMs: 60_000, refreshMs: 0, probeAfterMs: 30_000 }

/** What a probe makes of a port: its state and the reason. */
async function judged(
  t: TestContext,
  port: number,
  proxyProtocol: ProxyVersion,
  options: Partial<BackendOptions> = {},
): Promise<TargetStatus> {
  const changed = Promise.withResolvers<void>()
  const backends = new Backends({
    addresses: endpointsOf(`127.0.0.1:${port}`),
    proxyProtocol,
    ...limits,
    ...options,
    onChange: (_label, _from, to) => {
      if (to !== 'failing') changed.resolve()
    },
  })
  t.after(() => backends.close())
  backends.refresh()
  await changed.promise
  const status = backends.status()[0]?.addresses[0]
  assert.ok(status !== undefined)
  assert.equal(backends.take(new Set()) !== undefined, status.state === 'working', 'only one that works gets a client')
  return status
}

describe('a real Postfix', { skip: unless('postfix') }, () => {
  let postfix: Postfix

  before(async () => {
    postfix = await startPostfix({
      screens: [
        { name: 'screen', mainCf: { mynetworks: '192.168.99.0/24' } },
        { name: 'screen-proxy', mainCf: { postscreen_upstream_proxy_protocol: 'haproxy' } },
      ],
    })
  })
  after(async () => {
    await postfix.stop()
  })

  const good: readonly { port: string; version: ProxyVersion }[] = [
    { port: 'smtpd-proxy', version: 'V2' },
    { port: 'smtpd-proxy', version: 'V1' },
    { port: 'smtpd', version: 'None' },
  ]
  for (const { port, version } of good) {
    test(`is proven: ${port} with ${version}, without a warning in its log`, async (t) => {
      const from = postfix.log.lines().length
      const { state, lastError } = await judged(t, postfix.ports.get(port) ?? 0, version)
      assert.deepEqual([state, lastError], ['working', undefined])
      const said = postfix.log.lines().slice(from)
      assert.deepEqual(
        said.filter(({ text }) => /warning|lost connection|improper/.test(text)),
        [],
      )
    })
  }

  const bad: readonly { port: string; version: ProxyVersion; why: RegExp }[] = [
    {
      port: 'smtpd',
      version: 'V2',
      why: /^it does not read the PROXY header \(version 2\): set smtpd_upstream_proxy_protocol = haproxy .* \(said 500 5\.5\.2/,
    },
    { port: 'smtpd', version: 'V1', why: /^it does not read the PROXY header \(version 1\): .* or spec\.backend\.proxyProtocol: None/ },
    { port: 'smtpd-proxy', version: 'None', why: /^it expects a PROXY header: set spec\.backend\.proxyProtocol: V2/ },
    { port: 'screen-proxy', version: 'V2', why: /^it is a postscreen or a gateway/ },
    { port: 'screen-proxy', version: 'V1', why: /^it is a postscreen or a gateway/ },
    { port: 'screen', version: 'None', why: /^it is a postscreen or a gateway/ },
    { port: 'screen', version: 'V2', why: /^it (is a postscreen|does not)/ },
  ]
  for (const { port, version, why } of bad) {
    test(`is misconfigured: ${port} with ${version}`, async (t) => {
      const { state, lastError } = await judged(t, postfix.ports.get(port) ?? 0, version)
      assert.equal(state, 'misconfigured')
      assert.match(lastError ?? '', why)
    })
  }
})

/** Servers that are not SMTP servers, or not as the policy has them. */
const strangers: readonly { what: string; version: ProxyVersion; serve: (socket: Socket) => void; why: RegExp }[] = [
  {
    what: 'an SSH server',
    version: 'V2',
    serve: (socket) => void socket.write('SSH-2.0-OpenSSH_9\r\n'),
    why: /^it does not speak SMTP: it said SSH-2\.0-OpenSSH_9,/,
  },
  {
    what: 'an SSH server',
    version: 'None',
    serve: (socket) => void socket.write('SSH-2.0-OpenSSH_9\r\n'),
    why: /^it does not speak SMTP: it said SSH-2\.0-OpenSSH_9,/,
  },
  {
    what: 'a server of binary data',
    version: 'None',
    serve: (socket) => void socket.write(Buffer.concat([Buffer.alloc(5000, 7), Buffer.from('\n')])),
    why: /^it does not speak SMTP: it said \?/,
  },
  {
    what: 'a server that says 250 to every line, and thus to the header too',
    version: 'V1',
    serve: (socket) => {
      socket.write('220 sink\r\n')
      socket.on('data', (bytes) => void socket.write('250 Ok\r\n'.repeat(bytes.toString('latin1').split('\n').length - 1)))
    },
    why: /^it does not read the PROXY header \(version 1\): .* \(said 250 Ok/,
  },
  {
    what: 'a server that greets like Exim, for which a header is talk before the greeting',
    version: 'V2',
    serve: (socket) => {
      const timer = setTimeout(() => {
        socket.off('data', early).write('220 exim\r\n')
        socket.on('data', (bytes) => void (bytes.toString().startsWith('QUIT') ? socket.end('221 Bye\r\n') : socket.write('250 Ok\r\n')))
      }, 50)
      const early = (): void => {
        clearTimeout(timer)
        socket.end('554 SMTP synchronization error\r\n')
      }
      socket.on('data', early)
    },
    why: /^it does not read the PROXY header \(version 2\): .* \(said 554 SMTP synchronization error\)$/,
  },
  {
    what: 'a server that reads the header in version 1 only',
    version: 'V2',
    serve: (socket) => {
      let greeted = false
      socket.on('data', (bytes) => {
        const text = bytes.toString('latin1')
        if (greeted) return void (text.startsWith('QUIT') ? socket.end('221 Bye\r\n') : socket.write('250 Ok\r\n'))
        greeted = true
        if (text.startsWith('PROXY TCP')) socket.write('220 mx\r\n')
        else socket.destroy()
      })
    },
    why: /^it reads the PROXY header only in another version: set spec\.backend\.proxyProtocol: V1 /,
  },
]

for (const { what, version, serve, why } of strangers) {
  test(`${what} is misconfigured with ${version}`, async (t) => {
    const listener = await listen(serve)
    t.after(() => listener.close())
    const { state, lastError } = await judged(t, listener.port, version)
    assert.equal(state, 'misconfigured')
    assert.match(lastError ?? '', why)
  })
}

test('an address of the gateway itself is misconfigured, and is not even connected to', async (t) => {
  const listener = await listen(() => assert.fail('connected'))
  t.after(() => listener.close())
  const { state, lastError } = await judged(t, listener.port, 'V2', { isOwn: ({ port }) => port === listener.port })
  assert.equal(state, 'misconfigured')
  assert.match(lastError ?? '', /^it is an address of this gateway itself/)
})
