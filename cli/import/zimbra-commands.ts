// Finds the commands of zmprov in what people type, copy from a terminal, or hand to zmprov as a file: prompts, sudo,
// su -c, several in one line.

const prompt = /^(?:(?:prov|\[?[\w.-]+@[^$#>%]*[\w\])~ ]?)[$#>%]|[$>%](?= ))\s*/
const program = /^(?:\S*\/)?(?:zmprov|carbonio)$/
/** The commands that change attributes, in the short and the long form. */
const change = /^(?:mcf|modifyConfig|ms|modifyServer)$/

/**
 * Words of one line, cut into commands at `;`, `|`, `&&` and redirections. `#` before a word begins a comment. No
 * expansion of anything.
 */
function shellCommands(text: string): readonly (readonly string[])[] {
  const commands: string[][] = [[]]
  let word: string | undefined
  const finish = (): void => {
    if (word !== undefined) commands.at(-1)?.push(word)
    word = undefined
  }
  const pieces = /'([^']*)'|"((?:\\.|[^"\\])*)"|\\(.)|((?:\d*[<>]|[;|&])[;|&<>]*)|([^\s'"\\;|&<>]+)|(\s+)/g
  for (const [, single, double, escaped, operator, plain, blank] of text.matchAll(pieces)) {
    if (blank !== undefined) finish()
    else if (operator !== undefined) {
      finish()
      commands.push([])
    } else if (word === undefined && plain?.startsWith('#') === true) break
    else word = (word ?? '') + (single ?? double?.replaceAll(/\\(["\\$`])/g, '$1') ?? escaped ?? plain ?? '')
  }
  finish()
  return commands
}

/** The words of a shell command: single and double quotes, backslashes. */
export const shellWords = (text: string): readonly string[] => shellCommands(text).flat()

/** The words from `mcf` or `ms` on, if a command is one of zmprov that changes attributes; also behind sudo and su. */
function changesOf(words: readonly string[]): readonly (readonly string[])[] {
  const [first = ''] = words
  if (change.test(first)) return [words]
  if (program.test(first)) {
    const at = words.findIndex((word) => change.test(word))
    return at < 0 ? [] : [words.slice(at)]
  }
  if (first === 'su' || first === 'sudo') {
    const inner = words[words.findIndex((word) => word === '-c' || word === '--command') + 1] ?? ''
    if (words.some((word) => word === '-c' || word === '--command')) return shellCommands(inner).flatMap(changesOf)
    const at = words.findIndex((word) => program.test(word))
    return at < 0 ? [] : changesOf(words.slice(at))
  }
  return []
}

/**
 * The changes that a line makes, each as its words from `mcf` or `ms` on; undefined for a line that is not a command.
 */
export function commandsIn(line: string): readonly (readonly string[])[] | undefined {
  const typed = line.replace(prompt, '')
  if (!/^(?:sudo|su|mcf|modifyConfig|ms|modifyServer|\S*\/zmprov|zmprov|(?:\S*\/)?carbonio +prov)\s/.test(typed)) return undefined
  return shellCommands(typed).flatMap(changesOf)
}
