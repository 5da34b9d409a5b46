// A policy whose access list has 100,000 networks: lookups, and reloading it while service goes on.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { manifest } from '../../peers/gateway.ts'
import { askPause, pauseFlags } from '../../laboratory/reported.ts'
import { tableText } from '../access-data.ts'
import { type BenchCase, type Round, scaled, type Setting, type Started } from '../bench-case.ts'
import { timeAccessList } from '../lookups-process.ts'
import { type GatewayServer, gatewayServer } from '../servers.ts'
import { gatewayCode } from '../code-paths.ts'

const spec = (file: string): object => ({ access: [{ table: { file } }], greet: { action: 'Drop', wait: '2s' } })
const inForce = /policy mx is in force/g
const settleMs = 300

/** From the signal to the log's line, and the longest pause meanwhile. */
async function reload(gateway: GatewayServer): Promise<Round> {
  const { process } = gateway
  const count = (): number => process.output().match(inForce)?.length ?? 0
  await askPause(process.pid)
  const [before, cpuBefore, began] = [count(), gateway.cpu(), performance.now()]
  process.signal('SIGHUP')
  while (count() === before) {
    if (performance.now() - began > 60_000) throw new Error(`the policy was not read again:\n${process.output()}`)
    await sleep(2)
  }
  const reloaded = performance.now() - began
  const { longestPauseMs } = await askPause(process.pid)
  return { reload: reloaded, pause: longestPauseMs, 'reload-cpu': (gateway.cpu() - cpuBefore) / 1000 }
}

/** A gateway with a table of so many networks. */
export async function gatewayWithTable(
  setting: Setting,
  networks: number,
): Promise<{ readonly reload: () => Promise<Round>; stop(): Promise<void> }> {
  const gateway = await gatewayServer(setting, { spec: { greet: { action: 'Drop', wait: '2s' } }, nodeFlags: pauseFlags })
  writeFileSync(join(gateway.process.folder, 'networks.cidr'), tableText(networks))
  // A policy that is the same as before is read again all the same, and the table with it.
  writeFileSync(gateway.process.policyFile, manifest(spec('networks.cidr')))
  await sleep(settleMs)
  await reload(gateway)
  // What the watcher sees of the new file is over too.
  await sleep(1000)
  return { reload: () => reload(gateway), stop: () => gateway.stop() }
}

export const access: BenchCase = {
  name: 'access',
  what: 'Policy with 100,000 networks in the access list',
  needs: [],
  measures: gatewayCode,
  figures: {
    lookup: { label: 'lookup', unit: 'ns', digits: 0 },
    reload: { label: 'reload', unit: 'ms', digits: 0 },
    pause: { label: 'longest pause during the reload', unit: 'ms', digits: 1 },
    'reload-cpu': { label: 'CPU of the reload', unit: 'ms', digits: 0 },
  },
  goals: [
    { text: 'lookup ≤ 1 µs', figure: 'lookup', of: 'gateway', bound: 'at most', value: 1000 },
    { text: 'reload ≤ 500 ms', figure: 'reload', of: 'gateway', bound: 'at most', value: 500 },
    { text: 'no pause > 20 ms', figure: 'pause', of: 'gateway', bound: 'at most', value: 20 },
  ],
  rounds: 7,
  warmUp: true,
  minutes: 1,
  start: async (setting): Promise<Started> => {
    const networks = scaled(100_000, setting, 100)
    const gateway = await gatewayWithTable(setting, networks)
    const round = async (): Promise<Round> => {
      const { lookup = Number.NaN } = await timeAccessList(networks)
      return { lookup, ...(await gateway.reload()) }
    }
    return { contenders: [{ name: 'gateway', round }], stop: gateway.stop }
  },
}
