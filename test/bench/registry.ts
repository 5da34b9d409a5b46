// All cases and curves of the bench, in the order of the table.
import type { BenchCase } from './bench-case.ts'
import { access } from './cases/access.ts'
import { allowlist } from './cases/allowlist.ts'
import { arrive } from './cases/arrive.ts'
import { banned } from './cases/banned.ts'
import { dnsbl } from './cases/dnsbl.ts'
import { greeting } from './cases/greeting.ts'
import { holdRelayed } from './cases/hold-relayed.ts'
import { hold, holdMore } from './cases/hold.ts'
import { idle } from './cases/idle.ts'
import { pregreet } from './cases/pregreet.ts'
import { relay } from './cases/relay.ts'
import { simulate } from './cases/simulate.ts'
import { viewersCase } from './cases/viewers.ts'
import { visits } from './cases/visits.ts'
import { workers } from './cases/workers.ts'
import { zombies } from './cases/zombies.ts'
import type { Curve } from './curve.ts'
import { entries } from './curves/entries.ts'
import { held } from './curves/held.ts'
import { networks, reloads } from './curves/networks.ts'
import { policies } from './curves/policies.ts'
import { sites } from './curves/sites.ts'

export const cases: readonly BenchCase[] = [
  pregreet,
  banned,
  dnsbl,
  arrive,
  hold,
  holdMore,
  greeting,
  relay,
  visits,
  holdRelayed,
  allowlist,
  access,
  zombies,
  workers,
  viewersCase,
  idle,
  simulate,
]

export const curves: readonly Curve[] = [held, sites, policies, entries, networks, reloads]

/** Benches that print their own figures and have no row in the table: file names beside this one. */
export const separate = ['soak', 'dns', 'relay-alone', 'allowlist-store', 'system-calls'] as const
