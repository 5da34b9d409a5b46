// What reading a policy file gives: the policy with everything that belongs to it, or why it cannot be used.
import type { Problem } from '../../crds/problems.ts'
import type { PostscreenPolicy } from '../../crds/schema/policy.schema.ts'
import type { TableProblem } from '../../crds/values/cidr-table.ts'
import type { CompiledTable } from '../core/access-list.ts'
import type { DnsblKey } from '../core/dnsbl-key.ts'
import type { TlsMaterial } from './tls-context.ts'

/** Lines of an access table that do not parse. Postfix skips them, and so does the gateway. */
export interface SkippedLines {
  /** The name of its file in the policy. */
  readonly table: string
  readonly lines: number
  /** Ten at most. */
  readonly first: readonly TableProblem[]
}

/** A valid policy with everything that belongs to it. */
export interface LoadedPolicy {
  readonly policy: PostscreenPolicy
  /** The text of the policy file. */
  readonly bytes: Uint8Array
  /** SHA-256 of the policy file, in hex, as sha256sum prints it. */
  readonly hash: string
  /** Access tables by the name of their file in the policy. */
  readonly tables: ReadonlyMap<string, CompiledTable>
  /** Tables that have such lines. */
  readonly skipped: readonly SkippedLines[]
  /** Keys of DNS lists by the index of their site. */
  readonly siteKeys: ReadonlyMap<number, DnsblKey>
  readonly tls: TlsMaterial | undefined
  /** Optional parts that the gateway does without, because what they need is missing or cannot be used. */
  readonly leftOut: readonly Problem[]
}

/** A policy that cannot be used, and which text it was as far as that is known. */
export interface RefusedPolicy {
  readonly problems: readonly Problem[]
  /** SHA-256 of the policy file; undefined when that cannot be read. */
  readonly hash: string | undefined
  /** From the text, also if the rest of it is invalid. */
  readonly generation: number | undefined
}

/**
 * The result of reading. `files` are all that it depends on, those that are missing included, so that they can be
 * watched.
 */
export type PolicyReading = { readonly files: readonly string[] } & ({ readonly loaded: LoadedPolicy } | RefusedPolicy)
