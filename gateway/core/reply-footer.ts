// Text that an administrator adds to refusals (postscreen_reject_footer; smtp_reply_footer.c).
import { fillIn } from '../../crds/values/macros.ts'
import type { footerMacros, ReplyFooter } from '../../crds/values/reply-footer.ts'
import type { Reply } from './replies.ts'

/** Values of the macros that a footer may use. */
export type FooterMacros = Readonly<Record<(typeof footerMacros)[number], string>>

/**
 * Appends a footer to a refusal. Each line of the footer begins a reply line with the enhanced status code of the last
 * one; the first line can continue that line instead.
 */
export function appendFooter({ code, text }: Reply, footer: ReplyFooter, macros: FooterMacros): Reply {
  const last = text.slice(text.lastIndexOf('\n') + 1)
  const status = /^[245]\.\d{1,3}\.\d{1,3}(?= |$)/.exec(last)?.[0]
  const begin = status === undefined ? '\n' : `\n${status} `
  const added = footer.lines.map((line, i) => `${i === 0 && footer.continuesReply ? '' : begin}${fillIn(line, macros)}`)
  return { code, text: text + added.join('') }
}
