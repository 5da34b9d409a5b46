// The form of a rule across fields: rules.ts and allowlist-rules.ts hold the rules.

/** The fields of one object of a manifest. Their types are unknown. */
export type Written = Readonly<Record<string, unknown>>

export interface Rule {
  /** The object that the rule applies to; `[]` stands for every entry of a list. */
  readonly at: string
  /** The field of the object that must be changed, if it is a single one. */
  readonly field?: string
  readonly cel: string
  readonly message: string
  /** The same check as `cel`. A field of the wrong type passes, because its type is already reported as a problem. */
  readonly holds: (value: Written) => boolean
}
