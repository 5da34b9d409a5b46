// A policy that scenarios share: the PostscreenPolicy fragment for the gateway beside the equal main.cf settings for a real postscreen.

import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { load } from 'js-yaml'

const loopback = ['127.0.0.0/8', '::1/128']

export const sessionsFolder = join(import.meta.dirname, '..', 'sessions')

export interface SharedPolicy {
  readonly name: string
  /** Of a PostscreenPolicy's spec, without the host name, listeners and backend, which the driver adds. `@FOLDER@` stands for its folder. */
  readonly policy: Readonly<Record<string, unknown>>
  readonly postfix: Readonly<Record<string, string>>
}

/** Every policy in sessions/policies, by name. */
export function sharedPolicies(): ReadonlyMap<string, SharedPolicy> {
  const folder = join(sessionsFolder, 'policies')
  const files = readdirSync(folder).filter((file) => file.endsWith('.yaml'))
  return new Map(files.map((file) => [basename(file, '.yaml'), readPolicy(folder, file)]))
}

function readPolicy(folder: string, file: string): SharedPolicy {
  const content = load(readFileSync(join(folder, file), 'utf8')) as { policy?: SharedPolicy['policy']; postfix?: SharedPolicy['postfix'] }
  const { policy, postfix } = content
  if (policy === undefined || postfix === undefined) throw new Error(`${file}: needs policy and postfix`)
  // What postscreen does, whatever the default of a policy is.
  const deepTests = { handoff: 'Reconnect', ...(policy['deepTests'] as object | undefined) }
  // Its clients have loopback addresses, which are told to the smtpd as postscreen tells them.
  const clientAddress = { internal: loopback, ...(policy['clientAddress'] as object | undefined) }
  return { name: basename(file, '.yaml'), policy: { ...policy, deepTests, clientAddress }, postfix }
}
