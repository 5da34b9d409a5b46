// The source of the gateway's policy: the policy file and the files that it names or, if it cannot be used at the
// start, the policy that is kept in the data directory. Logs what is refused and what is skipped.
import { messageOf } from '../../runtime/caught.ts'
import { type KeptPolicy, keepPolicy, readKeptPolicy } from './last-good.ts'
import type { LoadedPolicy, RefusedPolicy, SkippedLines } from './loaded-policy.ts'
import { reloadKept } from './policy-file.ts'
import { type PolicyWatch, watchPolicy } from './policy-watch.ts'
import { tellOfRefusal } from './left-out.ts'
import type { GatewayOptions } from '../process/options.ts'

/** The policy cannot be used. The message has one line for each problem. */
class PolicyRefused extends Error {
  constructor(file: string, problems: readonly { readonly path: string; readonly why: string }[]) {
    super(problems.map(({ path, why }) => `${file}: ${path}: ${why}`).join('\n'))
  }
}

/** Receives policies and refusals. */
export interface PolicyUse {
  /** Activates a policy; throws when that fails. */
  apply(loaded: LoadedPolicy): void
  refused(): void
  /** Describes the active policy: skipped lines of its tables, and whether it is the kept one. */
  serves(skipped: readonly SkippedLines[], kept: boolean): void
}

export class PolicyFeed {
  readonly #options: GatewayOptions
  readonly #use: PolicyUse
  #watch: PolicyWatch | undefined
  #hasPolicy = false
  #refused: ({ readonly at: Date } & RefusedPolicy) | undefined
  #keptAt: string | undefined
  #skipped: readonly SkippedLines[] = []
  #keeping: Promise<void> = Promise.resolve()

  constructor(options: GatewayOptions, use: PolicyUse) {
    this.#options = options
    this.#use = use
  }

  /** The newest policy that could not be used, while it has not been replaced by a good one. */
  get refused(): ({ readonly at: Date } & RefusedPolicy) | undefined {
    return this.#refused
  }

  /** When the active policy was kept, if it comes from the data directory. */
  get keptAt(): string | undefined {
    return this.#keptAt
  }

  /** Lines of the active access tables that are skipped. */
  get skipped(): readonly SkippedLines[] {
    return this.#skipped
  }

  /** Resolves with the first policy that can be used. Rejects with PolicyRefused, but not with `awaitPolicy`. */
  start(): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>()
    this.#watch = watchPolicy(this.#options.policyFile, {
      onPolicy: (loaded) => {
        this.#apply(loaded, undefined)
        this.#refused = undefined
        this.#keep(loaded)
        resolve()
      },
      onRefused: (refused) => {
        if (!this.#hasPolicy) this.#useKept()
        if (this.#hasPolicy) resolve()
        if (this.#hasPolicy || this.#options.awaitPolicy === true) this.#refuse(refused)
        else reject(new PolicyRefused(this.#options.policyFile, refused.problems))
      },
    })
    return promise
  }

  reload(): void {
    this.#watch?.reload()
  }

  /** Resolves when the policy has been kept. */
  async close(): Promise<void> {
    this.#watch?.close()
    await this.#keeping
  }

  #apply(loaded: LoadedPolicy, keptAt: string | undefined): void {
    this.#use.apply(loaded)
    this.#hasPolicy = true
    this.#keptAt = keptAt
    this.#skipped = loaded.skipped
    this.#use.serves(loaded.skipped, keptAt !== undefined)
    for (const { table, lines, first } of loaded.skipped) {
      for (const { line, why } of first) this.#warn(`access table ${table}, line ${line}: ${why}: skipping this line`, { table, line, why })
      if (lines > first.length) this.#warn(`access table ${table}: skipping ${lines - first.length} more such lines`, { table, lines })
    }
  }

  #refuse(refused: RefusedPolicy): void {
    this.#refused = { at: new Date(), ...refused }
    this.#use.refused()
    const kept =
      this.#keptAt === undefined ? 'the last good one stays' : `the last good one of ${this.#keptAt} is served from the data directory`
    tellOfRefusal(this.#options.log, refused, this.#hasPolicy ? kept : 'there is none yet')
  }

  #warn(text: string, fields?: Readonly<Record<string, unknown>>): void {
    this.#options.log.warning(text, fields)
  }

  /**
   * Uses the kept policy. Its keys and certificates are read from their files now; without them it cannot be used: TLS
   * is never dropped silently.
   */
  #useKept(): void {
    const { dataDir, policyFile } = this.#options
    if (dataDir === undefined) return
    try {
      const kept = readKeptPolicy(dataDir)
      if (kept === undefined) return
      const reading = reloadKept(policyFile, kept)
      if ('loaded' in reading) this.#apply(reading.loaded, kept.keptAt)
      else for (const { path, why } of reading.problems) this.#warn(`the last good policy cannot be served: ${path}: ${why}`, { path, why })
    } catch (error) {
      this.#warn(`the last good policy cannot be served: ${messageOf(error)}`)
    }
  }

  /** Of several workers, the first one keeps it for all. */
  #keep({ bytes, tables, skipped }: LoadedPolicy): void {
    const { dataDir, worker } = this.#options
    if (dataDir === undefined || (worker !== undefined && worker.number !== 1)) return
    const kept: KeptPolicy = { keptAt: new Date().toISOString(), bytes, tables, skipped }
    this.#keeping = this.#keeping
      .then(() => keepPolicy(dataDir, kept))
      .catch((error: unknown) =>
        this.#warn(`the policy cannot be kept in ${dataDir}, so that a start into one that cannot be used would fail: ${messageOf(error)}`),
      )
  }
}
