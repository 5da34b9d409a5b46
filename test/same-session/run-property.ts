// Checks what is acknowledged and refused, with backends that do anything:
//   node test/same-session/run-property.ts --count 100000
import { parseArgs } from 'node:util'
import { runProperty } from './property.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '2000' },
    seed: { type: 'string', default: '1' },
    /** The first run of many, to divide them. */
    first: { type: 'string', default: '0' },
    run: { type: 'string' },
    'at-once': { type: 'string', default: '32' },
    /** A further flag of the gateway, such as `--flag=--io --flag=node`. */
    flag: { type: 'string', multiple: true, default: [] },
  },
})

const started = performance.now()
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0)
const { runs, broken, reached } = await runProperty({
  count: Number(values.count),
  first: Number(values.first),
  seed: Number(values.seed),
  run: values.run === undefined ? undefined : Number(values.run),
  atOnce: Number(values['at-once']),
  flags: values.flag,
  onProgress: (done) => {
    if (done % 10_000 === 0) console.error(`${done} runs after ${seconds()} s`)
  },
})
for (const { run, why, dialogue } of broken.slice(0, 10)) {
  console.log(`--seed ${values.seed} --run ${run}`)
  for (const line of [...why, ...dialogue]) console.log(`    ${line}`)
}
for (const [what, times] of [...reached].toSorted(([one], [other]) => (one < other ? -1 : 1))) console.log(`${times}\t${what}`)
console.log(`${runs} runs in ${seconds()} s: the property is broken in ${broken.length}`)
process.exitCode = broken.length > 0 ? 1 : 0
