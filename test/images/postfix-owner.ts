// Gives a queue to a user of another number, as if another image had made it.
import { chownSync, lstatSync, readdirSync } from 'node:fs'
import { join } from 'node:path'

/** Everything of the user postfix below the folder is `uid`'s afterwards. */
export function postfixOwns(volume: string, uid: number): void {
  const old = lstatSync(join(volume, 'data')).uid
  for (const name of ['data', ...readdirSync(volume, { recursive: true, encoding: 'utf8' })]) {
    const path = join(volume, name)
    const { uid: owner, gid } = lstatSync(path)
    if (owner === old) chownSync(path, uid, gid)
  }
}
