// The shell function that knows what can be typed: for sh, bash and zsh.
import type { Values } from '../command.ts'
import type { CompletedCommand, CompletionModel } from './model.ts'

/** In single quotes, for every shell of this family. */
export const quoted = (text: string): string => `'${text.replaceAll("'", String.raw`'\''`)}'`

const lines = (words: readonly string[]): string => (words.length === 0 ? ':' : `printf '%s\\n' ${words.map(quoted).join(' ')}`)

/** What prints the values. `:file` and `:folder` stand for names of files. */
function print(values: Values | undefined): string {
  if (values === undefined) return ':'
  if (typeof values !== 'string') return lines(values)
  if (values === 'file' || values === 'folder') return `echo :${values}`
  return `__postscreen_names ${values}`
}

function cases({ name, options, verbs, takes }: CompletedCommand): string {
  const withValue = options.filter(({ takesValue }) => takesValue)
  const afterOption = withValue.map(({ names, values }) => {
    const patterns = names.map((option) => quoted(`${name} ${option}`)).join(' | ')
    return `    ${patterns}) ${print(values)} ;;`
  })
  const all = options.flatMap(({ names }) => names).filter((one) => one.startsWith('--'))
  return [
    ...afterOption,
    `    ${quoted(name)}' '*)`,
    `      case $__postscreen_current in -*) ${lines(all)}; return ;; esac`,
    ...(verbs.length > 0 ? [`      case $__postscreen_previous in ${quoted(name)}) ${lines(verbs)}; return ;; esac`] : []),
    `      ${print(takes)} ;;`,
  ].join('\n')
}

/**
 * `__postscreen_words WORD…` prints what may stand in the place of the last word, one candidate a line. The words are
 * those after the name of the program.
 */
export function wordsFunction(model: CompletionModel): string {
  return `__postscreen_names() {
  case $1 in
    namespace) kubectl \${__postscreen_context:+--context "$__postscreen_context"} get namespaces -o name 2>/dev/null | sed 's|.*/||' ;;
    context) kubectl config get-contexts -o name 2>/dev/null ;;
    policy)
      kubectl \${__postscreen_context:+--context "$__postscreen_context"} \${__postscreen_namespace:+-n "$__postscreen_namespace"} \\
        get postscreenpolicies -o name 2>/dev/null | sed 's|.*/||'
      ;;
  esac
}

__postscreen_words() {
  __postscreen_command='' __postscreen_previous='' __postscreen_namespace='' __postscreen_context=''
  while [ $# -gt 1 ]; do
    [ -n "$__postscreen_command" ] || __postscreen_command=$1
    case $__postscreen_previous in
      -n | --namespace) __postscreen_namespace=$1 ;;
      --context) __postscreen_context=$1 ;;
    esac
    __postscreen_previous=$1
    shift
  done
  __postscreen_current=\${1-}
  case "$__postscreen_command $__postscreen_previous" in
    ' ') ${lines(model.map(({ name }) => name))} ;;
${model.map(cases).join('\n')}
  esac
}
`
}
