// What the operator says of itself on its live page.

/** Times in epoch milliseconds. */
export interface OperatorFacts {
  readonly version: string
  /** The process, as it takes part in the election; empty without one. */
  readonly identity: string
  /** Empty: all. */
  readonly namespaces: readonly string[]
  readonly startedAt: number
  /** Since when it leads; undefined: another one does. */
  readonly leadsSince: number | undefined
  /** The Lease as NAMESPACE/NAME; empty without an election. */
  readonly lease: string
  /** When a watch last received something; undefined: not yet. */
  readonly heardAt: number | undefined
  /** Policies that wait for a pass. */
  readonly waiting: number
  readonly passes: { readonly count: number; readonly failed: number; readonly meanMs: number }
  readonly changes: number
  readonly requests: { readonly count: number; readonly failed: number }
  readonly memoryBytes: number
}
