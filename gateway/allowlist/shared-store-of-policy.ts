// The shared store of a policy.
import type { PolicySpec } from '../../crds/schema/policy.schema.ts'
import { formatEndpoint } from '../../crds/values/endpoint.ts'
import type { SharedStore } from './gateway-allowlist.ts'
import { filesOfSettings, settingsOfPolicy } from './valkey-settings.ts'

/** @param folder of the policy file and its secrets @returns undefined when each gateway has its own allowlist */
export function sharedStoreOf({ store, valkey }: PolicySpec['allowlist'], folder: string): SharedStore | undefined {
  switch (store) {
    case 'Local':
      return undefined
    case 'Valkey': {
      const [first] = valkey.addresses
      return {
        // A URL is a secret.
        name: `valkey:${first === undefined ? 'url' : formatEndpoint(first)}`,
        identity: JSON.stringify([folder, valkey]),
        settings: () => settingsOfPolicy(valkey, folder),
        files: filesOfSettings(valkey, folder),
        timeoutMs: valkey.timeoutMilliseconds,
      }
    }
  }
}
