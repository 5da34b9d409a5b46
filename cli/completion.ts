// `postscreen completion`: prints the script with which a shell completes the command.
import { readArguments, wrongArguments } from './arguments.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { bashScript } from './completion/bash.ts'
import { fishScript } from './completion/fish.ts'
import { kubectlScript } from './completion/kubectl.ts'
import { type CompletionModel, loadModel } from './completion/model.ts'
import { zshScript } from './completion/zsh.ts'

const name = commandName('completion')

const help = `Usage: ${name} bash|zsh|fish|kubectl

Prints a script that completes commands, options and their values, and names of the cluster, which it asks kubectl for.

  bash, zsh   source <(${name} bash)      in ~/.bashrc or ~/.zshrc
  fish        ${name} fish > ~/.config/fish/completions/kubectl-postscreen.fish
  kubectl     for "kubectl postscreen" in all shells: write it as kubectl_complete-postscreen into a folder of PATH, and make it executable

The first three complete the words postscreen and kubectl-postscreen.
Exit codes: 0, or 2 for wrong arguments.
`

const options = { help: { type: 'boolean', short: 'h' } } as const

const scripts: Readonly<Record<string, (model: CompletionModel) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
  kubectl: kubectlScript,
}

/** @returns the exit code */
async function completion(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const [shell = '', ...more] = read.run.positionals
  const script = Object.hasOwn(scripts, shell) ? scripts[shell] : undefined
  if (script === undefined || more.length > 0) return wrongArguments(name, `expected one of ${Object.keys(scripts).join(', ')}`)
  process.stdout.write(script(await loadModel()))
  return 0
}

export const completionCommand: LoadedCommand = { run: completion, options, verbs: Object.keys(scripts) }
