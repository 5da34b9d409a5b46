// A client that the temporary allowlist knows: how long until it reads 220, beside a direct connection to the same smtpd.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLmdbAllowlist } from '../../../gateway/allowlist/allowlist-lmdb.ts'
import { keepProcessorsAwake } from '../../laboratory/awake-processors.ts'
import { loopbackAddress } from '../../laboratory/clients.ts'
import { startPostfix } from '../../peers/postfix.ts'
import { recordFor } from '../../support/shared-store.ts'
import { type BenchCase, scaled } from '../bench-case.ts'
import { greetingRound } from '../greeting-round.ts'
import { gatewayServer } from '../servers.ts'
import { gatewayCode } from '../code-paths.ts'

const known = 250
const hour = 3600
const address = (index: number): string => loopbackAddress(73, index % known)

async function rememberAll(directory: string, record: string): Promise<void> {
  const store = await openLmdbAllowlist({ directory, warn: () => undefined })
  for (let index = 0; index < known; index++) store.put(address(index), record)
  await store.flush()
  await store.close()
}

const over = (how: 'difference') => ({ peer: 'direct', how }) as const

export const greeting: BenchCase = {
  name: 'greeting',
  what: 'Client on the allowlist: time until the 220 greeting, compared with a direct connection',
  needs: ['postfix'],
  measures: gatewayCode,
  figures: {
    p50: { label: 'p50', unit: 'ms', digits: 2 },
    p99: { label: 'p99', unit: 'ms', digits: 2 },
    failed: { label: 'not greeted', unit: '', digits: 0 },
  },
  goals: [
    { text: '≤ 0.15 ms p50', figure: 'p50', of: 'gateway', beside: over('difference'), bound: 'at most', value: 0.15 },
    { text: '≤ 1 ms p99', figure: 'p99', of: 'gateway', beside: over('difference'), bound: 'at most', value: 1 },
    {
      text: "(postscreen's p50)",
      figure: 'p50',
      of: 'postscreen',
      beside: over('difference'),
      bound: 'at most',
      value: Number.POSITIVE_INFINITY,
    },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 1,
  start: async (setting) => {
    // Pregreet was passed; the other tests are disabled.
    const record = recordFor(hour, hour, hour, hour, hour)
    const directory = mkdtempSync(join(tmpdir(), 'greeting-'))
    await rememberAll(directory, record)
    const remembered = Object.fromEntries(Array.from({ length: known }, (_, index) => [address(index), record]))
    const mainCf = { postscreen_greet_action: 'drop', postscreen_greet_wait: '2s' }
    const postfix = await startPostfix({ screens: [{ name: 'greeting', mainCf, remembered }] })
    const flags = ['--backend', `127.0.0.1:${postfix.ports.get('smtpd-proxy')}`, '--data-dir', directory]
    // Clients come faster than backend.connectRate allows by default, and would wait for that.
    const gateway = await gatewayServer(setting, {
      spec: { greet: { action: 'Drop', wait: '2s' }, backend: { addresses: ['127.0.0.1:1'], connectRate: 0 } },
      flags,
    })
    const sessions = scaled(2000, setting)
    const letSleep = keepProcessorsAwake()
    const contender = (name: string, port: number) => ({ name, round: () => greetingRound(port, sessions, address) })
    return {
      contenders: [
        contender('gateway', gateway.port),
        contender('direct', postfix.ports.get('smtpd') ?? 0),
        contender('postscreen', postfix.ports.get('greeting') ?? 0),
      ],
      stop: async () => {
        letSleep()
        await Promise.all([gateway.stop(), postfix.stop()])
        rmSync(directory, { recursive: true })
      },
    }
  },
}
