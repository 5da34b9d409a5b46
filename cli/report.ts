// `postscreen report`: writes one file about the policies and gateways of a cluster, for a bug report, without secrets.
import { writeFileSync } from 'node:fs'
import { readArguments, wrongArguments } from './arguments.ts'
import { openCluster } from './cluster/cluster.ts'
import { failed } from './cluster/failed.ts'
import { allNamespaces, allNamespacesHelp, clusterHelp, type ClusterFlags, clusterOptions, clusterProblem } from './cluster/options.ts'
import { commandName } from './command-name.ts'
import type { LoadedCommand } from './command.ts'
import { composeReport } from './report/compose.ts'

const name = commandName('report')

const help = `Usage: ${name} [POLICY] [OPTION]…

Writes one file for a bug report: versions, policies, their status, and of each gateway its status, metrics and last log lines.
Secrets, keys and tokens are left out, and senders, recipients and HELO names. Addresses of clients stay: read the file before you publish it.

  -f, --filename FILE    default: postscreen-report-TIME.txt in this folder; - is standard output
      --lines N          log lines of each gateway (200)
      --with-envelopes   keep senders, recipients, HELO names and what clients sent
${clusterHelp}${allNamespacesHelp}
It needs the verb list on postscreenpolicies and pods, and get on pods/proxy and pods/log. A part that may not be read is left out, and says so.
Exit codes: 0 written, 2 wrong arguments, 3 if the policies cannot be listed, or the file cannot be written.
`

const options = {
  ...clusterOptions,
  ...allNamespaces,
  filename: { type: 'string', short: 'f' },
  lines: { type: 'string', default: '200' },
  'with-envelopes': { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const

interface Flags extends ClusterFlags {
  readonly filename?: string
  readonly lines: string
  readonly 'with-envelopes'?: boolean
}

/** @returns the exit code; see the help */
async function report(args: readonly string[]): Promise<number> {
  const read = readArguments(name, help, { args: [...args], options, allowPositionals: true })
  if ('exit' in read) return read.exit
  const flags: Flags = read.run.values
  const [policy, ...more] = read.run.positionals
  if (more.length > 0) return wrongArguments(name, 'expected at most one POLICY')
  if (!/^\d{1,6}$/.test(flags.lines)) return wrongArguments(name, `--lines must be a number of lines, not ${JSON.stringify(flags.lines)}`)
  const problem = clusterProblem(flags)
  if (problem !== undefined) return wrongArguments(name, problem)
  try {
    const cluster = openCluster(flags, 'report')
    try {
      const at = new Date()
      const keepsEnvelopes = flags['with-envelopes'] === true
      write(await composeReport({ cluster, policy, logLines: Number(flags.lines), keepsEnvelopes, at }), flags.filename ?? fileName(at))
      return 0
    } finally {
      await cluster.close()
    }
  } catch (error) {
    return failed(name, error)
  }
}

export const reportCommand: LoadedCommand = { run: report, options, values: { filename: 'file' }, takes: 'policy' }

/** `postscreen-report-20261201T101700Z.txt` */
const fileName = (at: Date): string => `postscreen-report-${at.toISOString().replaceAll(/[-:]|\.\d+/g, '')}.txt`

/** Readable only for the user: it may hold more than everyone on this machine should see. */
function write(text: string, file: string): void {
  if (file === '-') process.stdout.write(text)
  else {
    writeFileSync(file, text, { mode: 0o600 })
    console.log(
      `${file}: ${Math.ceil(text.length / 1024)} KiB. Read it before you publish it: it has the addresses of clients and servers.`,
    )
  }
}
