// The configurations under which random dialogues are compared; their settings are in test/sessions/policies.

import type { DialogueProfile } from './dialogue.ts'
import { randomProxyHeader } from './proxy-headers.ts'

const plain = [[1, '127.50']] as const
/** Clients that no list, one light list, two lists or the allowlist knows. */
const listed = [
  [4, '127.50'],
  [2, '127.40'],
  [1, '127.41'],
  [1, '127.42'],
] as const
/** One for which a list answers an error code, which a filter leaves out. (Without a filter the gateway knows better than postscreen.) */
const listedOrError = [...listed, [1, '127.45']] as const

function quick(policy: string, more: Partial<DialogueProfile> = {}): DialogueProfile {
  return { policy, greetWait: false, tls: false, remembers: false, lineLengthLimit: 2048, networks: plain, ...more }
}

/** All configurations; in the first ones no client waits for a greeting. */
export const configurations: readonly DialogueProfile[] = [
  quick('quick-enforce'),
  quick('quick-drop'),
  quick('quick-ignore'),
  quick('quick-denied', {
    networks: [
      [2, '127.50'],
      [1, '127.51'],
      [1, '127.52'],
      [1, '127.53'],
    ],
  }),
  quick('quick-veto', { lineLengthLimit: 512 }),
  quick('quick-tls', { tls: true }),
  quick('quick-encrypt', { tls: true }),
  quick('early-enforce', { greetWait: true, networks: listedOrError }),
  quick('early-drop', { greetWait: true, networks: listedOrError }),
  quick('early-ignore', { greetWait: true, networks: listed }),
  quick('early-proxied', { greetWait: true, networks: listed, opening: randomProxyHeader }),
]
