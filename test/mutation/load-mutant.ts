// Loaded before the tests of a mutant (node --import): gives them the mutant instead of the file.
import { readFileSync } from 'node:fs'
import { registerHooks } from 'node:module'
import { pathToFileURL } from 'node:url'
import type { Replacement } from './mutate-node.ts'

const { path, start, end, text } = JSON.parse(process.env['MUTANT'] ?? '{}') as Replacement & { readonly path?: string }
if (path !== undefined) {
  const mutated = pathToFileURL(path).href
  registerHooks({
    load: (url, context, next) => {
      if (url !== mutated) return next(url, context)
      const program = readFileSync(path, 'utf8')
      return { format: 'module-typescript', source: program.slice(0, start) + text + program.slice(end), shortCircuit: true }
    },
  })
}
