// The completion of zsh.
import { type CompletionModel, programs } from './model.ts'
import { quoted, wordsFunction } from './words.ts'

/** To be sourced after compinit. */
export const zshScript = (model: CompletionModel): string => `# Completion of postscreen for zsh.
${wordsFunction(model)}
__postscreen_zsh() {
  if (( CURRENT == 2 )); then
    local -a commands
    commands=(
${model.map(({ name, about }) => `      ${quoted(`${name}:${about.replaceAll(':', String.raw`\:`)}`)}`).join('\n')}
    )
    _describe command commands
    return
  fi
  local found
  found=$(__postscreen_words "\${(@)words[2,CURRENT]}")
  case $found in
    :file) _files ;;
    :folder) _files -/ ;;
    '') ;;
    *) compadd -- "\${(@f)found}" ;;
  esac
}

compdef __postscreen_zsh ${programs.join(' ')}
`
