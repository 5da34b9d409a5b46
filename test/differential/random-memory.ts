// What the allowlists of both sides hold of clients before a campaign begins.

import { absoluteRecord } from '../support/relative-record.ts'
import { clientOf, repetitions } from './dialogue.ts'
import type { DialogueProfile } from './dialogue.ts'
import type { Random } from './random.ts'

/** Tests that were off, never passed, passed long ago or a moment ago; none is so near to now that it runs out meanwhile. */
const stamps = ['0', '1', '1', '+1h', '+20d', '+20d', '-1h', '-20d'] as const

/** Records of every third client, the same whenever its dialogue is repeated: address -> record of now. */
export function randomMemory(random: Random, { networks }: DialogueProfile, dialogues: number): Readonly<Record<string, string>> {
  const now = Math.floor(Date.now() / 1000)
  const records: Record<string, string> = {}
  for (let number = 0; number < dialogues; number++) {
    if (random.chance(2 / 3)) continue
    const relative = Array.from({ length: 5 }, () => random.pick(stamps)).join(';')
    const record = absoluteRecord(relative, now)
    for (const [, network] of networks)
      for (let again = 0; again <= repetitions; again++) records[clientOf(network, number, again)] = record
  }
  return records
}
