// `npm run lint:manifests`: runs all linters, and fails for a remark that is not accepted and for an accepted one that no longer occurs.
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { helmProgram } from '../peers/helm.ts'
import { acceptedRemarks, judge } from './accepted.ts'
import type { Finding, Linter } from './finding.ts'
import { type Input, inputsOf } from './inputs.ts'
import { linters } from './linters.ts'
import { writeCustomSchemas } from './schemas.ts'
import { linterProgram, root } from './tools.ts'

const inCi = (process.env['CI'] ?? '') !== ''
const say = (text: string): void => void process.stdout.write(`${text}\n`)

/** Says what is left out; in CI this is a failure. */
function leaveOut(what: string): void {
  if (inCi) throw new Error(`CI must have every linter: ${what}`)
  say(`left out: ${what}`)
}

async function lint(linter: Linter, inputs: readonly Input[], own: string): Promise<readonly Finding[]> {
  const began = performance.now()
  const read = inputs.filter(({ role }) => linter.roles.includes(role))
  const findings = await linter.lint(read, own)
  const seconds = ((performance.now() - began) / 1000).toFixed(1)
  say(`${linter.name.padEnd(17)} ${read.length} files, ${findings.length} remarks, ${seconds} s`)
  return findings
}

async function lintAll(scratch: string): Promise<boolean> {
  const hasHelm = helmProgram() !== undefined
  if (!hasHelm) leaveOut('renderings of the chart: helm is not installed, nor was it built for the test cluster')
  const present = linters.filter(({ name }) => linterProgram(name) !== undefined)
  for (const { name } of linters) if (linterProgram(name) === undefined) leaveOut(`${name}: it is not installed`)
  const tracked = execFileSync('git', ['ls-files'], { cwd: root, encoding: 'utf8' }).trim().split('\n')
  const inputs = await inputsOf(join(scratch, 'inputs'), tracked, hasHelm)
  const own = join(scratch, 'own')
  writeCustomSchemas(own, join(root, 'crds'))
  const findings = (await Promise.all(present.map((linter) => lint(linter, inputs, own)))).flat()
  // Without the chart, much of what is accepted does not occur.
  const ran = new Set(hasHelm ? present.map(({ name }) => name) : [])
  const { refused, accepted, unused } = judge(findings, acceptedRemarks(), ran)
  for (const { linter, rule, where, input, message } of refused) say(`${linter} ${rule}: ${where} (${input}): ${message}`)
  for (const one of unused) say(`test/lint/accepted.yaml: ${one} no longer occurs; remove it`)
  say(`${refused.length} remarks to fix, ${accepted} accepted with a reason, ${unused.length} accepted ones that no longer occur`)
  return refused.length === 0 && unused.length === 0
}

const scratch = mkdtempSync(join(tmpdir(), 'postscreen-lint.'))
try {
  process.exitCode = (await lintAll(scratch)) ? 0 : 1
} finally {
  rmSync(scratch, { recursive: true })
}
