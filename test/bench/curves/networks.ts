// Lookups in an access list, and reloading it, by the number of its networks.
import { gatewayWithTable } from '../cases/access.ts'
import type { Curve, Values } from '../curve.ts'
import { timeAccessList } from '../lookups-process.ts'
import { gatewayCode } from '../code-paths.ts'

const steps = [10, 100, 1000, 10_000, 100_000, 1_000_000]

export const networks: Curve = {
  name: 'networks',
  title: 'Lookup in the access list',
  x: { label: 'networks', unit: '', scale: 'log' },
  y: { label: 'time of a lookup', unit: 'ns', scale: 'linear' },
  needs: [],
  measures: gatewayCode,
  steps: ({ scale }) => steps.filter((count) => count <= 1e6 * scale || count <= 100),
  rounds: 5,
  minutes: 1,
  start: () => {
    const at = async (count: number): Promise<Values> => ({ gateway: (await timeAccessList(count))['lookup'] ?? Number.NaN })
    return Promise.resolve({ at, stop: () => Promise.resolve() })
  },
}

export const reloads: Curve = {
  name: 'reload',
  title: 'Reload of a policy with a large access list',
  x: { label: 'networks', unit: '', scale: 'log' },
  y: { label: 'time', unit: 'ms', scale: 'log' },
  needs: [],
  measures: gatewayCode,
  steps: ({ scale }) => steps.filter((count) => count <= 1e6 * scale || count <= 100),
  rounds: 3,
  minutes: 2,
  start: (setting) => {
    const at = async (count: number): Promise<Values> => {
      const gateway = await gatewayWithTable(setting, count)
      await gateway.reload()
      const { reload = Number.NaN, pause = Number.NaN } = await gateway.reload()
      await gateway.stop()
      return { 'until it is in force': reload, 'longest pause': Math.max(pause, 0.1) }
    }
    return Promise.resolve({ at, stop: () => Promise.resolve() })
  },
}
