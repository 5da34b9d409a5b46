// checkov: hardening of pods, images and workflows. It reads one folder, so files of the repository are copied into it.
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Finding, Linter } from '../finding.ts'
import type { Input } from '../inputs.ts'
import { output } from '../tools.ts'

interface Report {
  readonly check_type: string
  readonly results: {
    readonly failed_checks: readonly {
      readonly check_id: string
      readonly check_name: string
      readonly resource: string
      readonly file_path: string
    }[]
    readonly parsing_errors?: readonly string[]
  }
  readonly summary: { readonly resource_count: number }
}

const frameworks = ['kubernetes', 'dockerfile', 'github_actions', 'gitlab_ci']

/** `Deployment.mail.mx-gateway` becomes `Deployment/mx-gateway`; everything else has the name of its file. */
function whereOf(type: string, resource: string, input: string): string {
  const [kind = '', , ...name] = resource.split('.')
  return type === 'kubernetes' ? `${kind}/${name.join('.')}` : input
}

/** Where checkov looks for a file: workflows and Dockerfiles by their names, objects by their content. */
const pathIn = (folder: string, { name, role }: Input, at: number): string => join(folder, role === 'objects' ? `${at}.yaml` : name)

export const checkov: Linter = {
  name: 'checkov',
  roles: ['objects', 'dockerfile', 'yaml'],
  lint: async (inputs) => {
    const folder = mkdtempSync(join(tmpdir(), 'lint-checkov.'))
    try {
      const read = inputs.filter(({ role, name }) => role !== 'yaml' || /^\.(github\/workflows|gitlab-ci)/.test(name))
      const names = new Map(read.map((input, at) => [pathIn(folder, input, at), input.name]))
      for (const [at, input] of read.entries()) cpSync(input.file, pathIn(folder, input, at), { recursive: true })
      const how = ['--skip-download', '--quiet', '--compact', '--output', 'json', '--framework', ...frameworks]
      const said = JSON.parse(await output('checkov', [...how, '--directory', folder]))
      // Without any resource it prints a summary with nothing but zeros.
      const reports = (Array.isArray(said) ? said : [said]) as readonly Report[]
      if (!reports.some(({ summary }) => summary !== undefined)) throw new Error('checkov found nothing to check')
      return reports.flatMap(({ check_type: type, results }): readonly Finding[] => [
        ...results.failed_checks.map(({ check_id: rule, check_name: message, resource, file_path }) => {
          const input = names.get(join(folder, file_path)) ?? file_path
          return { linter: 'checkov', rule, where: whereOf(type, resource, input), input, message }
        }),
        ...(results.parsing_errors ?? []).map((path) => ({
          linter: 'checkov',
          rule: 'parsing-error',
          where: path,
          input: path,
          message: 'not parsed',
        })),
      ])
    } finally {
      rmSync(folder, { recursive: true })
    }
  },
}
