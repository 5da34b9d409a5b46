// What a private Postfix has in its queue: messages as postcat shows them, without what differs between two deliveries of one message.
import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Postfix } from '../peers/postfix.ts'

const run = promisify(execFile)
/** Queue files in one call. */
const atOnce = 100

export interface QueuedMessage {
  /** Sender, recipients and parameters, and how the client is named, one record each. */
  readonly envelope: string
  /** One byte a character. The trace header is left out. */
  readonly content: string
}

/** Records that no two deliveries have in common. */
const varying =
  /^(message_(size|arrival_time)|create_time|named_attribute: (log_ident|log_client_port|client_port|server_port)|pointer_record)\b.*\n/gm

/** Reads messages by their queue ids. Throws when one is not there. */
export async function queuedMessages({ folder }: Postfix, ids: readonly string[]): Promise<ReadonlyMap<string, QueuedMessage>> {
  const found = new Map<string, QueuedMessage>()
  for (let at = 0; at < ids.length; at += atOnce) {
    const some = ids.slice(at, at + atOnce)
    const { stdout } = await run('postcat', ['-c', join(folder, 'conf'), '-q', ...some], { encoding: 'latin1', maxBuffer: 2 ** 30 })
    for (const [id, message] of parse(stdout)) found.set(id, message)
  }
  const missing = ids.find((id) => !found.has(id))
  if (missing !== undefined) throw new Error(`postcat does not show ${missing}`)
  return found
}

/** Removes messages. */
export async function removeMessages({ folder }: Postfix, ids: readonly string[]): Promise<void> {
  for (let at = 0; at < ids.length; at += atOnce) {
    const deletions = ids.slice(at, at + atOnce).flatMap((id) => ['-d', id])
    await run('postsuper', ['-c', join(folder, 'conf'), ...deletions])
  }
}

const parts =
  /\*\*\* ENVELOPE RECORDS \S*?(\w+) \*\*\*\n(.*?)\*\*\* MESSAGE CONTENTS \S+ \*\*\*\n(.*?)\*\*\* HEADER EXTRACTED \S+ \*\*\*\n(.*?)\*\*\* MESSAGE FILE END \S+ \*\*\*\n/gs

function* parse(text: string): Generator<readonly [string, QueuedMessage]> {
  for (const [, id = '', envelope = '', content = '', extracted = ''] of text.matchAll(parts)) {
    yield [id, { envelope: (envelope + extracted).replace(varying, ''), content: withoutTrace(content) }]
  }
}

/** The first header is Postfix's own, with the queue id and the time; Message-Id is added where the message has none, and Date too. */
function withoutTrace(content: string): string {
  return content.replace(/^Received: .*\n(?:[ \t].*\n)*/, '')
}
