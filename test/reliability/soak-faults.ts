// The faults of the soak: of the Valkey, of DNS, of the policy file, of one backend or the other.
import { writeFileSync } from 'node:fs'
import { manifest } from '../peers/gateway.ts'
import { moods } from '../laboratory/moody-backend.ts'
import type { Scene } from './soak-scene.ts'

/** Something that goes wrong for a few seconds. */
export interface Fault {
  readonly what: string
  readonly strike: (scene: Scene) => unknown
  readonly mend: (scene: Scene) => unknown
  /** What at least one gateway must have logged between strike and mend. */
  readonly says?: RegExp
  /** A sample that at least one gateway's /metrics must have at the end of the fault. */
  readonly shows?: RegExp
  /** A sample that no gateway's /metrics may have then. */
  readonly never?: RegExp
  /** The documented bound: good clients may be told to come again while it lasts. */
  readonly defers?: true
}

let reloads = 0

/** Writes the policy again, with that name server. */
export const rewrite = ({ fleet, spec, resolvers }: Scene, resolver: keyof Scene['resolvers']): void => {
  reloads++
  for (const { policyFile } of fleet.gateways) writeFileSync(policyFile, manifest(spec(reloads, [resolvers[resolver]])))
}

const nothing = (): void => undefined

export const soakFaults: readonly Fault[] = [
  { what: 'the Valkey is killed', strike: ({ valkey }) => valkey.kill(), mend: ({ valkey }) => valkey.restart() },
  { what: 'the Valkey holds still', strike: ({ valkey }) => valkey.signal('SIGSTOP'), mend: ({ valkey }) => valkey.signal('SIGCONT') },
  {
    what: 'the Valkey is full',
    strike: ({ valkey }) => valkey.cli('config', 'set', 'maxmemory', '1'),
    mend: ({ valkey }) => valkey.cli('config', 'set', 'maxmemory', '0'),
  },
  { what: 'DNS is dead', strike: (scene) => rewrite(scene, 'dead'), mend: (scene) => rewrite(scene, 'well') },
  { what: 'DNS is slow', strike: (scene) => rewrite(scene, 'slow'), mend: (scene) => rewrite(scene, 'well') },
  { what: 'DNS lies', strike: (scene) => rewrite(scene, 'lying'), mend: (scene) => rewrite(scene, 'well') },
  {
    what: 'the policy file is broken',
    strike: ({ fleet }) => fleet.gateways.forEach(({ policyFile }) => writeFileSync(policyFile, 'spec: {greet: 7}\n')),
    mend: (scene) => rewrite(scene, 'well'),
  },
  { what: 'the policy is read again', strike: ({ fleet }) => fleet.gateways.forEach((gateway) => gateway.signal('SIGHUP')), mend: nothing },
  ...moods
    .filter((mood) => mood !== 'well' && mood !== 'reads no PROXY header')
    .map((mood, i) => ({
      what: `a backend ${mood}`,
      strike: ({ backends }: Scene) => backends[i % backends.length]?.turn(mood),
      mend: ({ backends }: Scene) => backends[i % backends.length]?.turn('well'),
    })),
]
