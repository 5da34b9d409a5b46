// The proofs of all alerts.
import { backendProofs } from './backend-proofs.ts'
import { clientProofs } from './client-proofs.ts'
import { operatorProofs } from './operator-proofs.ts'
import { policyProofs } from './policy-proofs.ts'
import type { Proofs } from './proof.ts'

export const proofs: Proofs = { ...backendProofs, ...clientProofs, ...policyProofs, ...operatorProofs }
