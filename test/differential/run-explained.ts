// node test/differential/run-explained.ts [--count 10000] [--seed 1] [--gateway]
// With --gateway, a running gateway explains, and the clients connect to its port; 10,000 take some minutes.
// Compares what `explain` says of random clients under random policies with what their sessions come to. Prints every outcome and how often it came.
import { parseArgs } from 'node:util'
import { compareExplained } from './explained-clients.ts'
import { compareGateway } from './explained-gateway.ts'

const { values } = parseArgs({
  options: {
    count: { type: 'string', default: '10000' },
    seed: { type: 'string', default: '1' },
    gateway: { type: 'boolean', default: false },
  },
})
const started = performance.now()
const compare = values.gateway ? compareGateway : compareExplained
const { outcomes, disagreements, once = 0 } = await compare(Number(values.count), Number(values.seed))
for (const { number, explained, experienced, spec } of disagreements.slice(0, 5)) {
  console.log(`client ${number} differs; again: --seed ${values.seed} --count ${number + 1}`)
  console.log(`- explained ${JSON.stringify(explained)}\n+ happened  ${JSON.stringify(experienced)}\n  ${JSON.stringify(spec)}`)
}
for (const [outcome, times] of [...outcomes].toSorted((a, b) => b[1] - a[1])) console.log(`${times}\t${outcome}`)
const seconds = ((performance.now() - started) / 1000).toFixed(1)
console.log(
  `${values.count} clients in ${seconds} s: ${disagreements.length} differ, ${once} differed once and not again when repeated alone`,
)
process.exitCode = disagreements.length > 0 ? 1 : 0
