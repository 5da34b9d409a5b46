// Text that an administrator adds to refusals (postscreen_reject_footer; smtp_reply_footer.c).
import { expandMacros } from '../../crds/values/macros.ts'

/** Values of the macros that a footer may use. */
export type FooterMacros = Readonly<Record<'client_address' | 'client_port' | 'localtime' | 'server_name', string>>

/**
 * Appends a footer to a refusal. Each `\n` in the template (two characters) begins a reply line with the code and enhanced status code of the last one;
 * `\c` at the very start goes on in the same line.
 * @param text whole reply lines ended by CRLF
 */
export function appendFooter(text: string, template: string, macros: FooterMacros): string {
  const body = text.slice(0, -2)
  const lineBreak = body.lastIndexOf('\r\n')
  const lastStart = lineBreak < 0 ? 0 : lineBreak + 2
  const last = body.slice(lastStart)
  const match = /^(\d{3})[ -]([245]\.\d{1,3}\.\d{1,3}(?= |$))?/.exec(last)
  if (match === null) return text
  const status = match[2] === undefined ? '' : `${match[2]} `
  let result = body
  let lineAdded = false
  const lines = template.split('\\n')
  for (const [i, line] of lines.entries()) {
    if (i === 0 && line.startsWith('\\c')) {
      result += expandMacros(line.slice(2), macros)
      continue
    }
    result += `\r\n${match[1]}${i < lines.length - 1 ? '-' : ' '}${status}${expandMacros(line, macros)}`
    lineAdded = true
  }
  if (lineAdded) result = `${result.slice(0, lastStart + 3)}-${result.slice(lastStart + 4)}`
  return `${result}\r\n`
}
