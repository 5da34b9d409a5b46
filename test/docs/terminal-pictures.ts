// Draws the pictures of `kubectl postscreen` in a terminal: `node test/docs/terminal-pictures.ts` writes docs/images/terminal-….svg. The commands show
// the cluster of their tests, in which some things are wrong.
import { writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { openCluster } from '../../cli/cluster/cluster.ts'
import { look } from '../../cli/status/look.ts'
import { statusLines } from '../../cli/status/status-text.ts'
import { askTop } from '../../cli/top/ask-top.ts'
import { topLines } from '../../cli/top/top-text.ts'
import { FakeCluster } from '../cli/cluster/fake-cluster.ts'
import { livePageOf } from '../cli/cluster/live-scene.ts'
import { printed } from '../cli/cluster/log-scene.ts'
import { now, pods, policies, statusPages } from '../cli/cluster/scene.ts'
import { type Run, runsOf, terminalSvg } from './terminal-svg.ts'

const columns = 80
const style = { width: columns, hasColour: true, hasUtf8: true }

export const fileOf = (name: string): string => fileURLToPath(new URL(`../../docs/images/terminal-${name}.svg`, import.meta.url))

function picture(command: string, lines: readonly string[]): string {
  return terminalSvg(command, [`$ ${command}`, ...lines].flatMap(onTerminal), columns)
}

/** A command below a sentence is longer than a line; it has no colours. A terminal breaks it at its edge. */
function onTerminal(line: string): readonly (readonly Run[])[] {
  const runs = runsOf(line)
  if (runs.length === 0) return [[]]
  if (runs.length > 1 || line.length <= columns) return [runs]
  return (line.match(/.{1,80}/g) ?? []).map((text) => [{ text, tone: 'plain' }])
}

/** The pictures by their names: what the commands print today. */
export async function terminalPictures(): Promise<ReadonlyMap<string, string>> {
  const fake = await FakeCluster.start()
  const cluster = openCluster({ 'all-namespaces': true, kubeconfig: fake.kubeconfig }, 'pictures')
  try {
    fake.policies = policies
    fake.pods = pods
    for (const [pod, json] of Object.entries(statusPages)) fake.pages.set(`${pod}/status`, { json })
    for (const { metadata } of pods) fake.pages.set(`${metadata.namespace}/${metadata.name}/live`, { json: livePageOf() })
    const status = statusLines({ ...(await look(cluster, undefined)), now, isWide: false, isOne: false }, style)
    const top = topLines({ view: await askTop(cluster, { namespace: 'mail', policy: 'mx' }), now, state: 'live', sort: 'policy' }, style)
    const log = printed({ hasColour: true }).trimEnd().split('\n')
    return new Map([
      ['status', picture('kubectl postscreen status -A', status)],
      ['top', picture('kubectl postscreen top -n mail mx', top)],
      ['log', picture('kubectl postscreen log -n mail mx --since 1h', log)],
    ])
  } finally {
    await cluster.close()
    await fake.close()
  }
}

if (import.meta.main) {
  // The log shows local times.
  process.env['TZ'] = 'UTC'
  for (const [name, svg] of await terminalPictures()) {
    writeFileSync(fileOf(name), svg)
    console.log(`written: ${fileOf(name)}`)
  }
}
