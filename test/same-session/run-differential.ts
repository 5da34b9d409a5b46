// Plays random valid dialogues straight to Postfix and through a gateway that continues sessions there, and prints those that differ:
//   node test/same-session/run-differential.ts --count 10000
//   node test/same-session/run-differential.ts --count 2000 --manner tls
import { parseArgs } from 'node:util'
import { escapeBytes } from '../support/session-file.ts'
import { runDifferential, type SessionDifference } from './differential.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '500' },
    seed: { type: 'string', default: '1' },
    /** `strict`, `loose` or `tls`: see random-dialogue.ts. */
    manner: { type: 'string', default: 'strict' },
    variant: { type: 'string', multiple: true },
    number: { type: 'string' },
    'at-once': { type: 'string', default: '12' },
  },
})

const manner = (['strict', 'loose', 'tls'] as const).find((one) => one === values.manner)
if (manner === undefined) throw new Error('--manner: expected strict, loose or tls')
const started = performance.now()
const seconds = (): string => ((performance.now() - started) / 1000).toFixed(0)
const result = await runDifferential({
  count: Number(values.count),
  seed: Number(values.seed),
  manner,
  ...(values.variant !== undefined && { only: values.variant }),
  number: values.number === undefined ? undefined : Number(values.number),
  atOnce: Number(values['at-once']),
  onProgress: (played) => console.error(`${played} played after ${seconds()} s`),
})
for (const difference of result.differences.slice(0, 20)) show(difference)
console.log(
  `${result.played} ${manner} dialogues in ${seconds()} s, ${result.messages} messages compared, ` +
    `${result.refused} with a MAIL that was refused: ${result.differences.length} differ`,
)
process.exitCode = result.differences.length > 0 ? 1 : 0

function show({ variant, number, dialogue, direct, through }: SessionDifference): void {
  console.log(`--seed ${values.seed} --manner ${manner} --variant ${variant} --number ${number}`)
  for (const move of dialogue.moves)
    console.log(`  > ${move.do === 'starttls' ? 'STARTTLS' : `${move.do} ${escapeBytes(move.text).slice(0, 300)}`}`)
  const at = direct.findIndex((line, index) => line !== through[index])
  const first = at < 0 ? direct.length : at
  for (const line of direct.slice(Math.max(0, first - 3), first)) console.log(`    ${line}`)
  for (const line of direct.slice(first, first + 3)) console.log(`  - ${line.slice(0, 2000)}`)
  for (const line of through.slice(first, first + 3)) console.log(`  + ${line.slice(0, 2000)}`)
}
