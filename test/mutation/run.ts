// `npm run mutants`: makes small mistakes in the program, one at a time, and tells which of them the pure tests do not notice.
//
//   npm run mutants -- gateway/core                    all mutants of a folder (or file)
//   npm run mutants -- gateway/core --sample 200       so many of them, drawn at random
//   npm run mutants -- crds/values --seed 7            other ones
//   npm run mutants -- crds/values --at-least 92       fails when a smaller share is noticed, in percent
//   npm run mutants -- crds/values --workers 1         so many at once (2)
//   npm run mutants -- crds/values --show              prints the noticed ones too
//
// Mutants that no test can notice stand in test/mutation/equivalents.ts, with the reason.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { seeded } from '../differential/random.ts'
import { coveringTests, sourcesOf } from './covering-tests.ts'
import { type Equivalent, equivalents } from './equivalents.ts'
import { type Mutant, mutantsOf } from './mutants.ts'
import { tryMutant } from './try-mutant.ts'

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    sample: { type: 'string' },
    seed: { type: 'string', default: '1' },
    'at-least': { type: 'string', default: '0' },
    workers: { type: 'string', default: '2' },
    show: { type: 'boolean', default: false },
  },
})

const isEquivalent = (mutant: Mutant, { file, was, becomes }: Equivalent): boolean =>
  file === mutant.file && becomes === mutant.becomes && (was === undefined || was === mutant.was)

/** So many of them, in their order. */
function sampleOf(all: readonly Mutant[], size: number, seed: number): readonly Mutant[] {
  const random = seeded(seed)
  const drawn = new Set<Mutant>()
  while (drawn.size < Math.min(size, all.length)) drawn.add(random.pick(all))
  return all.filter((mutant) => drawn.has(mutant))
}

/** Does the work for each item, so many at a time. */
async function each<T>(items: readonly T[], atOnce: number, work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: atOnce }, worker))
}

const describe = ({ file, line, was, becomes }: Mutant): string => `${file}:${line}\n  - ${was}\n  + ${becomes}\n`

async function main(): Promise<boolean> {
  const files = sourcesOf(positionals)
  if (files.length === 0) throw new Error('Expected folders or files to mutate, such as gateway/core')
  const all = mutantsOf(files)
  const counted = all.filter((mutant) => !equivalents.some((one) => isEquivalent(mutant, one)))
  for (const one of equivalents) {
    if (files.includes(one.file) && !all.some((mutant) => isEquivalent(mutant, one)))
      console.log(`equivalents.ts: ${one.file} has no mutant ${one.becomes}`)
  }
  const tried = sampleOf(counted, Number(values.sample ?? Number.POSITIVE_INFINITY), Number(values.seed))
  const atOnce = Number(values.workers)
  let noticedCount = 0
  await each(tried, atOnce, async (mutant) => {
    const noticed = await tryMutant(mutant, coveringTests(mutant.file))
    if (noticed !== undefined) noticedCount += 1
    if (noticed === undefined) console.log(describe(mutant))
    else if (values.show) console.log(`${describe(mutant)}  noticed by ${noticed}\n`)
  })
  const share = (100 * noticedCount) / tried.length
  console.log(
    `${noticedCount} of ${tried.length} mutants noticed: ${share.toFixed(1)} % (${all.length - counted.length} of ${all.length} do not count)`,
  )
  return share >= Number(values['at-least'])
}

const compiled = mkdtempSync(join(tmpdir(), 'mutants.'))
process.env['NODE_COMPILE_CACHE'] ??= compiled
try {
  process.exitCode = (await main()) ? 0 : 1
} finally {
  rmSync(compiled, { recursive: true })
}
