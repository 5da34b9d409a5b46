// Finds the commands of zmprov in text that users type, copy from a terminal, or pass to zmprov as a file: with
// prompts, sudo, su -c, or several commands in one line.

const prompt = /^(?:(?:prov|\[?[\w.-]+@[^$#>%]*[\w\])~ ]?)[$#>%]|[$>%](?= ))\s*/
const program = /^(?:\S*\/)?(?:zmprov|carbonio)$/
/** The commands that change attributes, in their short and long forms. */
const change = /^(?:mcf|modifyConfig|ms|modifyServer)$/

/**
 * The words of one line, split into commands at `;`, `
 * `, `&&` and redirections. `#` before a word begins a comment. Nothing is expanded.
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

/** The words of a shell command, with single and double quotes and backslashes. */
export const shellWords = (text: string): readonly string[] => shellCommands(text).flat()

/** The words from `mcf` or `ms` on, if the command is a change of attributes with zmprov, also after sudo and su. */
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

/** The changes in a line, each as its words from `mcf` or `ms` on; undefined if the line is not a command. */
export function commandsIn(line: string): readonly (readonly string[])[] | undefined {
  const typed = line.replace(prompt, '')
  if (!/^(?:sudo|su|mcf|modifyConfig|ms|modifyServer|\S*\/zmprov|zmprov|(?:\S*\/)?carbonio +prov)\s/.test(typed)) return undefined
  return shellCommands(typed).flatMap(changesOf)
}
