// Visits of health checks over real sockets: what they read, and the bounds of number, time and warnings.
import assert from 'node:assert/strict'
import { test, type TestContext } from 'node:test'
import { HealthChecks, type HealthChecksParts, checksAtMost, checksOfOneAtMost } from '../../../gateway/smtp/health-checks.ts'
import type { HealthCheckReason } from '../../../gateway/core/health-check.ts'
import { NodeSocket } from '../../../gateway/sockets/node-socket.ts'
import { rulesOf } from '../../support/core-session.ts'
import { dial, type End, endOf, type Listener, listen } from '../../support/tcp-ends.ts'
import { until } from '../../support/until.ts'

interface House {
  readonly listener: Listener
  readonly checks: HealthChecks
  readonly warnings: string[]
  readonly debug: string[]
  readonly counted: string[]
  /** The address of the next probe. */
  from: string
}

/** A listener that treats all clients as probes. */
async function open(t: TestContext, parts: Partial<HealthChecksParts> = {}, reason: HealthCheckReason = 'network'): Promise<House> {
  const warnings: string[] = []
  const debug: string[] = []
  const counted: string[] = []
  const rules = rulesOf({})
  const checks = new HealthChecks({
    rules: () => rules,
    isReady: () => true,
    log: { debug: (text) => void debug.push(text), sessionWarning: (_session, text) => void warnings.push(text) },
    counted: (answer) => void counted.push(answer),
    ...parts,
  })
  const listener = await listen((socket) =>
    checks.answer(new NodeSocket(socket.pause()), { client: { address: house.from, port: 1 }, reason, sessionId: 's' }),
  )
  t.after(() => listener.close())
  const house: House = { listener, checks, warnings, debug, counted, from: '192.0.2.1' }
  return house
}

const greeting = '220 mx.example.com ESMTP Postfix\r\n'

async function talk(t: TestContext, house: House, text: string): Promise<End> {
  const end = await dial(house.listener.port)
  t.after(() => end.socket.destroy())
  end.socket.write(text)
  return end
}

test('a probe is greeted at once, answered, counted, and mentioned for debugging only', async (t) => {
  const house = await open(t)
  const end = await talk(t, house, '')
  await end.until((text) => text === greeting)
  end.socket.write('EHLO lb\r\nNOOP\r\n')
  await end.until((text) => text.endsWith('250 2.0.0 Ok\r\n'))
  end.socket.end('QUIT\r\n')
  const { how, text } = await end.ended()
  assert.equal(how, 'FIN')
  assert.match(text, /\r\n221 2\.0\.0 Bye\r\n$/)
  await until(() => house.checks.size === 0)
  assert.deepEqual([house.counted, house.warnings, house.debug], [['ready'], [], ['probe from [192.0.2.1]:1: ready']])
})

test('while the gateway is not ready a probe reads 421 and the end', async (t) => {
  const house = await open(t, { isReady: () => false })
  const end = await talk(t, house, '')
  assert.deepEqual(await end.ended(), { how: 'FIN', text: '421 4.3.2 Service currently unavailable\r\n' })
  end.socket.end()
  await until(() => house.checks.size === 0)
  assert.deepEqual([house.counted, house.warnings], [['unready'], []])
})

test('a probe that ends its side without a byte is closed, and so is one that resets', async (t) => {
  const house = await open(t)
  const polite = await talk(t, house, '')
  polite.socket.end()
  assert.deepEqual(await polite.ended(), { how: 'FIN', text: greeting })
  const rude = await talk(t, house, 'EHL')
  rude.socket.resetAndDestroy()
  await until(() => house.checks.size === 0)
  assert.deepEqual(house.warnings, [])
})

test('a probe that stays is told so at the time limit', async (t) => {
  const house = await open(t, { timeLimitMs: 30 })
  const end = await talk(t, house, 'NOO')
  assert.deepEqual(await end.ended(), { how: 'FIN', text: `${greeting}421 4.4.2 mx.example.com Error: timeout exceeded\r\n` })
})

test('a probe that has its last reply and stays is cut', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] })
  const house = await open(t)
  const end = await talk(t, house, 'QUIT\r\n')
  await end.ended()
  t.mock.timers.tick(1999)
  await new Promise(setImmediate)
  assert.equal(house.checks.size, 1)
  t.mock.timers.tick(1)
  await until(() => house.checks.size === 0)
})

/** Opens that many, one after another, all of which stay; each address has `each` of them. */
async function crowd(t: TestContext, house: House, size: number, each: number): Promise<End[]> {
  const ends: End[] = []
  for (let i = 0; i < size; i++) {
    house.from = `192.0.2.${Math.floor(i / each)}`
    const end = await talk(t, house, '')
    await end.until((text) => text === greeting)
    ends.push(end)
  }
  return ends
}

const gaveWay = `${greeting}421 mx.example.com Service unavailable - try again later\r\n`

test('of too many probes from one address the oldest is closed, with a reply that says so', async (t) => {
  const house = await open(t)
  const ends = await crowd(t, house, checksOfOneAtMost, checksOfOneAtMost)
  const next = await talk(t, house, '')
  await next.until((text) => text === greeting)
  assert.equal((await ends[0]?.ended())?.text, gaveWay)
  assert.equal(house.checks.size, checksOfOneAtMost)
  assert.match(house.debug.at(-2) ?? '', /there are too many$/)
  ends[1]?.socket.write('NOOP\r\n')
  await ends[1]?.until((text) => text.endsWith('250 2.0.0 Ok\r\n'))
})

test('of too many probes in all the oldest is closed, whatever the address of the next one', async (t) => {
  const house = await open(t)
  const ends = await crowd(t, house, checksAtMost, checksOfOneAtMost - 1)
  house.from = '198.51.100.1'
  const next = await talk(t, house, '')
  await next.until((text) => text === greeting)
  assert.equal((await ends[0]?.ended())?.text, gaveWay)
  assert.deepEqual([house.checks.size, house.warnings], [checksAtMost, []])
})

test('the end of the gateway ends all of them', async (t) => {
  const house = await open(t)
  const ends = await Promise.all([talk(t, house, ''), talk(t, house, 'NOOP\r\n')])
  await Promise.all(ends.map(async (end) => await end.until((text) => text.startsWith(greeting))))
  house.checks.close()
  await Promise.all(ends.map(async (end) => await end.ended()))
  await until(() => house.checks.size === 0)
})

test('mail from a probe gets a temporary error and a warning once a minute, with advice', async (t) => {
  let now = 0
  const house = await open(t, { now: () => now })
  const offer = async (): Promise<void> => {
    const end = await talk(t, house, 'EHLO c\r\nMAIL FROM:<a@b.example>\r\nMAIL FROM:<a@b.example>\r\n')
    await end.until((text) => /(450 4\.3\.2 [^\n]+\n){2}$/.test(text))
    end.socket.destroy()
  }
  const want = [
    'mail is put off with 450, for it comes from an address in spec.probes.networks: name only addresses there that no client has: [192.0.2.1]:1',
  ]
  await offer()
  await offer()
  now = 59_999
  await offer()
  assert.deepEqual(house.warnings, want)
  now = 60_000
  await offer()
  assert.deepEqual(house.warnings, [...want, ...want])
})

test('an exception in the gateway ends only this connection', async (t) => {
  const broken = { ...rulesOf({}) }
  Object.defineProperty(broken, 'smtp', { get: () => assert.fail('broken') })
  const house = await open(t, { rules: () => broken })
  const end = await talk(t, house, 'EHLO c\r\n')
  await end.ended()
  assert.match(house.warnings.join(), /^internal error: AssertionError/)
  assert.equal(endOf(end.socket).text(), '')
  await until(() => house.checks.size === 0)
})
