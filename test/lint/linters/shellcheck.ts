// shellcheck: all shell scripts, those of the images too.
import type { Linter } from '../finding.ts'
import { output } from '../tools.ts'

interface Remark {
  readonly file: string
  readonly line: number
  readonly code: number
  readonly message: string
}

export const shellcheck: Linter = {
  name: 'shellcheck',
  roles: ['script'],
  lint: async (inputs) => {
    const names = new Map(inputs.map(({ file, name }) => [file, name]))
    const remarks = JSON.parse(await output('shellcheck', ['--format', 'json', '--external-sources', ...names.keys()])) as readonly Remark[]
    return remarks.map(({ file, line, code, message }) => {
      const name = names.get(file) ?? file
      return { linter: 'shellcheck', rule: `SC${code}`, where: name, input: name, message: `line ${line}: ${message}` }
    })
  },
}
