// A policy that the importer makes of main.cf, for a gateway that is compared with the postscreen of the same settings.

import { readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { load } from 'js-yaml'
import { importPostfix } from '../../cli/import/postfix.ts'
import { baseMainCf, mainCfText } from '../peers/postfix-files.ts'
import type { Settings } from '../peers/postfix-files.ts'
import type { SharedPolicy } from '../support/policy-file.ts'

const files = join(import.meta.dirname, '..', 'peers', 'files')

/** Throws with the importer's errors. Both servers have the same addresses here, so those of postscreen_allowlist_interfaces are kept. */
export function importedPolicy(name: string, settings: Settings): SharedPolicy {
  const text = mainCfText({ ...baseMainCf('@FOLDER@'), ...settings })
  const read = (path: string) => ({ text: readFileSync(join(files, basename(path)), 'utf8'), from: path })
  const { yaml, errors } = importPostfix({ text, file: 'main.cf', files: { read }, tables: 'inline', keepInterfaces: true, name })
  if (yaml === undefined) throw new Error(`${name}: ${errors.join('\n')}\n${text}`)
  const { spec } = load(yaml) as { readonly spec: Readonly<Record<string, unknown>> }
  const { backend: _, ...policy } = spec
  return { name, policy, postfix: settings }
}
