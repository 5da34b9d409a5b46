// promtool: whether Prometheus accepts the rules, and none is there twice.
import type { Finding, Linter } from '../finding.ts'
import type { Input } from '../inputs.ts'
import { output } from '../tools.ts'

async function check({ file, name }: Input): Promise<readonly Finding[]> {
  const args = ['check', 'rules', '--lint=all', '--lint-fatal', file]
  try {
    const said = await output('promtool', args, [0])
    if (!/SUCCESS: [1-9]\d* rules found/.test(said)) throw new Error(said)
    return []
  } catch (error) {
    return [{ linter: 'promtool', rule: 'rules', where: name, input: name, message: (error as Error).message }]
  }
}

export const promtool: Linter = {
  name: 'promtool',
  roles: ['rules'],
  lint: async (inputs) => (await Promise.all(inputs.map(check))).flat(),
}
