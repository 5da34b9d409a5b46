// A shared allowlist under test: the real store on a real server, with everything that it says and counts.
import type { TestContext } from 'node:test'
import { type StoreObserver, ValkeyAllowlist } from '../../gateway/allowlist/allowlist-valkey.ts'
import type { ValkeySettings } from '../../gateway/allowlist/valkey-settings.ts'
import type { Valkey } from '../peers/valkey.ts'

export interface StoreUnderTest {
  readonly store: ValkeyAllowlist
  /** `info: …` and `warning: …` */
  readonly lines: string[]
  readonly failures: string[]
  /** Seconds that were waited for each answer. */
  readonly waits: number[]
}

export interface StoreSetting extends Partial<ValkeySettings> {
  readonly timeoutMs?: number
  readonly retention?: number
  readonly files?: readonly string[]
  /** How long to wait for the first answer. */
  readonly readyMs?: number
  /** Instead of the fields above. */
  readonly settings?: () => ValkeySettings
}

/** Every test enabled. */
const enabled = [true, true, true, true, true]

const nodesOf = (servers: readonly Valkey[]) => servers.map(({ port }) => ({ address: '127.0.0.1', port }))

export function settingsFor(servers: readonly Valkey[], more: Partial<ValkeySettings> = {}): ValkeySettings {
  return { mode: 'Single', nodes: nodesOf(servers), masterName: '', database: 0, keyPrefix: 'postscreen:', ...more }
}

/** Opens the store and waits until it answers, where it does. The time limit is generous: a test machine may be busy. */
export async function openStore(t: TestContext, servers: readonly Valkey[], setting: StoreSetting = {}): Promise<StoreUnderTest> {
  const { timeoutMs = 1000, retention = 3600, files = [], readyMs = 30_000, settings, ...own } = setting
  const lines: string[] = []
  const failures: string[] = []
  const waits: number[] = []
  const observer: StoreObserver = { lookedUp: (seconds) => waits.push(seconds), failed: (reason) => failures.push(reason) }
  const store = new ValkeyAllowlist({
    name: 'valkey:test',
    settings: settings ?? (() => settingsFor(servers, own)),
    files,
    timeoutMs,
    rules: () => ({ retention, enabled }),
    observer,
    info: (text) => lines.push(`info: ${text}`),
    warn: (text) => lines.push(`warning: ${text}`),
  })
  t.after(() => store.close())
  await store.ready(readyMs)
  return { store, lines, failures, waits }
}

/** A record whose passes hold for so many seconds from now; 0 stays 0, for a test that was never passed. */
export function recordFor(...seconds: readonly [number, number, number, number, number]): string {
  const now = Math.floor(Date.now() / 1000)
  return seconds.map((each) => (each === 0 ? 0 : now + each)).join(';')
}
