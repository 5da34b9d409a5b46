// Writes the pages and pictures that are made of the stored results. `npm run generate` does this too, because the pages say which rows are older than
// the code that they measured.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { agesOf, hasHistory } from './age.ts'
import { curveSvg } from './curve-svg.ts'
import { renewPage } from './page.ts'
import { cases, curves } from './registry.ts'
import { readResults, type Results, resultsFile } from './results.ts'
import { renewSizing } from './sizing/sizing-page.ts'

const docs = fileURLToPath(new URL('../../docs/', import.meta.url))

/** The pages with their contents, by their names in docs/. */
export function pagesOf(results: Results): ReadonlyMap<string, string> {
  const parts = { cases, curves, results, ages: agesOf(cases, curves, results) }
  const renewed = (name: string, renew: typeof renewPage): [string, string] => [name, renew(readFileSync(`${docs}${name}`, 'utf8'), parts)]
  return new Map([renewed('performance.md', renewPage), renewed('sizing.md', renewSizing)])
}

export function writePages(results: Results): void {
  mkdirSync(`${docs}performance`, { recursive: true })
  for (const curve of curves) {
    const result = results.curves[curve.name]
    if (result !== undefined) writeFileSync(`${docs}performance/${curve.name}.svg`, curveSvg(curve, result.points))
  }
  for (const [name, text] of pagesOf(results)) writeFileSync(`${docs}${name}`, text)
}

// Without the history of git, the pages stay as they are.
if (import.meta.main && hasHistory()) writePages(readResults(resultsFile))
