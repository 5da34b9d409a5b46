// kube-score: recommendations for objects. A file at a time, because it looks for policies and Services of a pod in all that it is given.
import type { Finding, Linter } from '../finding.ts'
import type { Input } from '../inputs.ts'
import { kubernetesVersion, output } from '../tools.ts'

interface Scored {
  readonly type_meta: { readonly kind: string }
  readonly object_meta: { readonly name: string }
  readonly checks:
    | readonly {
        readonly check: { readonly id: string }
        readonly skipped: boolean
        /** 10: nothing to say; 1 to 7: a remark. */
        readonly grade: number
        readonly comments: readonly { readonly path: string; readonly summary: string; readonly description: string }[] | null
      }[]
    | null
}

async function score(input: Input): Promise<readonly Finding[]> {
  const version = `v${kubernetesVersion.replace(/\.\d+$/, '')}`
  const scored = JSON.parse(await output('kube-score', ['score', '--kubernetes-version', version, '--output-format', 'json', input.file]))
  return ((scored ?? []) as readonly Scored[]).flatMap(({ type_meta: { kind }, object_meta: { name }, checks }) =>
    (checks ?? [])
      .filter(({ skipped, grade }) => !skipped && grade < 10)
      .map(({ check, comments }) => ({
        linter: 'kube-score',
        rule: check.id,
        where: `${kind}/${name}`,
        input: input.name,
        message: (comments ?? []).map(({ path, summary }) => `${path} ${summary}`.trim()).join('; '),
      })),
  )
}

export const kubeScore: Linter = {
  name: 'kube-score',
  roles: ['objects'],
  lint: async (inputs) => (await Promise.all(inputs.map(score))).flat(),
}
