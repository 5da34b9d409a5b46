// Footers of replies (postscreen_reject_footer): lines with macros. `\n`, as two characters, begins a line.
import { readTemplate, type Template } from './macros.ts'
import type { Read } from './read.ts'

export interface ReplyFooter {
  /** The first line continues the last line of the reply (`\c` at the start of the text). */
  readonly continuesReply: boolean
  /** None: the reply has no footer. */
  readonly lines: readonly Template[]
}

export const footerMacros = ['client_address', 'client_port', 'localtime', 'server_name'] as const

export function readReplyFooter(text: string): Read<ReplyFooter> {
  const continuesReply = text.startsWith('\\c')
  const lines: Template[] = []
  for (const line of text === '' ? [] : text.slice(continuesReply ? 2 : 0).split('\\n')) {
    const read = readTemplate(line, footerMacros)
    if ('why' in read) return read
    lines.push(read.value)
  }
  return { value: { continuesReply, lines } }
}
