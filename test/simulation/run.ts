// node test/simulation/run.ts --count PAIRS --sessions N --seed S [--pair N]
// Random pairs of policies: the log of the first one is simulated under the second one, and compared with what that one does.
import { parseArgs } from 'node:util'
import { campaign } from './campaign.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '100' },
    sessions: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    /** Only the pair of this number. */
    pair: { type: 'string' },
  },
})

const started = performance.now()
const settings = { pairs: Number(values.count), sessions: Number(values.sessions), seed: Number(values.seed) }
const result = campaign({ ...settings, ...(values.pair !== undefined && { only: Number(values.pair) }) }, (pair, text) => {
  console.log(`pair ${pair}: ${text}; again: --seed ${values.seed} --sessions ${values.sessions} --pair ${pair}`)
})
const seconds = ((performance.now() - started) / 1000).toFixed(1)
const share = ((result.unknown / (result.equal + result.unknown + result.different)) * 100).toFixed(1)
console.log(
  `${result.pairs} pairs of policies in ${seconds} s: ${result.equal} verdicts equal, ${result.unknown} not known (${share} %), ${result.different} differ; ` +
    `${result.changedByOwnPolicy} change under the policy that wrote the log`,
)
for (const [why, sessions] of [...result.reasons].toSorted(([, a], [, b]) => b - a)) console.log(`  ${sessions}  ${why}`)
process.exitCode = result.different > 0 || result.changedByOwnPolicy > 0 ? 1 : 0
