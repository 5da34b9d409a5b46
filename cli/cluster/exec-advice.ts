// What is to be run in the pods of the gateways: changes, which a gateway accepts only from its own pod, and lists of
// clients, which no page of a gateway has.
import { visibleText } from '../../crds/values/visible-text.ts'
import { type PolicyPlace, runningAt } from './policy-place.ts'
import { ClusterError } from './needs.ts'

/** The commands of the shell, one for each gateway. @param isShared whether one gateway stands for all */
export async function execCommands(place: PolicyPlace, words: readonly string[], isShared: boolean): Promise<readonly string[]> {
  const gateways = await runningAt(place)
  const command = words.map(quoted).join(' ')
  return (isShared ? gateways.slice(0, 1) : gateways).map(
    ({ name }) => `kubectl -n ${place.namespace} exec ${name} -c gateway -- ${command}`,
  )
}

/** The error with these commands. */
export async function onlyInPod(place: PolicyPlace, why: string, words: readonly string[], isShared: boolean): Promise<ClusterError> {
  const commands = await execCommands(place, words, isShared)
  return new ClusterError(`${why}, with the right create on pods/exec:\n${commands.map((line) => `  ${line}`).join('\n')}`, 403)
}

const quoted = (word: string): string => {
  const text = visibleText(word)
  return /^[\w./:=@%+,-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`
}
