// hadolint: Dockerfiles, and the shell in them.
import type { Linter } from '../finding.ts'
import { output } from '../tools.ts'

interface Remark {
  readonly file: string
  readonly line: number
  readonly code: string
  readonly message: string
}

export const hadolint: Linter = {
  name: 'hadolint',
  roles: ['dockerfile'],
  lint: async (inputs) => {
    const names = new Map(inputs.map(({ file, name }) => [file, name]))
    const remarks = JSON.parse(await output('hadolint', ['--no-color', '--format', 'json', ...names.keys()])) as readonly Remark[]
    return remarks.map(({ file, line, code, message }) => {
      const name = names.get(file) ?? file
      return { linter: 'hadolint', rule: code, where: name, input: name, message: `line ${line}: ${message}` }
    })
  },
}
