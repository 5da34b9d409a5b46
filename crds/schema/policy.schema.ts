// The schema of the policy. Types, validation at run time, defaults, the CRD, the reference page and the importers
// derive from it.
import type { z } from 'zod'
import { access, denylist } from './access.ts'
import { admin } from './admin.ts'
import { allowlist } from './allowlist.ts'
import { bans } from './bans.ts'
import { clientAddress } from './client-address.ts'
import { backend, banner, hostname, limits, listen, mode } from './connection.ts'
import { deepTests } from './deep-tests.ts'
import { dnsbl } from './dnsbl.ts'
import { explain } from './explain.ts'
import { documented, record } from './field.ts'
import { gateway } from './gateway.ts'
import { greet } from './greet.ts'
import { probes } from './probes.ts'
import { smtp } from './smtp.ts'
import { tls } from './tls.ts'

export const apiVersion = 'postscreen.dev/v1alpha1'
export const kind = 'PostscreenPolicy'

export const policySpec = documented(
  record({
    mode,
    hostname,
    banner,
    listen,
    clientAddress,
    probes,
    backend,
    gateway,
    greet,
    dnsbl,
    deepTests,
    smtp,
    access,
    denylist,
    allowlist,
    bans,
    limits,
    tls,
    explain,
    admin,
  }),
  { doc: 'The settings of the gateway. Only backend is required.' },
)

/** A time is a number, although its type has a brand. */
type DeepReadonly<T> = T extends number ? T : T extends object ? { readonly [K in keyof T]: DeepReadonly<T[K]> } : T

/** A policy as it is written: times are texts, and fields with a default may be omitted. */
export type PolicySpecInput = DeepReadonly<z.input<typeof policySpec>>

/** A parsed policy: times are whole seconds, and every default is filled in. */
export type PolicySpec = DeepReadonly<z.output<typeof policySpec>>

/** The metadata of a manifest. Only the name is required; the fields that Kubernetes adds are kept unchanged. */
export interface PolicyMetadata {
  readonly name: string
  readonly namespace?: string
  readonly generation?: number
  readonly resourceVersion?: string
  readonly uid?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
}

export interface PostscreenPolicy {
  readonly apiVersion: typeof apiVersion
  readonly kind: typeof kind
  readonly metadata: PolicyMetadata
  readonly spec: PolicySpec
}

/** A manifest as it is written. */
export interface PostscreenPolicyInput {
  readonly apiVersion: typeof apiVersion
  readonly kind: typeof kind
  readonly metadata: PolicyMetadata
  readonly spec: PolicySpecInput
}
