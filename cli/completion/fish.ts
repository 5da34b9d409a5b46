// The completion of fish.
import type { Values } from '../command.ts'
import { type CompletedCommand, type CompletedOption, type CompletionModel, programs } from './model.ts'

/** fish has two escapes in single quotes. */
const quoted = (text: string): string => `'${text.replaceAll(/['\\]/g, String.raw`\$&`)}'`

const names: Readonly<Record<string, string>> = {
  namespace: `(kubectl get namespaces -o name 2>/dev/null | string replace -r '.*/' '')`,
  context: '(kubectl config get-contexts -o name 2>/dev/null)',
  policy: `(kubectl get postscreenpolicies -o name 2>/dev/null | string replace -r '.*/' '')`,
  folder: '(__fish_complete_directories)',
}

/** The arguments of `complete` for values. */
function valuesOf(values: Values | undefined): string {
  if (values === undefined) return ''
  if (typeof values !== 'string') return ` -a ${quoted(values.join(' '))}`
  return values === 'file' ? ' -F' : ` -a ${quoted(names[values] ?? '')}`
}

function optionLine(program: string, command: string, { names: written, takesValue, values }: CompletedOption): string {
  const flags = written.map((name) => (name.startsWith('--') ? `-l ${name.slice(2)}` : `-s ${name.slice(1)}`)).join(' ')
  return `complete -c ${program} -n ${quoted(`__fish_seen_subcommand_from ${command}`)} ${flags}${takesValue ? ` ${values === 'file' ? '-r' : '-x'}${valuesOf(values)}` : ''}`
}

function commandLines(program: string, { name, about, options, verbs, takes }: CompletedCommand): readonly string[] {
  const after = quoted(`__fish_seen_subcommand_from ${name}`)
  return [
    `complete -c ${program} -n __fish_use_subcommand -a ${name} -d ${quoted(about)}`,
    ...options.map((option) => optionLine(program, name, option)),
    ...(verbs.length > 0
      ? [
          `complete -c ${program} -n ${quoted(`__fish_seen_subcommand_from ${name}; and not __fish_seen_subcommand_from ${verbs.join(' ')}`)} -a ${quoted(verbs.join(' '))}`,
        ]
      : []),
    ...(takes === undefined ? [] : [`complete -c ${program} -n ${after}${valuesOf(takes)}`]),
  ]
}

/** A file for the folder of completions. */
export const fishScript = (model: CompletionModel): string => `# Completion of postscreen for fish.
${programs.flatMap((program) => [`complete -c ${program} -f`, ...model.flatMap((command) => commandLines(program, command))]).join('\n')}
`
