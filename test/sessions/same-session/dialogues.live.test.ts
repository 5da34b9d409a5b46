// The dialogues of a hand-off in the same session over TCP, on both kinds of sockets.
import { describe, test } from 'node:test'
import { unless } from '../../peers/require.ts'
import { shells } from '../../gateway/sockets/shells.ts'
import { forty } from './dialogues.ts'
import { further } from './further-dialogues.ts'
import { checkAfter, playClient, startRig } from './tcp-rig.ts'

for (const shell of shells) {
  describe(`in the same session on the sockets of ${shell.name}`, { skip: unless('loopback') || shell.skip, concurrency: 4 }, () => {
    for (const dialogue of [...forty, ...further]) {
      test(`${dialogue.row === undefined ? '' : `${dialogue.row}: `}${dialogue.what}`, { timeout: 30_000 }, async (t) => {
        const rig = await startRig(t, shell, dialogue)
        await playClient(rig, dialogue.client)
        await checkAfter(rig, dialogue)
      })
    }
  })
}
