// A real postscreen, one screen of a private Postfix, as a listener under test.

import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Postfix } from '../peers/postfix.ts'
import { ClientLog } from './client-log.ts'
import type { Listener } from './play-live.ts'

/** The screen of that name; throws where Postfix has none. */
export function postscreen(postfix: Postfix, screen: string): Listener {
  const port = postfix.ports.get(screen)
  if (port === undefined) throw new Error(`no screen "${screen}"`)
  return {
    port,
    log: new ClientLog(() => postfix.log.linesOf(`${screen}/postscreen`)),
    remembered: async (address) => {
      const table = `lmdb:${postfix.folder}/data/cache-${screen}`
      const asked = await promisify(execFile)('postmap', ['-c', `${postfix.folder}/conf`, '-q', address, table]).catch(() => ({
        stdout: '',
      }))
      return asked.stdout.trim() === '' ? undefined : asked.stdout.trim()
    },
  }
}
