// The problems of a policy's patches: found before anything is applied, and by `postscreen validate` too.
import type { Problem } from '../../../crds/problems.ts'
import type { PostscreenPolicy } from '../../../crds/schema/policy.schema.ts'
import type { Compiled } from '../../compile/compile.ts'
import { unpatched } from '../desired.ts'
import type { Owner } from '../names.ts'
import type { Settings } from '../settings.ts'
import { patchProblems } from './patch.ts'

/** What a patch may change does not depend on the operator's settings or on access tables. */
const anySettings: Settings = { image: '', pullSecrets: [], operatorNamespace: undefined, metricsFrom: [], tenants: undefined }
const withoutTables = (policy: PostscreenPolicy): Compiled => ({ policy, text: '', hash: '', shards: [], tableRules: 0, secrets: [] })

/** What the patches of a policy must not do, each with its path and what to use instead. */
export function policyPatchProblems(policy: PostscreenPolicy): readonly Problem[] {
  const patches = policy.spec.gateway?.patch
  if (patches === undefined) return []
  const { apiVersion, kind, metadata } = policy
  const owner: Owner = { apiVersion, kind, name: metadata.name, namespace: metadata.namespace ?? '', uid: metadata.uid ?? '' }
  return unpatched(owner, withoutTables(policy), anySettings).flatMap((object) => patchProblems(object, patches, owner.name))
}
