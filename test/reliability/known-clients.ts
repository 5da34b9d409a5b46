// Fills a Valkey with clients that have passed every test lately, as if they had come for weeks.
import type { Valkey } from '../peers/valkey.ts'
import { recordFor } from '../support/shared-store.ts'
import { known, knownClients } from '../laboratory/mixed-clients.ts'

const script = `for i, key in ipairs(KEYS) do redis.call('set', key, ARGV[1]) end return #KEYS`
const atOnce = 1000
const day = 86_400

/** Writes a record for each of them, and overwrites existing records. */
export async function seedKnownClients(valkey: Valkey): Promise<void> {
  const record = recordFor(day, day, day, day, day)
  for (let first = 0; first < knownClients; first += atOnce) {
    const keys = Array.from({ length: atOnce }, (_, i) => `postscreen:${known(first + i)}`)
    await valkey.cli('eval', script, String(keys.length), ...keys, record)
  }
}
