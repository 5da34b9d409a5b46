// Silent connections held by the gateway: `node test/bench/silent.ts [CLIENTS] [CROWDS]`. Linux only; both processes need that many open files (ulimit -n).
// Prints, for clients in the greet wait and for clients in the dummy engine, how soon all were accepted, what each took, and what was left of them;
// then, where Postfix is installed, the first two for a real postscreen.
import { hold } from '../load/clients.ts'
import { pidsOf, residentBytes } from '../load/process-use.ts'
import { clean, mute } from '../load/scripts.ts'
import { silentCrowd, silentSpec, type Waiting } from '../load/silent-crowd.ts'
import { gatewayFlags } from '../load/gateway-flags.ts'
import { reportingFlags } from '../load/reported.ts'
import { startGatewayProcess } from '../peers/gateway.ts'
import { startPostfix } from '../peers/postfix.ts'
import { unless } from '../peers/require.ts'

const clients = Number(process.argv[2] ?? 10_000)
const crowds = Number(process.argv[3] ?? 3)
const places: readonly Waiting[] = ['greet wait', 'dummy engine']
const megabytes = (bytes: number): string => `${(bytes / 1e6).toFixed(1)} MB`

for (const place of places) {
  const gateway = await startGatewayProcess({ spec: silentSpec(place), nodeFlags: [...gatewayFlags, ...reportingFlags] })
  for (let crowd = 1; crowd <= crowds; crowd++) {
    const outcome = await silentCrowd(gateway, clients, crowd % 2 === 0 ? 'reset' : 'end')
    const { acceptedMs, bytesEach, heapBytesEach, sentAway, left, keptHeapBytes, residentBytesBefore, residentBytesAfter } = outcome
    console.log(
      `${clients} in the ${place}, crowd ${crowd}: accepted within ${acceptedMs.toFixed(0)} ms, ${bytesEach.toFixed(0)} B resident each ` +
        `(${heapBytesEach.toFixed(0)} B of live objects), ${sentAway} sent away, left behind: ${JSON.stringify(left)}, ${(keptHeapBytes / 1000).toFixed(0)} kB of objects; ` +
        `resident ${megabytes(residentBytesBefore)} before, ${megabytes(residentBytesAfter)} after`,
    )
  }
  await gateway.stop()
}
if (unless('postfix') === false) await postscreen()
process.exit()

async function postscreen(): Promise<void> {
  const mainCf = { postscreen_greet_wait: '300s', postscreen_pre_queue_limit: '100000', postscreen_post_queue_limit: '1000' }
  const postfix = await startPostfix({ screens: [{ name: 'silent', mainCf }] })
  const port = postfix.ports.get('silent') ?? 0
  const one = (index: number) => ({ from: clean(index), script: mute })
  // The first client makes master start it.
  const first = hold(port, 1, one)
  await first.untilHeard(10_000)
  const [pid = 0] = pidsOf(`\0-n\0${port}\0`)
  const before = residentBytes(pid)
  const began = performance.now()
  const held = hold(port, clients, (index) => one(index + 1))
  // Those whose SYN was dropped try again after 1, 3, 7, 15, 31 s and so on.
  const all = await held.untilHeard(70_000).then(
    () => true,
    () => false,
  )
  const acceptedMs = performance.now() - began
  const heard = [...held.there].filter(({ heardAt }) => heardAt !== undefined).length
  const each = (residentBytes(pid) - before) / heard
  const within = all ? `within ${acceptedMs.toFixed(0)} ms` : `after 70 s only ${heard}`
  console.log(
    `${clients} in postscreen's greet wait: accepted ${within}, ${each.toFixed(0)} B resident each, ${held.gone.length} sent away`,
  )
  await postfix.stop()
}
