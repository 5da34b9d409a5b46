// What a linter remarks, and what a linter is.
import type { Input, Role } from './inputs.ts'

export interface Finding {
  readonly linter: string
  /** The linter's name for its rule, such as `DL3008`. */
  readonly rule: string
  /** What it is about: `Kind/name` for an object, else the path of a file. */
  readonly where: string
  /** The input in which it is. */
  readonly input: string
  readonly message: string
}

export interface Linter {
  readonly name: string
  /** The inputs that it reads. */
  readonly roles: readonly Role[]
  /** Lints inputs of its roles; `own` is the folder with the schemas of our own kinds. Rejects if the linter itself fails. */
  readonly lint: (inputs: readonly Input[], own: string) => Promise<readonly Finding[]>
}
