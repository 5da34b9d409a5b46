// What a session that is played again depends on without the log having it, and what else could have become of it.
import type { Reason, Verdict } from './outcome.ts'
import type { TestSet } from '../../gateway/core/tests.ts'

/** In the words of the report. */
export type Why =
  | { readonly is: 'test'; readonly test: Reason }
  | { readonly is: 'list'; readonly domain: string }
  | { readonly is: 'allowlist' | 'connections' | 'end' | 'recipient' | 'sender' }

/** The doubts about one session. The session is played as if nothing of it were so. */
export class Doubt {
  /** Something that could have refused the client. */
  #mayRefuse: Why | undefined
  /** Without this, the DNS lists might not have refused it. */
  #mayNotList: Why | undefined
  /** It might have been handed off instead, without more tests. */
  #mayPass: Why | undefined
  /** It might have talked or left in the time that the log does not show. */
  #mayLeave: Why | undefined
  #anything: Why | undefined
  /** Tests whose stamps in the allowlist are doubtful afterwards. */
  stamps: TestSet = 0
  /** Tests whose stamps hold for a time that is not known. */
  loose: TestSet = 0

  /** Whether anything has been said. */
  get isAny(): boolean {
    return (this.#mayRefuse ?? this.#mayNotList ?? this.#mayPass ?? this.#mayLeave ?? this.#anything) !== undefined || this.stamps !== 0
  }

  mayRefuse(why: Why): void {
    this.#mayRefuse ??= why
  }

  mayNotList(why: Why): void {
    this.#mayNotList ??= why
  }

  mayPass(why: Why): void {
    this.#mayPass ??= why
  }

  mayLeave(why: Why): void {
    this.#mayLeave ??= why
  }

  anything(why: Why): void {
    this.#anything ??= why
  }

  /**
   * Why the verdict is not known; undefined if it is what it would be in every case.
   * @param refusals everything that refused the client
   * @param isAudited a client is handed off whatever the tests say, if it does not leave
   */
  about({ outcome }: Verdict, refusals: readonly Reason[], isAudited: boolean): Why | undefined {
    const mayLeave = refusals.includes('access list') ? undefined : this.#mayLeave
    const always = this.#anything ?? mayLeave
    if (always !== undefined) return always
    if (outcome === 'handed off') return isAudited ? undefined : this.#mayRefuse
    if (this.#mayPass !== undefined) return this.#mayPass
    if (outcome !== 'refused') return this.#mayRefuse
    // The tests behind the greeting may have run only because of the lists.
    return refusals.some((reason) => reason === 'access list' || reason === 'pregreet') ? undefined : this.#mayNotList
  }
}
