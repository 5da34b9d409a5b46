// The end of a subcommand that could not do its work.
import { visibleLines } from '../../crds/values/visible-text.ts'
import { codeOf, messageOf } from '../../runtime/caught.ts'

/** The exit code when the cluster, or a gateway in it, cannot be asked. */
export const cannotAsk = 3

/** Prints the reason. That the reader of a pipe has left is not a failure. @returns the exit code */
export function failed(name: string, error: unknown): number {
  if (codeOf(error) === 'EPIPE') return 0
  console.error(visibleLines(`${name}: ${messageOf(error)}`))
  return cannotAsk
}
