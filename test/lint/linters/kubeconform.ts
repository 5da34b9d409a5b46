// kubeconform: whether each object has the form of its kind, with no unknown fields.
import { join } from 'node:path'
import type { Finding, Linter } from '../finding.ts'
import { output, schemaFolder } from '../tools.ts'

interface Report {
  readonly resources: readonly {
    readonly filename: string
    readonly kind: string
    readonly name: string
    readonly status: string
    readonly msg: string
    readonly validationErrors?: readonly { readonly path: string; readonly msg: string }[]
  }[]
}

const file = '{{ .Group }}/{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json'

export const kubeconform: Linter = {
  name: 'kubeconform',
  roles: ['objects', 'snippets'],
  lint: async (inputs, own) => {
    const names = new Map(inputs.map((input) => [input.file, input.name]))
    const folders = [schemaFolder(), own].flatMap((folder) => ['-schema-location', join(folder, 'kubeconform', file)])
    const said = await output('kubeconform', ['-strict', '-verbose', '-output', 'json', ...folders, ...names.keys()])
    const { resources } = JSON.parse(said) as Report
    if (resources.length < inputs.length) throw new Error(`kubeconform read ${resources.length} objects of ${inputs.length} files`)
    return (
      resources
        // A document that has only comments has no status.
        .filter(({ status }) => status !== 'statusValid' && status !== '')
        .map((one): Finding => {
          const rule = one.msg.startsWith('could not find schema') ? 'no-schema' : one.status.replace('status', '').toLowerCase()
          const input = names.get(one.filename) ?? one.filename
          return { linter: 'kubeconform', rule, where: `${one.kind}/${one.name}`, input, message: one.msg }
        })
    )
  },
}
