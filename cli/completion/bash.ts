// The completion of bash.
import { type CompletionModel, programs } from './model.ts'
import { wordsFunction } from './words.ts'

/** To be sourced. */
export const bashScript = (model: CompletionModel): string => `# Completion of postscreen for bash.
${wordsFunction(model)}
__postscreen_bash() {
  local found
  found=$(__postscreen_words "\${COMP_WORDS[@]:1:COMP_CWORD}")
  COMPREPLY=()
  case $found in
    :file) compopt -o default 2>/dev/null ;;
    :folder) compopt -o dirnames 2>/dev/null ;;
    *) mapfile -t COMPREPLY < <(compgen -W "$found" -- "\${COMP_WORDS[COMP_CWORD]}") ;;
  esac
}

complete -F __postscreen_bash ${programs.join(' ')}
`
