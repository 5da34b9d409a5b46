// Resident memory by the number of silent connections that are held.
import { heldBy } from '../silent-server.ts'
import type { Curve, Values } from '../curve.ts'
import { openFilesLimit } from '../../laboratory/open-files-limit.ts'
import { gatewayCode } from '../code-paths.ts'

/** Files of a process besides its connections. */
const spare = 200

export const held: Curve = {
  name: 'held',
  title: 'Memory of silent connections in the greet wait',
  x: { label: 'open connections', unit: '', scale: 'log' },
  y: { label: 'additional resident memory', unit: 'MB', scale: 'log' },
  needs: ['postfix'],
  measures: gatewayCode,
  steps: ({ scale }) => {
    const most = openFilesLimit() - spare
    return [1000, 2000, 5000, 10_000, 20_000, 50_000].map((count) => Math.round(count * scale)).filter((count) => count <= most)
  },
  rounds: 3,
  minutes: 5,
  start: (setting) => {
    const at = async (count: number): Promise<Values> => {
      const [gateway, postscreen] = [await heldBy(setting, 'gateway', count), await heldBy(setting, 'postscreen', count)]
      // A step smaller than a page shows as 0, which a logarithmic axis cannot show.
      return { gateway: Math.max(gateway['megabytes'] ?? 0, 0.01), postscreen: Math.max(postscreen['megabytes'] ?? 0, 0.01) }
    }
    return Promise.resolve({ at, stop: () => Promise.resolve() })
  },
}
