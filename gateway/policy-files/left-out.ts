// Log lines about a policy that cannot be used as it is written: refused, or active without an optional part.
import type { Problem } from '../../crds/problems.ts'
import type { Log } from '../observability/log.ts'
import type { RefusedPolicy } from './loaded-policy.ts'

/** @param result the policy that is used instead, in words */
export function tellOfRefusal(log: Log, { problems, hash, generation }: RefusedPolicy, result: string): void {
  for (const { path, why } of problems) log.warning(`policy refused, ${result}: ${path}: ${why}`, { path, why, hash, generation })
}

/** Logs one line when a part is left out, and one when the part is back. */
export class LeftOut {
  readonly #log: Log
  #before: ReadonlyMap<string, string> = new Map()

  constructor(log: Log) {
    this.#log = log
  }

  /** A policy has become active without these parts. */
  are(problems: readonly Problem[]): void {
    const now = new Map(problems.map(({ path, why }) => [path, why]))
    for (const [path, why] of now) {
      if (this.#before.get(path) !== why)
        this.#log.warning(`policy in force without a part: ${path}: ${why}`, { event: 'PART LEFT OUT', path, why })
    }
    for (const path of this.#before.keys()) {
      if (!now.has(path)) this.#log.info(`policy in force with the part that was left out: ${path}`, { event: 'PART BACK', path })
    }
    this.#before = now
  }
}
