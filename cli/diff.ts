// `postscreen diff`: how a policy file differs from the policy in the cluster, with all defaults.
import { readFileSync } from 'node:fs'
import { load } from 'js-yaml'
import { fieldsOf } from '../crds/is-object.ts'
import { parsePolicy, type Problem, readPolicyText } from '../crds/policy.ts'
import { visibleText } from '../crds/values/visible-text.ts'
import { messageOf } from '../runtime/caught.ts'
import { readArguments, wrongArguments } from './arguments.ts'
import { openCluster } from './cluster/cluster.ts'
import { cannotAsk, failed } from './cluster/failed.ts'
import { clusterHelp, type ClusterFlags, clusterOptions, clusterProblem } from './cluster/options.ts'
import { policiesOf } from './cluster/policies.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { diffLines } from './diff/diff-text.ts'
import { differencesOf, type WrittenPolicy } from './diff/differences.ts'
import { formatted, readOutput } from './output.ts'
import { styleOf } from './terminal/style.ts'

const name = commandName('diff')

const help = `Usage: ${name} -f FILE [OPTION]…

Shows what the policy in FILE would change: every field whose effective value differs from that of the policy in the cluster, with defaults. The
policy is that of the name in FILE. Times and addresses that are only written in another way are not shown.

  -f, --filename FILE    the new policy; - is standard input
${clusterHelp}  -o, --output json|yaml

It needs the verb list on postscreenpolicies.
Exit codes: 0 no difference, 1 there are differences, 2 wrong arguments, 3 if FILE is not valid, or the cluster cannot be asked.
`

const options = {
  ...clusterOptions,
  filename: { type: 'string', short: 'f' },
  output: { type: 'string', short: 'o' },
  help: { type: 'boolean', short: 'h' },
} as const

const forms = ['json', 'yaml'] as const

interface Flags extends ClusterFlags {
  readonly filename?: string
  readonly output?: string
}

/** @returns the exit code; see the help */
async function diff(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options })
  if ('exit' in read) return read.exit
  const flags: Flags = read.run.values
  const form = readOutput(flags.output, forms)
  const { filename } = flags
  if (filename === undefined) return wrongArguments(name, 'expected the new policy: -f FILE')
  if ('why' in form) return wrongArguments(name, form.why)
  const problem = clusterProblem(flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  const fresh = readFile(filename)
  if (fresh === undefined) return cannotAsk
  try {
    return await compare(fresh, flags, form.output)
  } catch (error) {
    return failed(name, error)
  }
}

export const diffCommand: LoadedCommand = { run: diff, options, values: { filename: 'file', output: forms } }

/** Undefined: it cannot be used, and what is wrong was printed. */
function readFile(filename: string): WrittenPolicy | undefined {
  const shown = filename === '-' ? 'standard input' : filename
  try {
    const text = readFileSync(filename === '-' ? 0 : filename, 'utf8')
    const result = readPolicyText(text)
    if ('policy' in result) return { spec: fieldsOf(load(text))['spec'], policy: result.policy }
    printProblems(shown, result.problems)
  } catch (error) {
    console.error(visibleText(`${name}: ${shown}: ${messageOf(error)}`))
  }
  return undefined
}

function printProblems(where: string, problems: readonly Problem[]): void {
  for (const { path, why } of problems) console.error(visibleText(`${where}: ${path}: ${why}`))
}

async function compare(fresh: WrittenPolicy, flags: Flags, output: 'text' | 'json' | 'yaml'): Promise<number> {
  const { metadata } = fresh.policy
  const namespace = flags.namespace ?? metadata.namespace
  const cluster = openCluster({ ...flags, ...(namespace !== undefined && { namespace }) }, 'diff')
  try {
    const [found] = await policiesOf(cluster, metadata.name)
    const read = parsePolicy(found)
    if (!('policy' in read)) {
      printProblems(`${metadata.name} in the cluster`, read.problems)
      return cannotAsk
    }
    const differences = differencesOf({ spec: found?.['spec'], policy: read.policy }, fresh)
    const isText = output === 'text'
    process.stdout.write(
      isText
        ? textOf(`${cluster.namespace}/${metadata.name}`, found?.metadata.generation, differences)
        : formatted({ differences }, output),
    )
    return differences.length === 0 ? 0 : 1
  } finally {
    await cluster.close()
  }
}

function textOf(policy: string, generation: number | undefined, differences: ReturnType<typeof differencesOf>): string {
  if (differences.length === 0) return `${policy}, generation ${generation}: no difference.\n`
  const style = styleOf(process.stdout)
  return [`${policy}, generation ${generation} ${style.hasUtf8 ? '→' : '->'} the new policy`, ...diffLines(differences, style)]
    .map((line) => `${line}\n`)
    .join('')
}
