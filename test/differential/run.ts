// node test/differential/run.ts --count N --seed S [--config NAME | --random-configs N] [--number N] [--against gateway|postscreen] [--at-once N] [--out FOLDER]
// Plays random dialogues against a real postscreen and the gateway at the same time, and prints those in which they differ.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { runCampaign } from './campaign.ts'
import type { Difference } from './campaign.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    config: { type: 'string' },
    /** How many configurations to draw, in place of those of test/sessions/policies; the importer makes the gateway's policies. */
    'random-configs': { type: 'string' },
    number: { type: 'string' },
    against: { type: 'string', default: 'gateway' },
    'at-once': { type: 'string', default: '64' },
    /** Whether to print which replies and log lines were seen, and how often. */
    reached: { type: 'boolean', default: false },
    /** Where to write both sides of every difference, to be compared with diff. */
    out: { type: 'string' },
  },
})

const randomConfigs = values['random-configs']
const drawn = randomConfigs === undefined ? '' : ` --random-configs ${randomConfigs}`
const started = performance.now()
const result = await runCampaign({
  count: Number(values.count),
  seed: Number(values.seed),
  opponent: values.against === 'postscreen' ? 'postscreen' : 'gateway',
  configuration: values.config,
  randomConfigurations: randomConfigs === undefined ? undefined : Number(randomConfigs),
  number: values.number === undefined ? undefined : Number(values.number),
  atOnce: Number(values['at-once']),
  onDifference: show,
})
const lasting = result.differences.filter((difference) => difference.again)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(
  `${result.played} dialogues in ${seconds} s: ${result.played - result.differences.length} equal, ${lasting.length} differ, ` +
    `${result.differences.length - lasting.length} differed once and not again when repeated alone`,
)
if (values.reached) for (const [kind, times] of [...result.reached].toSorted((a, b) => b[1] - a[1])) console.log(`${times}\t${kind}`)
process.exitCode = lasting.length > 0 ? 1 : 0

function show(difference: Difference): void {
  const { configuration, number, left, right, again } = difference
  const name = `${configuration}-${number}${again ? '' : '-once'}`
  console.log(
    `${configuration}-${number} ${again ? 'differs' : 'differed only the first time'}; again: --seed ${values.seed}${drawn} --config ${configuration} --number ${number}`,
  )
  for (const line of firstDifference(left, right)) console.log(`    ${line}`)
  if (values.out === undefined) return
  mkdirSync(values.out, { recursive: true })
  writeFileSync(join(values.out, `${name}.left`), left)
  writeFileSync(join(values.out, `${name}.right`), right)
}

/** The lines where the texts part, with a few before. */
function firstDifference(left: string, right: string): string[] {
  const [one, other] = [left.split('\n'), right.split('\n')]
  const at = one.findIndex((line, index) => line !== other[index])
  const from = Math.max(0, at - 4)
  return [
    ...one.slice(from, at),
    ...one.slice(at, at + 3).map((line) => `- ${line}`),
    ...other.slice(at, at + 3).map((line) => `+ ${line}`),
  ]
}
