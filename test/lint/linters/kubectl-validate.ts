// kubectl-validate: what the API server's own code says about each object, with the rules of its kind.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { loadAll } from 'js-yaml'
import type { KubeObject } from '../../../operator/kube/object.ts'
import type { Finding, Linter } from '../finding.ts'
import type { Input } from '../inputs.ts'
import { output, schemaFolder } from '../tools.ts'

interface Status {
  readonly status: string
  readonly message?: string
  readonly reason?: string
  readonly details?: { readonly causes?: readonly { readonly field?: string; readonly message: string; readonly reason?: string }[] }
}

/** The documents of a file, in their order: its report has one status for each, also for one that has only comments. */
const documentsIn = ({ file }: Input): readonly (KubeObject | undefined)[] =>
  readFileSync(file, 'utf8')
    .split(/^---[ \t]*$/m)
    .filter((text) => text.trim() !== '')
    .map((text) => (loadAll(text)[0] ?? undefined) as KubeObject | undefined)

function findingsOf(input: Input, object: KubeObject, { reason, message = '', details }: Status): readonly Finding[] {
  // A kustomization needs no name.
  const { kind, metadata } = object as Partial<KubeObject>
  const where = `${kind}/${metadata?.name ?? ''}`
  if (message.includes('failed to locate OpenAPI spec'))
    return [{ linter: 'kubectl-validate', rule: 'no-schema', where, input: input.name, message }]
  return (details?.causes ?? [{ message }]).map((cause) => ({
    linter: 'kubectl-validate',
    rule: cause.reason ?? reason ?? 'Failure',
    where,
    input: input.name,
    message: cause.field === undefined ? cause.message : `${cause.field}: ${cause.message}`,
  }))
}

export const kubectlValidate: Linter = {
  name: 'kubectl-validate',
  roles: ['objects', 'snippets'],
  lint: async (inputs, own) => {
    // The newest version that it has schemas of; ours come first.
    const schemas = ['--version', '1.30', '--local-schemas', join(schemaFolder(), 'openapi')]
    const definitions = ['--local-crds', [schemaFolder(), own].map((folder) => join(folder, 'crds')).join(',')]
    const said = await output('kubectl-validate', [...schemas, ...definitions, '--output', 'json', ...inputs.map(({ file }) => file)])
    const report = JSON.parse(said) as Readonly<Record<string, readonly Status[]>>
    return inputs.flatMap((input) => {
      const objects = documentsIn(input)
      const statuses = report[input.file] ?? []
      if (statuses.length !== objects.length)
        throw new Error(`kubectl-validate checked ${statuses.length} of ${objects.length} objects in ${input.name}`)
      return objects.flatMap((object, at) => {
        const status = statuses[at]
        return object === undefined || status === undefined || status.status === 'Success' ? [] : findingsOf(input, object, status)
      })
    })
  },
}
