// The policy and the promise of a dialogue that says nothing else.
import { type EhloPromises, type OfferedKeywords, parseEhloReply } from '../../../gateway/core/ehlo-keywords-offered.ts'
import type { SpecFragment } from '../../support/core-session.ts'
import type { Dialogue } from './dialogue.ts'

/** All three tests are due, and nothing comes before the greeting. */
export const usualSpec: SpecFragment = {
  greet: { banner: '' },
  deepTests: {
    handoff: 'SameSession',
    pipelining: { enabled: true },
    nonSMTPCommand: { enabled: true },
    bareNewline: { enabled: true },
  },
}

const usualPromise = ['SIZE 10240000', 'STARTTLS', '8BITMIME', 'DSN', 'SMTPUTF8', 'CHUNKING']

/** What the gateway promises in a dialogue. */
export function promisesOf({ promised = usualPromise }: Pick<Dialogue, 'promised'>): EhloPromises {
  const promise: OfferedKeywords | undefined = promised === null ? undefined : parseEhloReply(['x', ...promised])
  return { promiseFor: () => promise }
}
