// The name by which the program was called: `postscreen`, or `kubectl postscreen` as a plugin of kubectl.
import { basename } from 'node:path'

/** kubectl runs the program kubectl-postscreen for `kubectl postscreen`. */
export const isPlugin = basename(process.argv[1] ?? '').startsWith('kubectl-postscreen')

export const programName = isPlugin ? 'kubectl postscreen' : 'postscreen'

/** The subcommand as a user types it, such as `kubectl postscreen status`. */
export const commandName = (subcommand: string): string => `${programName} ${subcommand}`
