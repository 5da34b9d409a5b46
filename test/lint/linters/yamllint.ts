// yamllint, with the rules of chart-testing.
import { join } from 'node:path'
import type { Finding, Linter } from '../finding.ts'
import { output, root } from '../tools.ts'

const line = /^(.*?):(\d+):\d+: \[\w+\] (.*) \(([\w-]+)\)$/

export const yamllint: Linter = {
  name: 'yamllint',
  roles: ['yaml'],
  lint: async (inputs) => {
    const names = new Map(inputs.map(({ file, name }) => [file, name]))
    const said = await output(
      'yamllint',
      ['-c', join(root, 'test/lint/yamllint.yaml'), '-f', 'parsable', '--strict', ...names.keys()],
      [0, 1, 2],
    )
    return said.split('\n').flatMap((one): readonly Finding[] => {
      if (one === '') return []
      const [, file = '', at = '', message = one, rule = 'syntax'] = line.exec(one) ?? []
      const name = names.get(file) ?? file
      return [{ linter: 'yamllint', rule, where: name, input: name, message: `line ${at}: ${message}` }]
    })
  },
}
