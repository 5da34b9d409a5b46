// `postscreen demo`, which `npm start` runs: a gateway, name lists and a mail server in one process on loopback, with a live log.
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
import { formatEndpoint } from '../crds/values/endpoint.ts'

/** What the demo asks of a gateway. Addresses are ADDR:PORT. */
export interface DemoOptions {
  readonly policyFile: string
  readonly listen: readonly string[]
  readonly backends: readonly string[]
  readonly resolvers: readonly string[]
  readonly admin: string
  /** Called for each event of a session. */
  readonly log: (record: LogRecord) => void
  /** Called for what is about no client: policy read again, or refused with these problems. */
  readonly notice: (text: string) => void
}

/** A gateway that runs. `listening` and `admin` are the real addresses, also where port 0 was asked for. */
export interface DemoGateway {
  readonly listening: readonly string[]
  readonly admin: string
  close(): Promise<void>
}

export type StartDemoGateway = (options: DemoOptions) => Promise<DemoGateway>

const help = `Usage: postscreen demo [--listen ADDR:PORT] [--admin ADDR:PORT]

Runs a gateway with an example policy and a small mail server on this machine, says what to try, and shows what happens.

  --listen ADDR:PORT   where mail clients connect (127.0.0.1:2525)
  --admin ADDR:PORT    where /metrics and /status are (127.0.0.1:2580)
  --help               this text
`

const policyFile = fileURLToPath(new URL('demo/policy.yaml', import.meta.url))

/** Runs the demo until SIGINT or SIGTERM. Returns the exit code: 0, 1 when it could not start, 2 for arguments that it does not know. */
export async function demo(args: readonly string[], start: StartDemoGateway): Promise<number> {
  const flags = readFlags(args)
  if (typeof flags === 'number') return flags
  const lists = await serveLists()
  const mail = await serveMail((message) => show(lineOfMail(message)))
  try {
    const gateway = await start({
      policyFile,
      ...flags,
      backends: [mail.address],
      resolvers: [lists.address],
      log: (record) => show(lineOf(record)),
      notice: (text) => console.log(painted('odd', `${clock()}  ${text}`)),
    })
    console.log(invitation({ listening: gateway.listening, admin: gateway.admin, mail: mail.address }, process.platform))
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

function readFlags(args: readonly string[]): { listen: readonly string[]; admin: string } | number {
  try {
    const options = {
      listen: { type: 'string', multiple: true },
      admin: { type: 'string' },
      help: { type: 'boolean', short: 'h' },
    } as const
    const { values } = parseArgs({ args: [...args], options })
    if (values.help === true) {
      console.log(help.trimEnd())
      return 0
    }
    return { listen: values.listen ?? ['127.0.0.1:2525'], admin: values.admin ?? '127.0.0.1:2580' }
  } catch (error) {
    console.error(`postscreen demo: ${messageOf(error)}\n\n${help.trimEnd()}`)
    return 2
  }
}

/** Why the demo cannot start, and what to do about it. */
export function reason(error: unknown): string {
  const { code, address, port } = Object.assign({ code: '', address: '', port: 0 }, error)
  if (code === 'EADDRINUSE') {
    return `Another program uses ${formatEndpoint({ address, port })} (perhaps a second demo). Stop it, or choose other ports:\n  npm start -- --listen 127.0.0.1:2526 --admin 127.0.0.1:2581`
  }
  if (code === 'EACCES') {
    return `This user may not listen on ${formatEndpoint({ address, port })}; ports below 1024 are for root. Choose another one:\n  npm start -- --listen 127.0.0.1:2525`
  }
  if (code === 'EADDRNOTAVAIL') {
    return `This machine has no address ${address}; --listen takes one that it has, such as 127.0.0.1:2525.`
  }
  return `The demo could not start: ${messageOf(error)}`
}

const colours = { good: 'green', bad: 'red', mail: 'cyan', odd: 'yellow', quiet: 'gray' } as const satisfies Record<Tone, string>

/** Colour for a terminal; plain in a pipe, and where NO_COLOR asks for it. */
function painted(tone: Tone, text: string): string {
  return styleText(colours[tone], text, { stream: process.stdout, validateStream: true })
}

const clock = (): string => new Date().toTimeString().slice(0, 8)
