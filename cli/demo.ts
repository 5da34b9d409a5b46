// `postscreen demo` (also `npm start`): runs a gateway, DNS lists and a mail server in one process on loopback, with a
// live log.
import { fileURLToPath } from 'node:url'
import { parseArgs, styleText } from 'node:util'
import { messageOf } from '../runtime/caught.ts'
import { stopSignal } from '../runtime/stop-signal.ts'
import type { LogRecord } from '../gateway/core/vocabulary.ts'
import { serveLists } from './demo/lists.ts'
import { serveMail } from './demo/mail-server.ts'
import { inColumns, lineOf, lineOfMail } from './demo/text.ts'
import type { Line, Tone } from './demo/text.ts'
import { invitation } from './demo/invitation.ts'
import { type Endpoint, formatEndpoint, readListenEndpoint } from '../crds/values/endpoint.ts'

/** The options of the demo's gateway. */
export interface DemoOptions {
  readonly policyFile: string
  readonly listen: readonly Endpoint[]
  readonly backends: readonly Endpoint[]
  readonly resolvers: readonly Endpoint[]
  readonly admin: Endpoint
  /** Called for each event of a session. */
  readonly log: (record: LogRecord) => void
  /** Called for messages that are not about a client: policy read again, or refused with these problems. */
  readonly notice: (text: string) => void
}

/** A running gateway. `listening` and `admin` are the actual addresses, even if port 0 was requested. */
export interface DemoGateway {
  readonly listening: readonly Endpoint[]
  /** ADDR:PORT */
  readonly admin: string
  close(): Promise<void>
}

export type StartDemoGateway = (options: DemoOptions) => Promise<DemoGateway>

const help = `Usage: postscreen demo [--listen ADDR:PORT] [--admin ADDR:PORT]

Runs a gateway with an example policy and a small mail server on this machine, suggests commands to try, and shows what happens.

  --listen ADDR:PORT   the address for mail clients (127.0.0.1:2525)
  --admin ADDR:PORT    the address of /metrics and /status (127.0.0.1:2580)
  --help               show this text
`

const policyFile = fileURLToPath(new URL('demo/policy.yaml', import.meta.url))

/** Runs the demo until SIGINT or SIGTERM. Returns the exit code: 0; 1 if it could not start; 2 for wrong arguments. */
export async function demo(args: readonly string[], start: StartDemoGateway): Promise<number> {
  const flags = readFlags(args)
  if (typeof flags === 'number') return flags
  const lists = await serveLists()
  const mail = await serveMail((message) => show(lineOfMail(message)))
  try {
    const gateway = await start({
      policyFile,
      ...flags,
      backends: [mail.endpoint],
      resolvers: [lists.endpoint],
      // For programs; what it says is in the lines around it.
      log: (record) => (record.event === 'TESTS' ? undefined : show(lineOf(record))),
      notice: (text) => console.log(painted('odd', `${clock()}  ${text}`)),
    })
    console.log(invitation({ listening: gateway.listening, admin: gateway.admin, mail: mail.endpoint }, process.platform))
    await stopSignal()
    console.log('\nStopping.')
    await gateway.close()
    return 0
  } catch (error) {
    console.error(reason(error))
    return 1
  } finally {
    lists.close()
    await mail.close()
  }
}

function show(line: Line): void {
  console.log(painted(line.tone, inColumns(clock(), line)))
}

export const demoOptions = {
  listen: { type: 'string', multiple: true },
  admin: { type: 'string' },
  help: { type: 'boolean', short: 'h' },
} as const

function readFlags(args: readonly string[]): { listen: readonly Endpoint[]; admin: Endpoint } | number {
  try {
    const { values } = parseArgs({ args: [...args], options: demoOptions })
    if (values.help === true) {
      console.log(help.trimEnd())
      return 0
    }
    return {
      listen: (values.listen ?? ['127.0.0.1:2525']).map((text) => readFlag('listen', text)),
      admin: readFlag('admin', values.admin ?? '127.0.0.1:2580'),
    }
  } catch (error) {
    console.error(`postscreen demo: ${messageOf(error)}\n\n${help.trimEnd()}`)
    return 2
  }
}

/** Throws if the text is not an endpoint. */
function readFlag(flag: string, text: string): Endpoint {
  const read = readListenEndpoint(text)
  if ('why' in read) throw new Error(`--${flag} ${JSON.stringify(text)}: ${read.why}`)
  return read.value
}

/** Why the demo cannot start, and what to do. */
export function reason(error: unknown): string {
  const { code, address, port } = Object.assign({ code: '', address: '', port: 0 }, error)
  if (code === 'EADDRINUSE') {
    return `${formatEndpoint({ address, port })} is in use by another program (perhaps a second demo). Stop it, or choose other ports:\n  npm start -- --listen 127.0.0.1:2526 --admin 127.0.0.1:2581`
  }
  if (code === 'EACCES') {
    return `This user is not allowed to listen on ${formatEndpoint({ address, port })}; only root can use ports below 1024. Choose another port:\n  npm start -- --listen 127.0.0.1:2525`
  }
  if (code === 'EADDRNOTAVAIL') {
    return `This machine does not have the address ${address}. Use an address of this machine with --listen, such as 127.0.0.1:2525.`
  }
  return `The demo could not start: ${messageOf(error)}`
}

const colours = { good: 'green', bad: 'red', mail: 'cyan', odd: 'yellow', quiet: 'gray' } as const satisfies Record<Tone, string>

/** Colour on a terminal; no colour in a pipe or if NO_COLOR is set. */
function painted(tone: Tone, text: string): string {
  return styleText(colours[tone], text, { stream: process.stdout, validateStream: true })
}

const clock = (): string => new Date().toTimeString().slice(0, 8)
