// Text that an administrator adds to refusals (postscreen_reject_footer; smtp_reply_footer.c).
import { expandMacros } from '../../crds/values/macros.ts'
import type { Reply } from './replies.ts'

/** Values of the macros that a footer may use. */
export type FooterMacros = Readonly<Record<'client_address' | 'client_port' | 'localtime' | 'server_name', string>>

/**
 * Appends a footer to a refusal. Each `\n` in the template (two characters) begins a reply line with the enhanced
 * status code of the last one; `\c` at the very start continues the last line.
 */
export function appendFooter({ code, text }: Reply, template: string, macros: FooterMacros): Reply {
  const last = text.slice(text.lastIndexOf('\n') + 1)
  const status = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/.exec(last)?.[0]
  const begin = status === undefined ? '\n' : `\n${status} `
  const lines = template.split('\\n')
  const added = lines.map((line, i) =>
    i === 0 && line.startsWith('\\c') ? expandMacros(line.slice(2), macros) : `${begin}${expandMacros(line, macros)}`,
  )
  return { code, text: text + added.join('') }
}
